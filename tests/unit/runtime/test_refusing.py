"""One way to refuse: one entry before the no leaves; without an entry, the no says so."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from crypto.errors import InvalidInput
from crypto.rng import system_rng
from crypto.sealing import AtRestKey
from ledger import log
from ledger.event import Entry, decode
from model.reasons import Reason
from runtime.clock import SystemClock
from runtime.errors import Refusal
from runtime.refusing import Refusals
from runtime.storage.database import Access, Database, open_database
from runtime.storage.faults import LedgerUnavailable
from runtime.storage.salting import unseal
from runtime.storage.store import reveals_of, whole
from runtime.storage.writer import Tx, Writer

TABLES = MetaData()
SEEN = Table("seen", TABLES, Column("number", Integer, primary_key=True))
METADATA = whole(TABLES)


@dataclass
class Desk:
    """A writer, its refusals, and what its ledger holds."""

    path: Path
    database: Database
    writer: Writer
    refusals: Refusals
    key: AtRestKey

    def entries(self) -> list[Entry]:
        """All of them."""
        with self.database.read() as conn:
            return [decode(e) for e in log.entries(conn, 0, log.size(conn))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    path, key = tmp_path / "n.db", AtRestKey(bytes(32))
    with (
        open_database(
            path, METADATA, service="node", create=True, access=Access(busy_timeout_ms=50)
        ) as database,
        Writer(
            database, clock=SystemClock(), on_health=lambda *_: None, probe_interval_s=0.01
        ) as writer,
    ):
        writer.start()
        yield Desk(
            path, database, writer, Refusals(writer, kek=key, rng=system_rng, timeout_s=5), key
        )


RAISED: dict[str, tuple[Exception, Reason]] = {
    "a refusal": (Refusal(Reason.CASE_CLOSED, "words"), Reason.CASE_CLOSED),
    "bytes that no honest party sends": (InvalidInput("x"), Reason.MALFORMED),
    "a fault of ours": (KeyError("x"), Reason.INTERNAL),
}


@pytest.mark.parametrize(("error", "reason"), RAISED.values(), ids=RAISED.keys())
def test_what_is_raised_is_ledgered_once_and_leaves_as_it_was(
    desk: Desk, error: Exception, reason: Reason
) -> None:
    who, about = {"officer": "olga"}, dict[str, str]()
    with (
        pytest.raises(type(error)) as left,
        desk.refusals.ledgered("request.refused", committed=who, clear=about),
    ):
        about["case"] = "ab" * 16
        raise error
    assert left.value is error
    (entry,) = desk.entries()
    assert (entry.event, entry.fields["reason"]) == ("request.refused", str(reason))
    assert entry.fields["case"] == "ab" * 16, "known only after the beginning"
    with desk.database.read() as conn:
        sealed = reveals_of(conn, 0)
    assert sealed is not None
    (reveal,) = unseal(desk.key, sealed)
    assert (reveal.field, reveal.value) == ("officer", "olga")
    assert reveal.commitment().hex() == entry.fields["officer"]


def test_what_succeeds_is_not_ledgered(desk: Desk) -> None:
    with desk.refusals.ledgered("request.refused", committed={"officer": "olga"}):
        pass
    assert desk.entries() == []


def test_where_the_ledger_was_the_reason_nothing_is_written(desk: Desk) -> None:
    error = LedgerUnavailable("full", "not_written")
    with pytest.raises(LedgerUnavailable) as left, desk.refusals.ledgered("policy.refused"):
        raise error
    assert left.value is error
    assert desk.entries() == []


def test_without_an_entry_the_caller_hears_of_the_ledger(desk: Desk) -> None:
    """A refusal that nobody can find afterwards is not given."""
    slow = Refusals(desk.writer, kek=desk.key, rng=system_rng, timeout_s=0.2)
    about = {"manifest": "ab" * 32}
    with closing(sqlite3.connect(desk.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable), slow.ledgered("permit.refused", clear=about):
            raise Refusal(Reason.MANIFEST_UNKNOWN)
        other.rollback()


def test_an_entry_that_cannot_be_made_is_no_refusal_either(desk: Desk) -> None:
    wrong = {"person": "in clear"}
    with (
        pytest.raises(Exception, match="manifest") as left,
        desk.refusals.ledgered("permit.refused", clear=wrong),
    ):
        raise Refusal(Reason.MANIFEST_UNKNOWN)
    assert not isinstance(left.value, Refusal)
    assert desk.entries() == []


def test_what_is_remembered_stands_in_the_same_commit(desk: Desk) -> None:
    def remember(tx: Tx) -> None:
        tx.conn.execute(insert(SEEN), {"number": 7})

    with pytest.raises(Refusal), desk.refusals.ledgered("opening.refused", also=remember):
        raise Refusal(Reason.PERMIT_EXPIRED)
    with desk.database.read() as conn:
        assert conn.scalar(select(SEEN.c.number)) == 7
    assert [entry.event for entry in desk.entries()] == ["opening.refused"]
