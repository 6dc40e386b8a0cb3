"""A department's CSV, read whole and strictly: either every line is sound, or nothing is taken.

RFC 4180 with a first line of column names. Up to ten faults are collected before it gives up,
so that an admin mends a file in one go. Numbers of persons are masked in every message.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from model.identifiers import mask
from model.mistakes import listed, nearest
from node.records import cells
from node.records.cells import CellError
from node.records.mapping import Mapping
from node.records.problems import MAX_SHOWN, CsvProblem, Fault

MAX_LINE_BYTES = 16 * 1024
_MAX_FAULTS = 1000
_LOOKS_LIKE_DATA = re.compile(r"[0-9０-９]{6,}")
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "an Excel workbook"}
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Record:
    """One sound row. Amount in the base unit, None where it is unreadable; period ``YYYY-MM``."""

    person: str
    amount: int | None
    period: str | None
    row_key: str | None


class _Faults:
    """Collects faults; past the bound it stops the reading."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._faults: list[Fault] = []
        self._count = 0

    def add(self, line: int, place: str, what: str) -> None:
        self._count += 1
        if len(self._faults) < MAX_SHOWN:
            self._faults.append(Fault(line, place, what))
        if self._count >= _MAX_FAULTS:
            self.check()

    def stop(self, line: int, place: str, what: str) -> CsvProblem:
        """The fault after which nothing can be read."""
        self.add(line, place, what)
        return self._problem()

    def check(self) -> None:
        if self._count:
            raise self._problem()

    def _problem(self) -> CsvProblem:
        return CsvProblem(self._source, self._faults, more=self._count - len(self._faults))


def read_csv(path: Path, mapping: Mapping, *, source: str, today: date) -> list[Record]:
    """Return every row of the file in order.

    Args:
        path: The file, in the mapping's encoding; a UTF-8 mark is accepted.
        source: What messages call the file.
        today: No person is born after it.

    Raises:
        CsvProblem: with up to ten faults by line and column.
    """
    faults = _Faults(source)
    _check_start(path, mapping, faults)
    lines = _lines(path, mapping, faults)
    reader = csv.reader(lines, delimiter=mapping.delimiter, strict=True)
    records = _records(reader, faults)
    header = next(records, None)
    if header is None:
        raise faults.stop(1, "", "the file is empty")
    positions = _positions(header[1], mapping, faults)
    rows = _Rows(mapping, positions, header[1], faults, today)
    found = [row for line, fields in records if (row := rows.parse(line, fields)) is not None]
    faults.check()
    if not found:
        raise faults.stop(1, "", "the file has column names in its first line, but no rows")
    return found


def _check_start(path: Path, mapping: Mapping, faults: _Faults) -> None:
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise faults.stop(1, "", "the file is empty")
    for mark, name in _MARKS.items():
        if start.startswith(mark):
            raise faults.stop(1, "", f"this is {name}; save it as CSV in UTF-8")
    if start.startswith(_UTF8_MARK) and mapping.encoding != "utf-8":
        raise faults.stop(
            1, "", f'the file is UTF-8, but the mapping says encoding = "{mapping.encoding}"'
        )


