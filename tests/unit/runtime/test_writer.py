"""The single writer: group commit, rollback alone, bounded refusals, clean resumption.

Tests design.md 4.3, 4.4, 5.5.
"""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, event, insert, select

from crypto.signing import SigningKey
from ledger import log
from ledger.errors import EventError
from ledger.event import decode
from ledger.signer import LogSigner, verify_receipt
from ledger.verify import verdict as verify
from runtime.clock import SystemClock
from runtime.storage.database import Database, open_database
from runtime.storage.faults import LedgerUnavailable, WriterMisuse
from runtime.storage.writer import Tx, Writer
from runtime.witness.receipts import Receipts

METADATA = MetaData()
ROWS = Table("row", METADATA, Column("id", Integer, primary_key=True))


class Health(list[tuple[bool, str]]):
    """What the callback was told."""

    def __call__(self, healthy: bool, reason: str) -> None:
        self.append((healthy, reason))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(
        tmp_path / "n.db", METADATA, service="node", create=True, busy_timeout_ms=100
    ) as opened:
        yield opened


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def writer(database: Database, health: Health) -> Iterator[Writer]:
    with Writer(
        database, clock=SystemClock(), on_health=health, timeout_s=60, probe_interval_s=0.01
    ).start() as started:
        yield started


def refuse(tx: Tx) -> int:
    return tx.append("query.refused", reason="malformed")


def stored(database: Database) -> list[dict[str, Any]]:
    with database.read() as conn:
        return [dict(decode(e).fields) for e in log.entries(conn, 0, log.size(conn))]


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in a minute")


class Blocker:
    """Keeps the writer busy until ``free`` is called, so that others queue up behind it."""

    def __init__(self, writer: Writer) -> None:
        self._begun, self._gate = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: writer.run(self._hold))
        self._thread.start()
        assert self._begun.wait(60)

    def _hold(self, tx: Tx) -> None:
        self._begun.set()
        self._gate.wait(60)

    def free(self) -> None:
        self._gate.set()
        self._thread.join()


def test_state_and_entry_are_one(writer: Writer, database: Database) -> None:
    def answer(tx: Tx) -> int:
        tx.conn.execute(insert(ROWS), {"id": 7})
        return tx.append("query.refused", reason="malformed")

    assert writer.run(answer) == 0
    with database.read() as conn:
        assert conn.scalar(select(ROWS.c.id)) == 7
        assert decode(log.leaf(conn, 0)).event == "query.refused"


def test_a_failing_function_rolls_back_alone(writer: Writer, database: Database) -> None:
    """In one batch: the indices of those after it close up, and only its caller hears of it."""
    results: dict[int, int] = {}

    def job(name: int) -> Callable[[Tx], int]:
        def fn(tx: Tx) -> int:
            tx.conn.execute(insert(ROWS), {"id": name})
            index = tx.append("query.refused", reason=str(name))
            if name % 3 == 0:
                raise KeyError(name)
            return index

        return fn

    def call(name: int) -> None:
        try:
            results[name] = writer.run(job(name))
        except KeyError as error:
            results[name] = error.args[0] * -1

    blocker = Blocker(writer)
    threads = [threading.Thread(target=call, args=(name,)) for name in range(1, 31)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(writer._queue) == 30)
    commits: list[Any] = []
    event.listen(database.writer_connection().engine, "commit", commits.append)
    blocker.free()
    for thread in threads:
        thread.join()
    assert len(commits) == 2, "the blocker's commit, and one for all thirty"
    entries = stored(database)
    assert len(entries) == 20
    for name, index in results.items():
        if name % 3 == 0:
            assert index == -name
        else:
            assert entries[index] == {"reason": str(name)}
    with database.read() as conn:
        assert set(conn.scalars(select(ROWS.c.id))) == {n for n in range(1, 31) if n % 3}


def test_what_is_not_on_the_list_is_refused_alone(writer: Writer, database: Database) -> None:
    with pytest.raises(EventError):
        writer.run(lambda tx: tx.append("query.invented"))
    assert writer.run(refuse) == 0
    assert len(stored(database)) == 1


def test_run_inside_the_writer_is_a_mistake(writer: Writer) -> None:
    with pytest.raises(WriterMisuse):
        writer.run(lambda tx: writer.run(refuse))
    assert writer.run(refuse) == 0


