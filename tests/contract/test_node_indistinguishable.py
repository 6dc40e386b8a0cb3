"""Two worlds that differ in records, membership or NULL rows look the same from outside.

Everything that leaves the node, and everything that a reviewer may read of its ledger, is
recorded in both and compared field by field; so are the reads that it makes.

Tests design.md 2.4.16, 2.4.18 to 2.4.21, 1.3.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text, update

from ledger import event, log
from model.documents.query import Answer
from model.reasons import Reason
from node.records.store import ROWS
from runtime import errors
from runtime.documents import open_signed
from runtime.transport.wire import signed_from_wire
from tests.support.nodes import HOMES, WAGES, World, make_node_home, person, serve_node

ASKED = [person(1), person(2)]
OTHERS = [person(i) for i in range(50, 60)]
HEAD = "id_no,month,amount\n"


@dataclass(frozen=True)
class Seen:
    """What two queries in a row leave outside, sizes in place of random bytes."""

    replies: list[tuple[Any, ...]]
    leaves: list[tuple[Any, ...]]
    selects: list[int]
    waits: int


def wages(people: list[str], amount: str = "5") -> str:
    return HEAD + "".join(f"{p},2026-10,{amount}\n" for p in people)


def homes(people: list[str]) -> str:
    return "id_no,home,area\n" + "".join(f"{p},H{p[-4:]},50\n" for p in people)


def unreadable(world: World) -> None:
    def spoil(tx: Any) -> None:
        tx.conn.execute(update(ROWS).values(amount=None, readable=False, period="?"))

    world.service.parts.writer.run(spoil)


def nothing(world: World) -> None:
    pass


WORLDS: dict[str, tuple[list[str], str, Callable[[World], None]]] = {
    "both are known": ([*OTHERS, *ASKED], "5", nothing),
    "one is known": ([*OTHERS, ASKED[0]], "5", nothing),
    "nobody is known": (OTHERS, "5", nothing),
    "the node holds nobody else": (ASKED, "5", nothing),
    "amounts out of bounds": ([*OTHERS, *ASKED], "999999999.00", nothing),
    "losses": ([*OTHERS, *ASKED], "-12.34", nothing),
    "every row is unreadable": ([*OTHERS, *ASKED], "5", unreadable),
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return observe(tmp_path_factory.mktemp("reference"), *WORLDS["nobody is known"])


@pytest.mark.parametrize(("people", "amount", "spoil"), WORLDS.values(), ids=WORLDS.keys())
def test_an_answer_shows_nothing_of_the_records(
    tmp_path: Path,
    reference: Seen,
    people: list[str],
    amount: str,
    spoil: Callable[[World], None],
) -> None:
    assert observe(tmp_path, people, amount, spoil) == reference


def observe(path: Path, people: list[str], amount: str, spoil: Callable[[World], None]) -> Seen:
    home, prf = make_node_home(path / "home")
    with serve_node(home, prf) as world:
        world.load(WAGES, wages(people, amount))
        world.load(HOMES, homes(people))
        # The batches of enrolment differ in number between worlds, but write nothing here.
        world.enrol()
        world.approve()
        spoil(world)
        world.waits.clear()
        with world.service.parts.database.read() as conn:
            start = log.size(conn)
        replies, selects = [], []
        for _ in range(2):
            with counted_selects(world) as count:
                replies.append(shape(world, world.ask(world.case(ASKED))))
            selects.append(len(count))
        with world.service.parts.database.read() as conn:
            added = list(log.entries(conn, start, log.size(conn)))
        entries = [(event.decode(leaf).event, len(leaf)) for leaf in added]
        return Seen(replies, entries, selects, len(world.waits))


def shape(world: World, reply: Any) -> tuple[Any, ...]:
    signed = signed_from_wire(reply.answer)
    member = world.federation.department("tax")
    assert member is not None
    answer = open_signed(signed, Answer, member)
    return (
        reply.ByteSize(),
        len(answer.ciphertext),
        len(answer.proof),
        answer.data_dates,
        answer.coverage,
        answer.answered_at,
        reply.receipt.index,
        len(reply.receipt.path),
        len(reply.receipt.leaf),
    )


class counted_selects:
    """Collects the statements that read persons, pseudonyms and rows."""

    def __init__(self, world: World) -> None:
        self._engine = world.service.parts.database._read
        self._found: list[str] = []

    def __enter__(self) -> list[str]:
        sql_event.listen(self._engine, "before_cursor_execute", self._note)
        return self._found

    def __exit__(self, *_: object) -> None:
        sql_event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if any(name in statement for name in ("FROM person", "FROM pseudonym", "FROM record_row")):
            self._found.append(statement)


FAULTS = {
    "no rows can be read": "alter table record_row rename to gone",
    "no pseudonym can be looked up": "alter table pseudonym rename to gone",
}


@pytest.mark.parametrize("statement", FAULTS.values(), ids=FAULTS.keys())
def test_a_database_fault_is_one_reason_whoever_is_asked_about(
    tmp_path: Path, statement: str
) -> None:
    home, prf = make_node_home(tmp_path / "home")
    with serve_node(home, prf) as world:
        world.load(WAGES, wages(ASKED))
        world.load(HOMES, homes(ASKED))
        world.enrol()
        world.approve()
        writer = world.service.parts.writer
        writer.run(lambda tx: tx.conn.execute(text(statement)))
        seen = []
        for persons in (ASKED, [OTHERS[0], OTHERS[1]]):
            with pytest.raises(errors.Refused) as caught:
                world.ask(world.case(persons))
            seen.append((caught.value.reason, caught.value.detail))
        assert seen[0] == seen[1]
        assert seen[0][0] is Reason.DATABASE_FAULT


def test_after_a_fault_the_same_ticket_is_answered_with_one_received_entry(
    tmp_path: Path,
) -> None:
    home, prf = make_node_home(tmp_path / "home")
    with serve_node(home, prf) as world:
        world.load(WAGES, wages(ASKED))
        world.load(HOMES, homes(ASKED))
        world.enrol()
        world.approve()
        writer, case = world.service.parts.writer, world.case(ASKED)
        writer.run(lambda tx: tx.conn.execute(text(FAULTS["no rows can be read"])))
        with pytest.raises(errors.Refused):
            world.ask(case)
        writer.run(lambda tx: tx.conn.execute(text("alter table gone rename to record_row")))
        world.ask(case)
        with world.service.parts.database.read() as conn:
            found = [event.decode(leaf) for leaf in log.entries(conn, 0, log.size(conn))]
        own = [e.event for e in found if e.fields.get("query") == case.ticket.query]
        assert own == ["query.received", "query.refused", "query.answered"]


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[str]:
    home, prf = make_node_home(tmp_path / "home")
    with serve_node(home, prf) as world:
        world.load(WAGES, wages(ASKED, "76543.21"))
        world.load(HOMES, homes(ASKED))
        world.enrol()
        world.approve()
        world.ask(world.case(ASKED))
        pseudonyms = [world.pseudonym(p) for p in ASKED]
    text_of_log = "".join(
        path.read_text() for path in (home.path / "tax" / "log").iterdir() if path.is_file()
    )
    assert "query.answered" in text_of_log
    yield "\n".join([text_of_log, "|".join(pseudonyms)])


def test_the_log_holds_no_person_no_pseudonym_and_no_value(logged: str) -> None:
    written, pseudonyms = logged.rsplit("\n", 1)
    for secret in [*ASKED, *pseudonyms.split("|"), "7654321", "76543.21"]:
        assert secret not in written