def _lines(path: Path, mapping: Mapping, faults: _Faults) -> Iterator[str]:
    """Physical lines, decoded one by one so that a wrong byte has a line number."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise faults.stop(number, "", f"longer than {MAX_LINE_BYTES} bytes")
            if number == 1:
                raw = raw.removeprefix(_UTF8_MARK)
            yield _decode(raw, number, mapping.encoding, faults)


def _decode(raw: bytes, number: int, encoding: str, faults: _Faults) -> str:
    if b"\x00" in raw:
        raise faults.stop(number, "", "a NUL byte: this is not a text file")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        other = "gb18030" if encoding == "utf-8" else "utf-8"
        raise faults.stop(
            number,
            f"byte {error.start + 1}",
            f'not {encoding}. If the file is {other}, set encoding = "{other}" in the mapping',
        ) from None


def _records(reader: Iterator[list[str]], faults: _Faults) -> Iterator[tuple[int, list[str]]]:
    """Records with the number of the line that each begins on; blank lines are skipped."""
    line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise faults.stop(line, "", f"not CSV: {error}; is a quote left open?") from None
        if fields is None:
            return
        if fields:
            yield line, fields
        line = reader.line_num + 1  # type: ignore[attr-defined]


def _positions(header: Sequence[str], mapping: Mapping, faults: _Faults) -> dict[str, int]:
    """Where each mapped column stands, by its name in the file."""
    known = [name.strip() for name in header]
    _check_header(known, faults)
    for column in mapping.columns.named:
        if column not in known:
            what = f'column "{column}" of the mapping is not in the file (columns: {listed(known)})'
            near = nearest(column, known)
            faults.add(1, "", f'{what}. Did you mean "{near}"?' if near else what)
    faults.check()
    return {column: known.index(column) for column in mapping.columns.named}


def _check_header(known: Sequence[str], faults: _Faults) -> None:
    for name in known:
        if _LOOKS_LIKE_DATA.search(name):
            raise faults.stop(
                1, "", f'"{mask(name)}" is not a column name: is the line of column names missing?'
            )
    for place, name in enumerate(known):
        if name in known[:place]:
            raise faults.stop(1, f"column {place + 1}", f'two columns are called "{name[:40]}"')


class _Rows:
    """Parses rows one by one and remembers what may not come twice."""

    def __init__(
        self,
        mapping: Mapping,
        positions: dict[str, int],
        header: Sequence[str],
        faults: _Faults,
        today: date,
    ) -> None:
        self._mapping = mapping
        self._positions = positions
        self._width = len(header)
        self._faults = faults
        self._today = today
        self._seen: dict[bytes, int] = {}
        self._amounts: dict[bytes, tuple[int, int | None]] = {}

    def parse(self, line: int, fields: list[str]) -> Record | None:
        """Return the record, or note what is wrong with it."""
        if len(fields) != self._width:
            what = f"{len(fields)} fields where the first line has {self._width}"
            self._faults.add(line, "", what)
            return None
        values = self._cells(line, fields)
        if values is None:
            return None
        record = Record(**values)
        self._check_duplicate(line, fields, record)
        return record

    def _cells(self, line: int, fields: list[str]) -> dict[str, Any] | None:
        columns, sound = self._mapping.columns, True
        values: dict[str, Any] = {}
        for name, column in (
            ("person", columns.person),
            ("amount", columns.amount),
            ("period", columns.period),
            ("row_key", columns.row),
        ):
            values[name] = None
            if column is None:
                continue
            position = self._positions[column]
            try:
                values[name] = self._cell(name, fields[position])
            except CellError as error:
                sound = False
                self._faults.add(line, f"column {position + 1} ({column})", str(error))
        return values if sound else None

    def _cell(self, name: str, text: str) -> Any:
        mapping = self._mapping
        if name == "person":
            return cells.person(text, mapping.columns.person_type, today=self._today).text
        if name == "amount" and mapping.amount is not None:
            unreadable = mapping.amount.empty == "unreadable"
            return cells.amount(text, mapping.amount.unit, empty_is_unreadable=unreadable)
        return cells.period(text) if name == "period" else cells.row_key(text)

    def _check_duplicate(self, line: int, fields: list[str], record: Record) -> None:
        if record.row_key is None:
            what, key = "the same line again", _digest(fields)
        else:
            what = "the same row key for the same person and period again"
            key = _digest([record.person, record.row_key, record.period or ""])
            self._check_agreement(line, record)
        first = self._seen.setdefault(key, line)
        if first != line:
            self._faults.add(line, "", f"duplicate: {what}, first in line {first}")

    def _check_agreement(self, line: int, record: Record) -> None:
        """One thing has one amount, whoever holds it."""
        key = _digest([record.row_key or "", record.period or ""])
        first, amount = self._amounts.setdefault(key, (line, record.amount))
        if amount != record.amount:
            what = f"the row key stands in line {first} with another amount; one thing has one"
            self._faults.add(line, "", what)


def _digest(parts: Sequence[str]) -> bytes:
    data = b"".join(len(p).to_bytes(4, "big") + p for p in (part.encode() for part in parts))
    return hashlib.sha256(data).digest()[:16]
