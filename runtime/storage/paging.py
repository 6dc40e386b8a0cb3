"""Lists, a page at a time: the one way to read on where a page ended.

A page is one query. It is ordered by columns that no two rows share, and the next one begins
after the last row's values in them (a keyset): rows that come or go meanwhile neither repeat nor
hide another. ``next`` is for the caller to send back as ``after``, not to read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, tuple_

from crypto import jcs
from crypto.errors import InvalidInput
from model.fields import parse_time
from model.reasons import Reason
from runtime.errors import Refusal

MAX_PAGE: Final = 500
Condition = ColumnElement[bool]
"""What a row of a list fulfils."""
Rows = Sequence[Row[Any]]
_MAX_AFTER_BYTES: Final = 400
_MAX_INT: Final = 2**63 - 1


@dataclass(frozen=True)
class Page:
    """What is asked for: at most ``limit`` rows, after the place that ``after`` names."""

    after: str
    limit: int


def page_of(request: Any) -> Page:
    """Return the page that a request with ``after`` and ``limit`` asks for; 0 is ``MAX_PAGE``.

    Raises Refusal(malformed).
    """
    if request.limit > MAX_PAGE:
        raise Refusal(Reason.MALFORMED, f"limit: at most {MAX_PAGE} rows a page")
    return Page(request.after, request.limit or MAX_PAGE)


def fetch(
    conn: Connection, query: Select[Any], order: Sequence[ColumnElement[Any]], page: Page
) -> tuple[Rows, str]:
    """Return the rows of a page, and the next one's ``after``: "" where there is none.

    Raises Refusal(malformed) for an ``after`` that no page of this list gave.

    Args:
        query: Filtered, without order.
        order: Columns of it, text or integer, together unique; an index leads to them.
    """
    if page.after:
        query = query.where(tuple_(*order) > tuple_(*_place(page.after, order)))
    rows = conn.execute(query.order_by(*order).limit(page.limit + 1)).all()
    if len(rows) <= page.limit:
        return rows, ""
    last = rows[page.limit - 1]._mapping
    place: list[jcs.Json] = [last[column] for column in order]
    return rows[: page.limit], jcs.encode(place).decode()


def between(column: ColumnElement[Any], request: Any) -> list[Condition]:
    """Conditions for a request's ``since`` (inclusive) and ``until`` (exclusive), each optional.

    Raises Refusal(malformed).
    """
    for name in ("since", "until"):
        text = getattr(request, name)
        try:
            if text:
                parse_time(text)
        except ValueError as error:
            raise Refusal(Reason.MALFORMED, f"{name}: {error}") from None
    found = [column >= request.since] if request.since else []
    return found + ([column < request.until] if request.until else [])


def check_state(state: str, states: Sequence[str]) -> None:
    """Raise Refusal(malformed) for a state to filter by that is not one of the list's."""
    if state and state not in states:
        raise Refusal(Reason.MALFORMED, f"state: one of {', '.join(states)}")


def _place(after: str, order: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        values = jcs.decode(after.encode(), max_bytes=_MAX_AFTER_BYTES)
    except InvalidInput:
        values = None
    if not isinstance(values, list) or len(values) != len(order):
        raise Refusal(Reason.MALFORMED, "after: what a page of this list gave as next")
    for value, column in zip(values, order, strict=True):
        fits = type(value) is column.type.python_type
        if not fits or (value > _MAX_INT if isinstance(value, int) else "\0" in value):
            raise Refusal(Reason.MALFORMED, "after: what a page of this list gave as next")
    return values
