"""One cell of a CSV: person, amount, period. Errors say what to mend and mask numbers."""

import re
from datetime import date

from model.identifiers import Identifier, IdentifierError, IdentifierType
from model.identifiers import parse as parse_identifier
from model.money import AmountError, Unit, parse_amount
from node.records.problems import shown

EARLIEST_YEAR = 1900
LATEST_YEAR = 2199
MAX_ROW_KEY = 128

_PERIOD = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)


class CellError(ValueError):
    """What is wrong with a cell; the message may be shown to the department's admin."""


def person(text: str, kind: IdentifierType, *, today: date) -> Identifier:
    """Return the identifier in its one spelling. Raises CellError."""
    if not text:
        raise CellError("the person's number is missing")
    try:
        return parse_identifier(text, default=kind, today=today)
    except IdentifierError as error:
        raise CellError(str(error)) from None


def amount(text: str, unit: Unit, *, empty_is_unreadable: bool) -> int | None:
    """Return the amount in the base unit, None for an empty cell that may be. Raises CellError."""
    if not text:
        if empty_is_unreadable:
            return None
        raise CellError('the amount is missing; [amount] empty = "unreadable" would allow it')
    try:
        return parse_amount(text, unit)
    except AmountError as error:
        # The parser quotes the cell; here it is quoted masked, for columns get swapped.
        why = str(error).removeprefix(f"{text[:40]!r}: ")
        raise CellError(f"{shown(text)}: {why}") from None


def period(text: str) -> str:
    """Return the last month of ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` as ``YYYY-MM``."""
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise CellError(f"{shown(text)}: a period is written 2026, 2026-10 or 2026-10-31")
    year, month, day = int(match[1]), int(match[2] or 12), int(match[3] or 1)
    try:
        date(year, month, day)
    except ValueError:
        raise CellError(f"{shown(text)}: there is no such month or day") from None
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise CellError(f"{shown(text)}: the year lies outside {EARLIEST_YEAR} to {LATEST_YEAR}")
    return f"{year:04d}-{month:02d}"


def row_key(text: str) -> str:
    """Return the key of the thing that the row is about. Raises CellError."""
    if not text or text != text.strip():
        raise CellError("the row's key is missing, or has a space before or after it")
    if len(text) > MAX_ROW_KEY:
        raise CellError(f"the row's key has {len(text)} characters; at most {MAX_ROW_KEY}")
    return text
