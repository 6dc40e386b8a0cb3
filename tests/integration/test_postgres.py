"""The same database and writer on PostgreSQL: a server of our own on loopback, as a plain user.

Tests design.md 5.6, 5.7.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from crypto.signing import SigningKey
from ledger import log, log_export
from ledger.signer import LogSigner, verify_receipt
from ledger.verify import verdict as verify
from runtime.clock import SystemClock
from runtime.errors import StorageError
from runtime.storage.database import Database, open_database
from runtime.storage.faults import (
    DatabaseForeign,
    DatabaseInUse,
    DatabaseMissing,
    DatabaseUnusable,
    LedgerUnavailable,
)
from runtime.storage.writer import Tx, Writer
from runtime.witness.receipts import Receipts
from tests.support.postgres import PASSWORD, PostgresServer

METADATA = MetaData()
ROWS = Table("row", METADATA, Column("id", Integer, primary_key=True))


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """A database of its own for each test."""
    return postgres.database()


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
    writer.run(lambda tx: tx.append("ledger.created", origin=signer.origin, suite="x"))

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


Place = Callable[[PostgresServer], str]
REFUSED: dict[str, tuple[Place, dict[str, object], type[StorageError], str]] = {
    "no server": (
        lambda _: "postgresql://hedui@127.0.0.1:1/hedui", {}, DatabaseUnusable, "start the server",
    ),
    "no such host": (
        lambda _: "postgresql://hedui@nowhere.invalid/hedui", {}, DatabaseUnusable, "check host",
    ),
    "no such database": (
        lambda s: s.url("nothing"), {"mend": "run init"}, DatabaseMissing, "not exist; run init",
    ),
    "no such database to begin in": (
        lambda s: s.url("nothing"), {"create": True}, DatabaseMissing, "createdb",
    ),
    "no such user": (
        lambda s: s.url("postgres", "nobody"), {}, DatabaseUnusable, "create the user",
    ),
    "no password": (
        lambda s: s.url("postgres", "guarded"), {}, DatabaseUnusable, "database_password_file",
    ),
    "the wrong password": (
        lambda s: s.url("postgres", "guarded"), {"password": PASSWORD[1:]}, DatabaseUnusable,
        "database_password_file",
    ),
    "a user who may not make tables": (
        lambda s: s.database().replace("hedui@", "guarded@"),
        {"password": PASSWORD, "create": True}, DatabaseUnusable, "the owner of the database",
    ),
    "nothing in it": (
        lambda s: s.database(), {"mend": "run init"}, DatabaseUnusable, "is empty; run init",
    ),
    "somebody else's tables": (
        lambda s: with_tables(s), {"create": True}, DatabaseForeign, "not empty: it has 1 tables",
    ),
    "another service's": (
        lambda s: made(s, service="registrar"), {}, DatabaseForeign, "belongs to a registrar",
    ),
    "a newer version's": (lambda s: made(s, version=2), {}, DatabaseForeign, "newer software"),
    "not Unicode": (
        lambda s: s.database("encoding latin1 locale 'C' template template0"),
        {"create": True}, DatabaseUnusable, "encoding UTF8",
    ),
    "no schema": (
        lambda s: s.database() + "?options=-csearch_path%3Dnone", {}, DatabaseUnusable,
        "create one",
    ),
    "a parameter that libpq does not know": (
        lambda s: s.database() + "?sslmod=require", {}, DatabaseUnusable, "correct the parameters",
    ),
    "a password in the URL": (
        lambda s: s.database().replace("@", f":{PASSWORD}@"), {}, DatabaseUnusable, "leave it out",
    ),
    "a password among the parameters": (
        lambda s: s.database() + f"?password={PASSWORD}", {}, DatabaseUnusable, "leave it out",
    ),
    "another kind of server": (
        lambda _: "mysql://hedui@127.0.0.1/hedui", {}, DatabaseUnusable, "not a postgresql://",
    ),
}  # fmt: skip


def with_tables(server: PostgresServer) -> str:
    url = server.database()
    server.execute("create table other (x int)", url.rpartition("/")[2])
    return url


def made(server: PostgresServer, *, service: str = "node", version: int = 1) -> str:
    url = server.database()
    open_database(url, METADATA, service=service, version=version, create=True).close()
    return url


@pytest.mark.parametrize(
    ("place", "options", "error", "words"), REFUSED.values(), ids=REFUSED.keys()
)
def test_refuses_in_words_and_never_shows_a_password(
    place: Place,
    options: dict[str, Any],
    error: type[StorageError],
    words: str,
    postgres: PostgresServer,
) -> None:
    url = place(postgres)
    for _ in range(2):  # the second time for the same reason: no session and no lock is left
        with pytest.raises(error) as caught:
            open_database(url, METADATA, service="node", **options)
        assert words in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert PASSWORD[1:] not in str(caught.value)


def test_a_server_that_does_not_sync_is_refused(postgres: PostgresServer) -> None:
    url = postgres.database()
    postgres.execute("alter system set fsync = off")
    postgres.execute("select pg_reload_conf()")
    try:
        with pytest.raises(DatabaseUnusable, match="fsync"):
            until_refused(url)
    finally:
        postgres.execute("alter system reset fsync")
        postgres.execute("select pg_reload_conf()")


def until_refused(url: str) -> None:
    """The server reads its settings a moment later."""
    for _ in range(1000):
        open_database(url, METADATA, service="node", create=True).close()


def test_two_logs_share_a_database_in_a_schema_each(postgres: PostgresServer) -> None:
    url = postgres.database()
    for name in ("one", "two"):
        postgres.execute(f"create schema {name}", url.rpartition("/")[2])
    with (
        open_database(f"{url}?options=-csearch_path%3Done", METADATA, service="node", create=True),
        open_database(f"{url}?options=-csearch_path%3Dtwo", METADATA, service="node", create=True),
        pytest.raises(DatabaseInUse),
    ):
        open_database(f"{url}?options=-csearch_path%3Done", METADATA, service="node")


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
