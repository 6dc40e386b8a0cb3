"""CSV files: what is taken, what is refused, and that no number of a person is ever echoed."""

from datetime import date
from pathlib import Path

import pytest

from model.identifiers import check_digit
from node.records.mapping import Mapping, parse_mapping
from node.records.problems import CsvProblem
from node.records.reading import Record, read_csv

TODAY = date(2026, 11, 23)
MAPPING = """
resource = "tax.wages"
title = "Wages"
data_date = 2026-10-31
[columns]
person = "id_no"
amount = "amount"
period = "month"
[amount]
unit = "yuan"
"""
KEYED = MAPPING.replace('period = "month"', 'row = "asset"')
UNREADABLE = MAPPING.replace('unit = "yuan"', 'unit = "yuan"\nempty = "unreadable"')
COUNT = KEYED.replace('amount = "amount"\n', "").replace('[amount]\nunit = "yuan"\n', "")


def number(serial: int) -> str:
    first = f"33021219800101{serial:03d}"
    return first + check_digit(first)


A, B = number(1), number(2)
WRONG_DIGIT = A[:-1] + ("0" if A[-1] != "0" else "1")


def read(tmp_path: Path, text: str | bytes, mapping: str = MAPPING) -> list[Record]:
    path = tmp_path / "wages.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    described: Mapping = parse_mapping(mapping.encode())
    return read_csv(path, described, source="wages.csv", today=TODAY)


TAKEN = {
    "a plain row": (f"id_no,month,amount\n{A},2026-10,12.50\n", MAPPING, ["2026-10"], [1250]),
    "columns in another order and more of them": (
        f"note,amount,id_no,month\nx,-3,{A},2026-10-31\n", MAPPING, ["2026-10"], [-300],
    ),
    "a year's period ends in December": (
        f"id_no,month,amount\n{A},2025,1\n", MAPPING, ["2025-12"], [100],
    ),
    "a UTF-8 mark, quotes and CRLF": (
        f'\ufeffid_no,month,amount\r\n"{A}",2026-10,"1"\r\n\r\n', MAPPING, ["2026-10"], [100],
    ),
    "an identifier with its type": (
        f"id_no,month,amount\nresident:{A},2026-10,1\n", MAPPING, ["2026-10"], [100],
    ),
    "an empty amount where the mapping allows it": (
        f"id_no,month,amount\n{A},2026-10,\n", UNREADABLE, ["2026-10"], [None],
    ),
    "one person, one month, two amounts": (
        f"id_no,month,amount\n{A},2026-10,1\n{A},2026-10,2\n",
        MAPPING, ["2026-10"] * 2, [100, 200],
    ),
    "one thing of two persons": (
        f"id_no,asset,amount\n{A},K1,5\n{B},K1,5\n", KEYED, [None] * 2, [500, 500],
    ),
    "a pure count": (f"id_no,asset\n{A},K1\n", COUNT, [None], [None]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "mapping", "periods", "amounts"), TAKEN.values(), ids=TAKEN)
def test_a_sound_file_is_taken(
    tmp_path: Path,
    text: str,
    mapping: str,
    periods: list[str | None],
    amounts: list[int | None],
) -> None:
    records = read(tmp_path, text, mapping)
    assert [r.period for r in records] == periods
    assert [r.amount for r in records] == amounts
    assert records[0].person == f"resident:{A}"


def test_gb18030_is_read_where_the_mapping_says_so(tmp_path: Path) -> None:
    mapping = MAPPING.replace("[columns]", 'encoding = "gb18030"\n[columns]').replace(
        '"amount"\nperiod', '"金额"\nperiod'
    )
    records = read(tmp_path, f"id_no,month,金额\n{A},2026-10,7\n".encode("gb18030"), mapping)
    assert records[0].amount == 700


