"""The same database and writer on PostgreSQL: a server of our own on loopback, as a plain user.

Runs with HEDUI_TEST_POSTGRES set to a URL, or where the server's programs are installed.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.engine import make_url

from crypto.signing import SigningKey
from ledger import log, log_export, verify
from ledger.signer import LogSigner, verify_receipt
from runtime.clock import SystemClock
from runtime.database import Database, open_database
from runtime.database_errors import (
    DatabaseInUse,
    DatabaseMissing,
    DatabaseUnusable,
    LedgerUnavailable,
)
from runtime.receipts import Receipts
from runtime.writer import Tx, Writer

METADATA = MetaData()
ROWS = Table("row", METADATA, Column("id", Integer, primary_key=True))


def programs() -> Path | None:
    found = shutil.which("postgres")
    folder = Path(found).resolve().parent if found else None
    return folder if folder and (folder / "initdb").exists() else None


def as_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root: then another account that exists everywhere."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    given, folder = os.environ.get("HEDUI_TEST_POSTGRES"), programs()
    if given:
        yield given
        return
    if folder is None:
        pytest.skip("no PostgreSQL: set HEDUI_TEST_POSTGRES or install the server")
    with tempfile.TemporaryDirectory(prefix="hedui-pg-") as home:
        yield from serve(folder, Path(home))


def serve(folder: Path, home: Path) -> Iterator[str]:
    user = as_user()
    if user:
        os.chown(home, user["user"], user["group"])  # type: ignore[arg-type]
    home.chmod(0o700)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    initdb = [folder / "initdb", "-D", home / "data", "-U", "hedui", "-A", "trust", "-E", "UTF8"]
    subprocess.run(initdb, check=True, **user, **quiet)  # type: ignore[call-overload]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}"]
    process = subprocess.Popen(  # type: ignore[call-overload]
        [folder / "postgres", "-D", home / "data", "-p", str(port), *options], **user, **quiet
    )
    try:
        yield await_server(f"postgresql://hedui@127.0.0.1:{port}/postgres")
    finally:
        process.terminate()
        process.wait()


def await_server(url: str) -> str:
    for _ in range(600):
        try:
            open_database(url, METADATA, service="waiting", busy_timeout_ms=1000)
        except DatabaseUnusable as error:
            if "is empty" in str(error):
                return url
            threading.Event().wait(0.1)
    raise AssertionError("PostgreSQL did not start in a minute")


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of its own for each test."""
    name = "hedui_" + str(abs(hash(request.node.name)))
    admin = create_engine(
        make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as conn:
        conn.execute(text(f"drop database if exists {name}"))
        conn.execute(text(f"create database {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as conn:
        conn.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url, METADATA, service="node", create=True) as opened:
        yield opened


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    with Writer(
        database, clock=SystemClock(), on_health=lambda *_: None, probe_interval_s=0.01
    ).start() as started:
        yield started


def refuse(tx: Tx) -> int:
    return tx.append("query.refused", reason="malformed")


def test_state_entries_receipts_and_export(
    writer: Writer, database: Database, tmp_path: Path
) -> None:
    signer = LogSigner("hedui/test/node", SigningKey(bytes(32)))
    receipts = Receipts(database, writer, signer)
    receipts.start()

    def answer(tx: Tx) -> int:
        tx.conn.execute(insert(ROWS), {"id": 7})
        return refuse(tx)

    def fail(tx: Tx) -> None:
        answer(tx)

    index = writer.run(answer)
    with pytest.raises(Exception, match="row_pkey"):
        writer.run(fail)
    assert writer.run(refuse) == index + 1
    assert verify_receipt(receipts.issue(index), signer.verifier).size == 3
    with database.read() as conn:
        assert conn.scalar(select(ROWS.c.id)) == 7
        log_export.export(conn, tmp_path / "bundle", signer=signer)
    assert verify.main([str(tmp_path / "bundle"), "--key", signer.verifier.vkey()]) == 0


def test_many_threads_share_commits(writer: Writer, database: Database) -> None:
    indices: list[int] = []

    def call() -> None:
        for _ in range(10):
            indices.append(writer.run(refuse))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(indices) == list(range(80))
    with database.read() as conn:
        assert log.head(conn).size == 80


def test_a_second_process_is_refused(database: Database, url: str) -> None:
    with pytest.raises(DatabaseInUse, match="in use by another process"):
        open_database(url, METADATA, service="node")


def test_a_missing_database_is_named(server: str) -> None:
    missing = make_url(server).set(database="hedui_nothing").render_as_string()
    with pytest.raises(DatabaseMissing, match="hedui_nothing"):
        open_database(missing, METADATA, service="node")


def test_readers_cannot_write(database: Database) -> None:
    with database.read() as conn, pytest.raises(Exception, match="read-only"):
        conn.execute(insert(ROWS), {"id": 1})


def test_a_lost_session_is_refused_and_the_log_taken_up_again(
    writer: Writer, database: Database
) -> None:
    assert writer.run(refuse) == 0

    def die(tx: Tx) -> None:
        refuse(tx)
        tx.conn.execute(text("select pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(LedgerUnavailable) as caught:
        writer.run(die)
    assert caught.value.outcome == "not_written"
    for _ in range(6000):
        if writer.healthy:
            break
        threading.Event().wait(0.01)
    assert writer.run(refuse) == 1
    with database.read() as conn:
        assert log.size(conn) == 2


def test_a_backup_is_pg_dumps_work(database: Database, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="pg_dump"):
        database.backup(tmp_path / "copy")