def leave_a_savepoint(tx: Tx) -> None:
    tx.conn.begin_nested()


def roll_back(tx: Tx) -> None:
    tx.conn.rollback()


BREAKING_THE_RULES = {"a savepoint left open": leave_a_savepoint, "its own rollback": roll_back}


@pytest.mark.parametrize("fn", BREAKING_THE_RULES.values(), ids=BREAKING_THE_RULES.keys())
def test_a_function_that_breaks_the_rules_fails_closed(
    fn: Callable[[Tx], None], writer: Writer, database: Database
) -> None:
    with pytest.raises(LedgerUnavailable):
        writer.run(fn)
    wait_until(lambda: writer.healthy)
    assert writer.run(refuse) == 0
    assert len(stored(database)) == 1


def test_a_function_may_use_savepoints_of_its_own(writer: Writer, database: Database) -> None:
    def fn(tx: Tx) -> int:
        tx.conn.execute(insert(ROWS), {"id": 1})
        with tx.conn.begin_nested() as inner:
            tx.conn.execute(insert(ROWS), {"id": 2})
            inner.rollback()
        return refuse(tx)

    assert writer.run(fn) == 0
    with database.read() as conn:
        assert list(conn.scalars(select(ROWS.c.id))) == [1]


def test_a_hanging_write_is_refused_in_time_and_told_apart(
    writer: Writer, database: Database, health: Health
) -> None:
    """One was in hand when its waiter gave up, the other still queued. Then the disk returns."""
    gate, begun = threading.Event(), threading.Event()
    outcomes: dict[str, str] = {}

    def hang(tx: Tx) -> int:
        begun.set()
        gate.wait(10)
        return tx.append("query.refused", reason="in hand")

    def call(name: str, fn: Callable[[Tx], int], timeout_s: float) -> None:
        with pytest.raises(LedgerUnavailable) as caught:
            writer.run(fn, timeout_s=timeout_s)
        outcomes[name] = caught.value.outcome

    first = threading.Thread(target=call, args=("in hand", hang, 0.5))
    first.start()
    assert begun.wait(5)
    second = threading.Thread(target=call, args=("queued", refuse, 0.1))
    second.start()
    second.join()
    first.join()
    assert outcomes == {"queued": "not_written", "in hand": "unknown"}
    assert not writer.healthy
    call("afterwards", refuse, 5)
    assert outcomes["afterwards"] == "not_written"
    gate.set()
    wait_until(lambda: writer.healthy)
    assert [entry["reason"] for entry in stored(database)] == ["in hand"]
    assert writer.run(refuse) == 1
    assert [healthy for healthy, _ in health] == [False, True]
    assert "disk hangs" in health[0][1]


def full(database: Database) -> Callable[[], object]:
    conn = database.writer_connection()
    with conn.begin():
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    return lambda: None


def read_only(database: Database) -> Callable[[], object]:
    conn = database.writer_connection()
    with conn.begin():
        conn.exec_driver_sql("PRAGMA query_only=ON")
    return lambda: None


