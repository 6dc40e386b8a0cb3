"""The mapping TOML: what it says, and how a wrong one is refused.

Tests design.md 2.4.10, 7.3.
"""

import pytest

from model.documents.query import Coverage
from model.money import Unit
from node.records.mapping import parse_mapping
from node.records.problems import MappingProblem

GOOD = """
resource = "tax.wages"
title = "Wages"
title_zh = "工资"
data_date = 2026-10-31
encoding = "gb18030"
[columns]
person = "证件号"
person_type = "resident"
amount = "amt"
period = "month"
row = "id"
[amount]
unit = "yuan"
"""
COVERED = "covers_from = 2024-01-01\ncovers_to = 2026-10-31\n"


def test_a_full_mapping_is_read() -> None:
    mapping = parse_mapping(GOOD.encode())
    assert mapping.resource == "tax.wages"
    assert mapping.unit is Unit.FEN
    assert mapping.columns.named == ["证件号", "amt", "month", "id"]


def test_a_pure_count_has_no_amount() -> None:
    text = GOOD.replace('amount = "amt"\n', "").replace('[amount]\nunit = "yuan"\n', "")
    assert parse_mapping(text.encode()).unit is Unit.COUNT


def test_coverage_is_stated_or_said_not_to_be() -> None:
    assert parse_mapping(GOOD.encode()).coverage == Coverage(first="not stated", last="not stated")
    covered = GOOD.replace("encoding", COVERED + "encoding")
    found = parse_mapping(covered.encode()).coverage
    assert (found.first, found.last) == ("2024-01-01", "2026-10-31")


REFUSED = {
    "coverage without its end": (
        GOOD.replace("encoding", "covers_from = 2024-01-01\nencoding"),
        "both covers_from and covers_to, or neither",
    ),
    "coverage that ends before it begins": (
        GOOD.replace("encoding", COVERED.replace("2024", "2027") + "encoding"),
        "must be in this order",
    ),
    "coverage beyond the data": (
        GOOD.replace("encoding", COVERED.replace("2026-10-31", "2026-11-01") + "encoding"),
        "must be in this order",
    ),
    "unknown key, with the near one": (
        GOOD.replace("encoding", "encodign"),
        'unknown key "encodign". Did you mean "encoding"?',
    ),
    "unknown key in a table": (
        GOOD.replace('amount = "amt"', 'amout = "amt"'),
        '[columns]: unknown key "amout". Did you mean "amount"?',
    ),
    "missing key": (GOOD.replace('resource = "tax.wages"\n', ""), 'key "resource" is missing'),
    "missing person": (
        GOOD.replace('person = "证件号"\n', ""),
        '[columns]: key "person" is missing',
    ),
    "amount without its unit": (
        GOOD.replace('[amount]\nunit = "yuan"\n', ""),
        '[amount]: "unit" is needed',
    ),
    "unit without an amount": (GOOD.replace('amount = "amt"\n', ""), '[columns]: "amount"'),
    "unknown unit": (GOOD.replace('unit = "yuan"', 'unit = "dollar"'), '[amount]: key "unit"'),
    "a date in quotes": (GOOD.replace("2026-10-31", '"2026-10-31"'), 'key "data_date"'),
    "unknown encoding": (GOOD.replace('"gb18030"', '"latin-1"'), 'key "encoding"'),
    "unknown type of person": (GOOD.replace('"resident"', '"citizen"'), "person_type"),
    "one column for two things": (GOOD.replace('row = "id"', 'row = "amt"'), "named twice"),
    "not TOML": ("resource = ", "not TOML"),
    "too large": ("#" * 70_000, "at most 65536"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_mapping_is_refused_by_file_table_and_key(text: str, sentence: str) -> None:
    with pytest.raises(MappingProblem) as caught:
        parse_mapping(text.encode(), source="wages.toml")
    assert str(caught.value).startswith("wages.toml: ")
    assert sentence in str(caught.value)
