"""Every list, page by page: no gap, no repetition, while rows come and go; one query a page."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, insert

from coordinator.case import store as cases
from model.reasons import Reason
from registrar.authorizations import store as letters
from registrar.enrolment import store as budgets
from runtime.errors import Refusal
from runtime.storage import store as policies
from runtime.storage.paging import MAX_PAGE, Page, check_state, page_of

ROWS = 1_100
TODAY = date(2026, 11, 27)
Fetched = tuple[Sequence[Any], str]


@dataclass(frozen=True)
class Listed:
    """One list: its table, how row ``n`` is told apart, how a page is fetched and named."""

    table: Table
    row: Callable[[int], dict[str, Any]]
    fetch: Callable[[Connection, Page], Fetched]
    name: Callable[[Any], Any]


def moment(n: int) -> str:
    """Several rows a second, in the order of ``n``."""
    return f"2026-11-27T08:{n // 600:02}:{n // 10 % 60:02}Z"


LISTS = {
    "cases": Listed(
        cases.CASES,
        lambda n: {
            "case_id": f"{n:032x}",
            "request_digest": f"{n:064x}",
            "state": "opened",
            "opened_at": moment(n),
        },
        lambda conn, page: cases.list_cases(conn, page),
        lambda row: row.case_id,
    ),
    "authorizations": Listed(
        letters.AUTHORIZATIONS,
        lambda n: {"number": f"N-{n}", "state": "draft"},
        lambda conn, page: letters.page(conn, page),
        lambda row: row.number,
    ),
    "policies, several in one second": Listed(
        policies.POLICIES,
        lambda n: {"digest": f"{n * 7919 % 100_003:064x}", "approved_at": moment(n)},
        lambda conn, page: policies.policy_page(conn, page, ""),
        lambda row: row.digest,
    ),
    "budgets": Listed(
        budgets.BUDGETS,
        lambda n: {"department": f"d{n % 40}", "epoch": n},
        lambda conn, page: budgets.page(conn, page, department="", state=""),
        lambda row: (row.department, row.epoch),
    ),
}
each_list = pytest.mark.parametrize("listed", LISTS.values(), ids=LISTS.keys())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'lists.db'}")
    for listed in LISTS.values():
        listed.table.metadata.create_all(engine)
    yield engine
    engine.dispose()


def fill(conn: Connection, listed: Listed, numbers: Any) -> None:
    rows = [_defaults(listed.table) | listed.row(n) for n in numbers]
    conn.execute(insert(listed.table), rows)


def _defaults(table: Table) -> dict[str, Any]:
    blank = {int: 0, str: "", bytes: b""}
    needed = [c for c in table.columns if not c.nullable and c.autoincrement is not True]
    return {c.name: blank[c.type.python_type] for c in needed}


@each_list
def test_a_walk_neither_misses_nor_repeats_while_rows_are_added(
    engine: Engine, listed: Listed
) -> None:
    more, seen, after = count(ROWS), [], ""
    with engine.begin() as conn:
        fill(conn, listed, range(ROWS))
    while True:
        with engine.begin() as conn:
            rows, after = listed.fetch(conn, Page(after, 97))
            assert len(rows) == 97 or not after
            fill(conn, listed, [next(more) for _ in range(20)])
        seen += [listed.name(row) for row in rows]
        if not after:
            break
    assert len(set(seen)) == len(seen)
    with engine.begin() as conn:
        stored = conn.execute(listed.table.select()).all()
    assert {listed.name(row) for row in stored[:ROWS]} <= set(seen)


@each_list
def test_a_row_that_goes_takes_no_other_with_it(engine: Engine, listed: Listed) -> None:
    with engine.begin() as conn:
        fill(conn, listed, range(30))
        every, _ = listed.fetch(conn, Page("", MAX_PAGE))
        first, after = listed.fetch(conn, Page("", 10))
        conn.execute(delete(listed.table).where(*_named(listed, first[-1])))
        rest, end = listed.fetch(conn, Page(after, MAX_PAGE))
    assert [listed.name(row) for row in rest] == [listed.name(row) for row in every[10:]]
    assert end == ""


def _named(listed: Listed, row: Any) -> list[Any]:
    keys = [key for key in listed.row(0) if key in listed.table.primary_key or "_id" in key]
    return [listed.table.c[key] == getattr(row, key) for key in keys]


@each_list
def test_a_page_is_one_query_that_reads_no_more_than_it_shows(
    engine: Engine, listed: Listed
) -> None:
    with engine.begin() as conn:
        fill(conn, listed, range(ROWS))
        _, after = listed.fetch(conn, Page("", 50))
        with statements(engine) as said:
            listed.fetch(conn, Page(after, 50))
    assert len(said) == 1 and "LIMIT" in said[0]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield said
    event.remove(engine, "before_cursor_execute", note)


FILTERED = {
    "a state": ({"state": "draft"}, ["N-0", "N-3"]),
    "in force today": ({"state": "in-force"}, ["N-1"]),
    "in force by name, and over": ({"state": "expired"}, ["N-2"]),
    "since, that second included": ({"since": moment(20)}, ["N-2", "N-3"]),
    "until, that second excluded": ({"until": moment(20)}, ["N-0", "N-1"]),
    "a state in a time": ({"state": "draft", "since": moment(1)}, ["N-0", "N-3"]),
}


@pytest.mark.parametrize(("wanted", "numbers"), FILTERED.values(), ids=FILTERED.keys())
def test_filters_narrow_a_list(engine: Engine, wanted: dict[str, str], numbers: list[str]) -> None:
    states = ["draft", "in-force", "in-force", "draft"]
    days = ["2027-01-01", "2027-01-01", "2026-01-01", "2027-01-01"]
    request = SimpleNamespace(**{"state": "", "since": "", "until": ""} | wanted)
    with engine.begin() as conn:
        for n, (state, day) in enumerate(zip(states, days, strict=True)):
            row = {
                "number": f"N-{n}",
                "state": state,
                "valid_to": day,
                "changed_at": moment(n * 10),
            }
            conn.execute(insert(letters.AUTHORIZATIONS), _defaults(letters.AUTHORIZATIONS) | row)
        rows, _ = letters.page(conn, Page("", MAX_PAGE), *letters.listed(request, TODAY))
    assert [row.number for row in rows] == numbers


def test_budgets_and_proposals_are_one_list(engine: Engine) -> None:
    terms = {"epoch": 1, "total": 7, "daily": 1}
    with engine.begin() as conn:
        for name in ("tax", "bank"):
            row = _defaults(budgets.BUDGETS) | terms | {"department": name, "used": 5}
            conn.execute(insert(budgets.BUDGETS), row)
        budgets.propose(conn, budgets.Proposal("tax", 1, 9, 1, "zhao"))
        found = {
            (department, state): _budgets(conn, department, state)
            for department in ("", "tax")
            for state in ("", "proposed")
        }
    bank, tax, proposed = ("bank", "approved", 5), ("tax", "approved", 5), ("tax", "proposed", 0)
    assert found == {
        ("", ""): [bank, tax, proposed],
        ("", "proposed"): [proposed],
        ("tax", ""): [tax, proposed],
        ("tax", "proposed"): [proposed],
    }


def _budgets(conn: Connection, department: str, state: str) -> list[tuple[str, str, int]]:
    """By pages of one row."""
    seen, after = [], ""
    while True:
        rows, after = budgets.page(conn, Page(after, 1), department=department, state=state)
        seen += [(row.department, row.state, row.used) for row in rows]
        if not after:
            return seen


MALFORMED: dict[str, Callable[[Connection], Any]] = {
    "an id in place of next": lambda conn: cases.list_cases(conn, Page("ab" * 16, 9)),
    "another list's next": lambda conn: cases.list_cases(conn, Page('["N-1"]', 9)),
    "a number too many": lambda conn: cases.list_cases(conn, Page("[1,2]", 9)),
    "a truth": lambda conn: cases.list_cases(conn, Page("[true]", 9)),
    "a number beyond the column": lambda conn: cases.list_cases(conn, Page(f"[{2**63}]", 9)),
    "spaces": lambda conn: cases.list_cases(conn, Page("[ 1]", 9)),
    "a text with a zero byte": lambda conn: letters.page(conn, Page('["\\u0000"]', 9)),
    "a text without end": lambda conn: letters.page(conn, Page(f'["{"a" * 500}"]', 9)),
    "a page too long": lambda _: page_of(SimpleNamespace(after="", limit=MAX_PAGE + 1)),
    "a state that is none": lambda _: check_state("gone", ("draft",)),
    "a time that is none": lambda _: letters.listed(
        SimpleNamespace(state="", since="yesterday", until=""), TODAY
    ),
}


@pytest.mark.parametrize("ask", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_page_is_refused(engine: Engine, ask: Callable[[Connection], Any]) -> None:
    with engine.begin() as conn, pytest.raises(Refusal) as caught:
        ask(conn)
    assert caught.value.reason is Reason.MALFORMED


def test_without_a_limit_a_page_has_the_most() -> None:
    assert page_of(SimpleNamespace(after="", limit=0)) == Page("", MAX_PAGE)