def locked(database: Database) -> Callable[[], object]:
    other = sqlite3.connect(str(database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def moved(database: Database) -> Callable[[], object]:
    path = Path(str(database))
    path.rename(path.with_suffix(".away"))
    return lambda: path.with_suffix(".away").rename(path)


def log_moved(database: Database) -> Callable[[], object]:
    path = Path(str(database) + "-wal")
    path.rename(path.with_suffix(".away"))
    return lambda: path.with_suffix(".away").rename(path)


FAULTS = {
    "disk full": (full, "full"),
    "read-only": (read_only, "readonly"),
    "locked by a tool": (locked, "locked"),
    "file moved away": (moved, "cannot be found"),
    "write-ahead log moved away": (log_moved, "cannot be found"),
}


@pytest.mark.parametrize(("spoil", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_refused_with_its_reason_and_heals(
    spoil: Callable[[Database], Callable[[], object]],
    words: str,
    writer: Writer,
    database: Database,
    health: Health,
) -> None:
    for _ in range(3):
        writer.run(refuse)
    mend = spoil(database)

    def large(tx: Tx) -> None:
        for _ in range(200):
            tx.append("query.refused", reason="x" * 4000)

    with pytest.raises(LedgerUnavailable) as caught:
        writer.run(large)
    assert words in caught.value.why
    assert words in health[0][1]
    assert "malformed" not in caught.value.detail
    assert str(database) not in caught.value.detail, "the path is for inside"
    mend()
    wait_until(lambda: writer.healthy)
    assert writer.run(refuse) == 3
    assert len(stored(database)) == 4


@pytest.mark.parametrize("name", ["n.db", "n.db-wal"])
def test_a_deleted_file_never_heals_in_place(
    name: str, writer: Writer, database: Database, tmp_path: Path
) -> None:
    writer.run(refuse)
    (tmp_path / name).unlink()
    with pytest.raises(LedgerUnavailable, match="cannot be found"):
        writer.run(refuse)
    (tmp_path / name).write_bytes(b"")
    time.sleep(0.05)
    with pytest.raises(LedgerUnavailable):
        writer.run(refuse)


def test_a_torn_tree_is_not_written_to(writer: Writer, database: Database) -> None:
    for _ in range(4):
        writer.run(refuse)
    with closing(sqlite3.connect(str(database))) as other:
        other.execute("DELETE FROM ledger_node WHERE pos = 6")
        other.commit()
    writer._frontier = None  # as after a restart
    with pytest.raises(LedgerUnavailable, match=r"ledger\.verify"):
        writer.run(refuse)
    assert not writer.healthy


def test_close_writes_what_is_queued_and_refuses_the_rest(
    writer: Writer, database: Database
) -> None:
    done: list[int] = []
    writer.post(lambda tx: tx.append("process.stopped"))
    blocker = Blocker(writer)
    queued = threading.Thread(target=lambda: done.append(writer.run(refuse)))
    queued.start()
    wait_until(lambda: len(writer._queue) == 1)
    closing = threading.Thread(target=lambda: writer.close(timeout_s=60))
    closing.start()
    wait_until(lambda: writer._closing)
    blocker.free()
    closing.join()
    queued.join()
    assert len(done) == 1
    assert len(stored(database)) == 2
    with pytest.raises(LedgerUnavailable, match="stopping"):
        writer.run(refuse)


def test_receipts_hold_and_are_remembered(writer: Writer, database: Database) -> None:
    signer = LogSigner("hedui/test/node", SigningKey(bytes(32)))
    receipts = Receipts(database, writer, signer)
    writer.run(lambda tx: tx.append("ledger.created", origin=signer.origin, suite="x"))
    indices = [writer.run(refuse) for _ in range(20)]
    issued = [receipts.issue(index) for index in indices]
    for receipt in issued:
        assert verify_receipt(receipt, signer.verifier).size == 21
    writer.close()
    database.close()
    assert verify.main([str(database), "--key", signer.verifier.vkey()]) == 0


LIMITED = """
import resource, sys
from pathlib import Path
from sqlalchemy import MetaData
from runtime.clock import SystemClock
from runtime.storage.database import open_database
from runtime.storage.faults import LedgerUnavailable
from runtime.storage.writer import Writer

path = Path(sys.argv[1])
database = open_database(path, MetaData(), service="node", create=True)
writer = Writer(database, clock=SystemClock(), on_health=lambda *a: None, probe_interval_s=0.01)
writer.start()
one = lambda tx: tx.append("query.refused", reason="x" * 3000)
acknowledged = [writer.run(one) for _ in range(5)]
wal = path.with_name(path.name + "-wal")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 5000, hard))
refused = 0
for _ in range(50):
    try:
        acknowledged.append(writer.run(one))
    except LedgerUnavailable as error:
        assert "n.db" in error.why, error.why
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
while not writer.healthy:
    pass
acknowledged.append(writer.run(one))
assert refused, "the limit was never met"
assert acknowledged == list(range(len(acknowledged))), acknowledged
writer.close()
database.close()
print(len(acknowledged))
"""


def test_a_file_that_may_not_grow_is_refused_and_resumes(tmp_path: Path) -> None:
    """The commit itself fails, as on a full disk; no acknowledged entry is lost or doubled."""
    child = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "n.db")],
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    with open_database(tmp_path / "n.db", MetaData(), service="node") as database:
        assert len(stored(database)) >= int(child.stdout)
