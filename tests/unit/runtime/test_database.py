"""Opening a database: what is refused, in which words, and what is left behind.

Tests design.md 5.4, 5.5, 5.7, 4.6.
"""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import OperationalError

from crypto.signing import SigningKey
from ledger import log
from ledger.errors import UncommittedHead
from ledger.signer import LogSigner
from runtime.errors import StorageError
from runtime.storage.database import Database, open_database
from runtime.storage.faults import DatabaseForeign, DatabaseInUse, DatabaseMissing, DatabaseUnusable

METADATA = MetaData()
ROWS = Table("row", METADATA, Column("id", Integer, primary_key=True))


def create(path: Path) -> None:
    open_database(path, METADATA, service="node", create=True).close()


def newer(path: Path) -> None:
    open_database(path, METADATA, service="node", version=2, create=True).close()


def registrars(path: Path) -> None:
    open_database(path, METADATA, service="registrar", create=True).close()


REFUSED: dict[str, tuple[Callable[[Path], object], type[StorageError], str]] = {
    "nothing there": (lambda path: None, DatabaseMissing, "does not exist; run hedui-node init"),
    "no folder": (lambda path: path.parent.rmdir(), DatabaseMissing, "does not exist"),
    "not a database": (lambda path: path.write_text("x" * 99), DatabaseUnusable, "not an SQLite"),
    "an empty file": (lambda path: path.touch(), DatabaseUnusable, "is empty"),
    "a folder": (lambda path: path.mkdir(), DatabaseUnusable, "cannot be opened"),
    "another service's": (registrars, DatabaseForeign, "belongs to a registrar"),
    "a newer version's": (newer, DatabaseForeign, "schema version 2"),
}


@pytest.mark.parametrize(("build", "error", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_in_words(
    build: Callable[[Path], object], error: type[StorageError], words: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "node.db"
    build(path)
    with pytest.raises(error) as caught:
        open_database(path, METADATA, service="node", mend="run hedui-node init")
    assert str(path) in str(caught.value) or str(folder) in str(caught.value)
    assert words in str(caught.value)
    # The lock was given back: the next attempt fails for the same reason, not for the lock.
    with pytest.raises(error):
        open_database(path, METADATA, service="node")


def test_where_the_system_has_no_lock_no_database_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: two processes could write one file. The weakened copy would not lock."""
    path = tmp_path / "database.sqlite"
    create(path)
    before = path.read_bytes()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(DatabaseUnusable, match="run processes on Linux"):
        open_database(path, METADATA, service="node")
    assert path.read_bytes() == before
    monkeypatch.undo()
    open_database(path, METADATA, service="node").close()


def test_a_second_opening_names_process_and_path(tmp_path: Path) -> None:
    create(tmp_path / "node.db")
    with (
        open_database(tmp_path / "node.db", METADATA, service="node"),
        pytest.raises(DatabaseInUse) as caught,
    ):
        open_database(tmp_path / "node.db", METADATA, service="node")
    assert caught.value.pid == os.getpid()
    assert str(os.getpid()) in str(caught.value)
    assert str(tmp_path / "node.db") in str(caught.value)
    open_database(tmp_path / "node.db", METADATA, service="node").close()


def test_the_file_is_private_durable_and_in_wal(tmp_path: Path) -> None:
    with open_database(tmp_path / "n.db", METADATA, service="node", create=True) as database:
        assert (tmp_path / "n.db").stat().st_mode & 0o777 == 0o600
        conn = database.writer_connection()
        with conn.begin():
            found = [
                conn.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
        assert found == ["wal", 2, 1, 2000]


def test_a_reader_sees_one_snapshot_and_cannot_write(database: Database) -> None:
    with database.read() as reader:
        assert log.size(reader) == 0
        conn = database.writer_connection()
        with conn.begin():
            log.append(conn, b"{}")
        assert log.size(reader) == 0
        with pytest.raises(OperationalError, match="readonly"):
            reader.execute(insert(ROWS), {"id": 1})
    with database.read() as reader:
        assert log.size(reader) == 1


def test_a_savepoint_rolls_back_alone(database: Database) -> None:
    conn = database.writer_connection()
    with conn.begin():
        conn.execute(insert(ROWS), {"id": 1})
        inner = conn.begin_nested()
        conn.execute(insert(ROWS), {"id": 2})
        inner.rollback()
        conn.execute(insert(ROWS), {"id": 3})
    with database.read() as reader:
        assert list(reader.scalars(select(ROWS.c.id).order_by(ROWS.c.id))) == [1, 3]


def test_only_committed_heads_are_signed(database: Database, signer: LogSigner) -> None:
    conn = database.writer_connection()
    with conn.begin():
        log.append(conn, b"{}")
        with pytest.raises(UncommittedHead):
            signer.checkpoint(conn)
    with database.read() as reader:
        assert b"\n1\n" in signer.checkpoint(reader)


def test_backup_is_one_whole_file_and_never_overwrites(database: Database, tmp_path: Path) -> None:
    conn = database.writer_connection()
    with conn.begin():
        log.append_many(conn, log.frontier(conn), [b"%d" % i for i in range(100)])
    database.backup(tmp_path / "copy.db")
    assert not (tmp_path / "copy.db-wal").exists()
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM ledger_leaf").fetchone() == (100,)
    copy.close()
    before = (tmp_path / "copy.db").read_bytes()
    with pytest.raises(DatabaseUnusable, match="already exists"):
        database.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_bytes() == before
    with pytest.raises(DatabaseUnusable, match="could not be written"):
        database.backup(tmp_path / "no" / "copy.db")
    open_database(tmp_path / "copy.db", METADATA, service="node").close()


@pytest.fixture
def signer() -> LogSigner:
    return LogSigner("hedui/test/node", SigningKey(bytes(32)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "n.db", METADATA, service="node", create=True) as opened:
        yield opened


def test_a_rewrite_that_is_owed_outlives_a_kill_and_is_done_once(tmp_path: Path) -> None:
    path = tmp_path / "node.db"

    def filled_and_emptied(database: Database) -> int:
        conn = database.writer_connection()
        with conn.begin():
            conn.exec_driver_sql("CREATE TABLE IF NOT EXISTS big (body BLOB)")
            conn.exec_driver_sql("INSERT INTO big VALUES (zeroblob(400000))")
        with conn.begin():
            conn.exec_driver_sql("DELETE FROM big")
        database.purge()
        return path.stat().st_size

    with open_database(path, METADATA, service="node", create=True) as database:
        large = filled_and_emptied(database)
        # Killed inside: nothing of the rewrite has happened, and the next process knows of it.
        with pytest.raises(KeyboardInterrupt), database.erasing():
            raise KeyboardInterrupt
        assert path.stat().st_size == large
    with open_database(path, METADATA, service="node") as database:
        database.purge()
        assert path.stat().st_size < large - 300_000
        assert not path.with_name("node.db.rewrite").exists()
        assert filled_and_emptied(database) > large - 100_000