HEAD = "id_no,month,amount\n"
REFUSED = {
    "empty file": (b"", MAPPING, ["line 1: the file is empty"]),
    "only a header": (HEAD, MAPPING, ["no rows"]),
    "missing column, with the near one": (
        "id_no,month,amuont\n", MAPPING, ['column "amount"', 'Did you mean "amuont"?'],
    ),
    "missing column, nothing near": (
        "id_no,month,x\n", MAPPING, ['column "amount"', "columns: id_no, month, x"],
    ),
    "no header": (
        f"{A},2026-10,5\n", MAPPING, ["line of column names missing"],
    ),
    "a column twice": ("id_no,month,amount,amount\n", MAPPING, ['two columns are called "amount"']),
    "bad check digit": (
        HEAD + f"{WRONG_DIGIT},2026-10,5\n", MAPPING,
        ["line 2, column 1 (id_no)", "check digit"],
    ),
    "fifteen digits": (HEAD + "330212800101001,2026-10,5\n", MAPPING, ["15-digit"]),
    "bad amount": (
        HEAD + f"{A},2026-10,1,5\n".replace("1,5", '"1,234"'), MAPPING,
        ["line 2, column 3 (amount)", "thousands separators"],
    ),
    "three decimals": (HEAD + f"{A},2026-10,1.234\n", MAPPING, ["at most 2 decimals"]),
    "empty amount": (HEAD + f"{A},2026-10,\n", MAPPING, ["amount is missing", "unreadable"]),
    "empty person": (HEAD + ",2026-10,5\n", MAPPING, ["number is missing"]),
    "columns swapped": (HEAD + f"5,2026-10,{A}\n", MAPPING, ["line 2, column 3 (amount)"]),
    "bad period": (HEAD + f"{A},10/2026,5\n", MAPPING, ["a period is written 2026"]),
    "no such month": (HEAD + f"{A},2026-13,5\n", MAPPING, ["no such month"]),
    "period out of range": (HEAD + f"{A},1026-10,5\n", MAPPING, ["outside 1900"]),
    "the same line twice": (
        HEAD + f"{A},2026-10,5\n{B},2026-10,5\n{A},2026-10,5\n", MAPPING,
        ["line 4: duplicate", "first in line 2"],
    ),
    "the same row key of one person": (
        f"id_no,asset,amount\n{A},K1,5\n{A},K1,6\n", KEYED, ["line 3: duplicate"],
    ),
    "one thing with two amounts": (
        f"id_no,asset,amount\n{A},K1,5\n{B},K1,6\n", KEYED, ["line 3", "another amount"],
    ),
    "GB18030 read as UTF-8": (
        "id_no,month,amount,备注\n".encode("gb18030"), MAPPING,
        ["line 1, byte", 'encoding = "gb18030"'],
    ),
    "UTF-16": (HEAD.encode("utf-16"), MAPPING, ["UTF-16"]),
    "a workbook": (b"PK\x03\x04....", MAPPING, ["Excel"]),
    "a NUL byte": (HEAD.encode() + b"\x00", MAPPING, ["NUL"]),
    "a line too long": (HEAD + "x" * 20_000, MAPPING, ["line 2: longer than"]),
    "too few fields": (HEAD + f"{A},2026-10\n", MAPPING, ["line 2: 2 fields", "has 3"]),
    "a quote left open": (HEAD + f'"{A},2026-10,5\n', MAPPING, ["line 2: not CSV", "quote"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "mapping", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_file_is_refused_by_line_and_column(
    tmp_path: Path, text: str | bytes, mapping: str, words: list[str]
) -> None:
    with pytest.raises(CsvProblem) as caught:
        read(tmp_path, text, mapping)
    message = str(caught.value)
    assert message.startswith("wages.csv: ")
    for word in words:
        assert word in message
    for secret in (A, B, WRONG_DIGIT, "330212800101001"):
        assert secret not in message


def test_ten_faults_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    text = HEAD + "".join(f"{number(i)},2026-10,x\n" for i in range(25))
    with pytest.raises(CsvProblem) as caught:
        read(tmp_path, text)
    assert [fault.line for fault in caught.value.faults] == list(range(2, 12))
    assert caught.value.more == 15
    assert "and 15 more" in str(caught.value)


def test_a_file_full_of_faults_is_given_up(tmp_path: Path) -> None:
    text = HEAD + "x,2026-10,x\n" * 50_000
    with pytest.raises(CsvProblem) as caught:
        read(tmp_path, text)
    assert caught.value.more < 2000
