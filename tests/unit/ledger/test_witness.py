"""A witness against logs that go back, fork, and prove nothing; in memory and in the database.

Tests design.md 4.7.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.errors import SignatureError
from crypto.signing import SigningKey
from ledger import checkpoint, cosignature, log, log_witness, merkle
from ledger.checkpoint import Checkpoint
from ledger.errors import (
    ForkedCheckpoint,
    InconsistentCheckpoint,
    StaleCheckpoint,
    WitnessRefused,
)
from ledger.event import decode
from ledger.note import Verifier, parse_note
from ledger.witness import Seen, Witness
from runtime.clock import SystemClock
from runtime.storage.database import Database, open_database
from runtime.storage.writer import Writer
from runtime.witness.kept import StoredWitness
from tests.support.postgres import ENGINES, database_for

KEY = SigningKey(bytes(32))
LOG = Verifier("hedui/test/node", KEY.verify_key)
NOW_S = 1795420800


class History:
    """A log, or one of its faces."""

    def __init__(self, entries: list[bytes], origin: str = LOG.name) -> None:
        self._leaves = [merkle.leaf_hash(entry) for entry in entries]
        _, self._nodes = merkle.Frontier().extend(self._leaves)
        self._origin = origin

    def _get(self, numbers: list[int]) -> list[bytes]:
        return [self._nodes[number] for number in numbers]

    def note(self, size: int, key: SigningKey = KEY) -> bytes:
        root = merkle.root(size, self._get)  # type: ignore[arg-type]
        return checkpoint.sign(Checkpoint(self._origin, size, root), key)

    def proof(self, old: int, new: int) -> list[bytes]:
        return merkle.consistency(old, new, self._get)  # type: ignore[arg-type]


TRUE = History([b"%d" % i for i in range(40)])
FALSE = History([b"%d" % i for i in range(9)] + [b"another"] * 31)


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    at = database_for(request.param, request) or tmp_path / "w.db"
    with open_database(at, MetaData(), service="witness", create=True) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> Iterator[StoredWitness]:
    with Writer(database, clock=SystemClock(), on_health=lambda *_: None).start() as writer:
        yield StoredWitness(database, writer)


@pytest.fixture
def witness(store: StoredWitness) -> Witness:
    key = SigningKey(bytes([1]) * 32)
    return Witness("hedui/test/witness", key, logs={LOG.name: LOG}, store=store)


def events(database: Database) -> list[tuple[str, int]]:
    with database.read() as conn:
        entries = [decode(e) for e in log.entries(conn, 0, log.size(conn))]
    return [(entry.event, entry.fields["size"]) for entry in entries]


def test_cosigns_what_extends(witness: Witness, database: Database) -> None:
    for old, new in ((0, 7), (7, 7), (7, 8), (8, 40)):
        proof = TRUE.proof(old, new) if 0 < old < new else []
        line = witness.cosign(TRUE.note(new), proof, now_s=NOW_S)
        note = parse_note(TRUE.note(new)).with_signature(line)
        assert cosignature.verify(note, witness.verifier) == NOW_S
    assert events(database) == [("peer.cosigned.v2", size) for size in (7, 8, 40)]


REFUSED = {
    "smaller": (TRUE.note(9), [], StaleCheckpoint, 0),
    "same size, other root": (FALSE.note(10), [], ForkedCheckpoint, 1),
    "larger, another history": (FALSE.note(20), FALSE.proof(10, 20), InconsistentCheckpoint, 1),
    "larger, the wrong proof": (TRUE.note(20), TRUE.proof(11, 20), InconsistentCheckpoint, 1),
    "larger, no proof": (TRUE.note(20), [], InconsistentCheckpoint, 1),
    "the same, with a proof": (TRUE.note(10), [bytes(32)], InconsistentCheckpoint, 0),
    "signed by somebody else": (TRUE.note(20, SigningKey(bytes([9]) * 32)),
                                TRUE.proof(10, 20), SignatureError, 0),
    "a log it does not know": (History([b""], "hedui/test/x").note(1), [], WitnessRefused, 0),
}  # fmt: skip


@pytest.mark.parametrize(("note", "proof", "error", "kept"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_and_keeps_both_sides(
    note: bytes,
    proof: list[bytes],
    error: type[Exception],
    kept: int,
    witness: Witness,
    store: StoredWitness,
    database: Database,
) -> None:
    witness.cosign(TRUE.note(10), [], now_s=NOW_S)
    for _ in range(2):
        with pytest.raises(error):
            witness.cosign(note, proof, now_s=NOW_S)
    seen = store.load(LOG.name)
    assert seen is not None
    assert seen.note == TRUE.note(10), "a refusal changes nothing"
    with database.read() as conn:
        forks = log_witness.forks(conn)
    assert forks == [(LOG.name, TRUE.note(10), note)] * kept
    assert len(events(database)) == 1 + kept


def test_stores_before_it_replies(store: StoredWitness) -> None:
    """If the store fails, no cosignature leaves."""

    class Broken(StoredWitness):
        def advance(self, old: Seen | None, new: Seen) -> None:
            raise OSError("disk")

    broken = Broken(store._database, store._writer)
    witness = Witness("w", SigningKey(bytes([1]) * 32), logs={LOG.name: LOG}, store=broken)
    with pytest.raises(OSError, match="disk"):
        witness.cosign(TRUE.note(7), [], now_s=NOW_S)
    assert store.load(LOG.name) is None


def test_of_two_at_once_one_is_asked_to_come_again(store: StoredWitness) -> None:
    first = Seen(checkpoint.read(TRUE.note(7), LOG), TRUE.note(7))
    second = Seen(checkpoint.read(TRUE.note(8), LOG), TRUE.note(8))
    store.advance(None, first)
    with pytest.raises(StaleCheckpoint, match="meanwhile"):
        store.advance(None, second)
    assert store.load(LOG.name) == first
