"""A process's database: an SQLite file or a PostgreSQL URL, opened by one process.

Source: design.md 5.4, 5.7.
Trusts: the operating system's file lock, or the server's advisory lock.
Readers take ``read()``: one snapshot, no writing. All writing goes through
``runtime.storage.writer``.
Several logs in one PostgreSQL database need a schema each.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger import log_witness
from ledger.signer import COMMITTED_VIEW
from runtime.errors import StorageError
from runtime.site.database_url import check_url, is_url
from runtime.storage import columns
from runtime.storage.faults import DatabaseForeign, DatabaseUnusable, LedgerUnavailable
from runtime.storage.postgres import PostgresBackend
from runtime.storage.sqlite import SqliteBackend

_OWN: Final = MetaData()
SCHEMA: Final = Table(
    "database_schema",
    _OWN,
    columns.name("service", primary_key=True),
    Column("version", Integer, nullable=False),
)
# One row that every commit of the writer changes: how a commit whose outcome is not known is
# recognised afterwards, and what a probe writes.
BATCH: Final = Table(
    "database_batch",
    _OWN,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("token", LargeBinary(16), nullable=False),
)
# All tables of the ledger, the witness's included: importing them is what registers them.
_LEDGER: Final = log_witness.FORKS.metadata
_MEND: Final = "create it with this process's init command, or restore it from a backup"


class Backend(Protocol):
    """What SQLite and PostgreSQL do differently."""

    def look(self, *, mend: str) -> None: ...
    def acquire(self, *, create: bool, mend: str) -> None: ...
    def release(self) -> None: ...
    def write_engine(self) -> Engine: ...
    def read_engine(self, connections: int) -> Engine: ...
    def prepare_writer(self, connection: Any) -> None: ...
    def remember_files(self) -> None: ...
    def guard(self) -> str | None: ...
    def idle_probe_s(self) -> float | None: ...
    def opening_fault(self, error: DBAPIError) -> StorageError: ...
    def storage_fault(self, error: BaseException) -> str | None: ...
    def absent_means_never(self) -> bool: ...
    def backup(self, target: Path) -> None: ...
    def owe_rewrite(self) -> None: ...
    def purge(self) -> None: ...


class Database:
    """An open database. Close it, or use it as a context manager."""

    def __init__(self, backend: Backend, *, readers: int) -> None:
        """Use ``open_database``."""
        self.backend: Final = backend
        self._write: Engine = backend.write_engine()
        self._read: Engine = backend.read_engine(readers)
        self._writer: Connection | None = None
        self._purging: Final = threading.Lock()

    def __str__(self) -> str:
        return str(self.backend)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection on one snapshot of committed data; from any thread.

        Raises LedgerUnavailable where the storage does not give it.
        """
        try:
            with self._read.connect() as connection:
                connection = connection.execution_options(**{COMMITTED_VIEW: True})
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            why = self.backend.storage_fault(error)
            if why is None:
                raise
            raise LedgerUnavailable(why, "not_written") from error
        except PoolTimeout as error:
            why = f"{self}: no reading connection became free"
            raise LedgerUnavailable(why, "not_written") from error

    def writer_connection(self) -> Connection:
        """The one writing connection, for the writer alone; made when first asked for.

        Raises DatabaseInUse where another session holds the log, or what the driver raises.
        """
        if self._writer is None:
            connection = self._write.connect()
            try:
                self.backend.prepare_writer(connection)
            except BaseException:
                connection.close()
                raise
            self._writer = connection
        return self._writer

    def drop_writer_connection(self) -> None:
        """Forget the writing connection after an error, so that the next one starts clean."""
        connection, self._writer = self._writer, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def backup(self, target: Path) -> None:
        """Copy the live database into the new file ``target`` (SQLite only)."""
        self.backend.backup(target)

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """Around an erasure: afterwards the whole file is written anew (SQLite only).

        That it is owed is noted on disk first: after a kill, ``purge`` does it. One at a time, so
        that none takes another's note away. It takes the time and room of a copy of the file and
        keeps the writer waiting.
        """
        with self._purging:
            self.backend.owe_rewrite()
            yield
            self.backend.purge()

    def purge(self) -> None:
        """Let what was deleted go from the write-ahead log as well (SQLite only).

        What somebody still reads, or writes at this moment, stays there until the next time.
        """
        with self._purging:
            self.backend.purge()

    def close(self) -> None:
        """Close all connections and give the lock back. A second time does nothing."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._read.dispose()
        self._write.dispose()
        self.backend.release()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(
        self, metadata: MetaData, *, service: str, version: int, create: bool, mend: str
    ) -> None:
        """Create the tables or check that they are this service's; ``open_database`` calls it."""
        connection = self.writer_connection()
        with connection.begin():
            if create and not inspect(connection).has_table(SCHEMA.name):
                self._create(connection, metadata, service, version)
            self._check(connection, service, version, mend)
        # One reading connection stays in the pool, so that no close of ours is the last one:
        # SQLite would remove its log, and the guard would take that for an attack.
        with self.read() as reader:
            reader.execute(select(SCHEMA.c.version))
        self.backend.remember_files()

    def _create(
        self, connection: Connection, metadata: MetaData, service: str, version: int
    ) -> None:
        if others := inspect(connection).get_table_names():
            raise DatabaseForeign(
                f"database {self} is not empty: it has {len(others)} tables that are not ours "
                f"({others[0]}, for one); name an empty database"
            )
        for tables in (_OWN, _LEDGER, metadata):
            tables.create_all(connection)
        connection.execute(insert(SCHEMA), {"service": service, "version": version})
        connection.execute(insert(BATCH), {"id": 1, "token": bytes(16)})

    def _check(self, connection: Connection, service: str, version: int, mend: str) -> None:
        if not inspect(connection).has_table(SCHEMA.name):
            raise DatabaseUnusable(f"database {self} is empty; {mend}")
        row = connection.execute(select(SCHEMA.c.service, SCHEMA.c.version)).one()
        if row.service != service:
            raise DatabaseForeign(
                f"database {self} belongs to a {row.service}, not to a {service}; "
                "name the right profile or file"
            )
        if row.version != version:
            age = "newer" if row.version > version else "older"
            raise DatabaseForeign(
                f"database {self} has schema version {row.version}, this program knows "
                f"{version}: it was written by {age} software; install the matching version"
            )


def open_database(
    location: str | Path,
    metadata: MetaData,
    *,
    service: str,
    version: int = 1,
    create: bool = False,
    mend: str = _MEND,
    password: str = "",
    busy_timeout_ms: int = 2000,
    readers: int = 8,
) -> Database:
    """Open the database of one service; no second process can.

    Args:
        location: Path of an SQLite file, or a ``postgresql://`` URL without a password.
        metadata: The service's own tables; the ledger's are added.
        service: What kind of process it belongs to, as it stands in the schema row.
        version: Schema version that this program writes.
        create: Make file and tables where there are none; an existing database is opened.
        mend: What a person should do if it is missing, put at the end of the message.
        password: The server's, where libpq does not find it by itself.
        busy_timeout_ms: How long a lock is waited for.
        readers: Reading connections at a time.

    Raises DatabaseMissing, DatabaseInUse, DatabaseForeign or DatabaseUnusable.
    """
    backend = _backend(location, busy_timeout_ms, password)
    backend.acquire(create=create, mend=mend)
    database = Database(backend, readers=readers)
    try:
        database.prepare(metadata, service=service, version=version, create=create, mend=mend)
    except DBAPIError as error:
        database.close()
        raise backend.opening_fault(error) from None
    except BaseException:
        database.close()
        raise
    return database


def look_at_database(location: str | Path, *, password: str = "", mend: str = _MEND) -> None:
    """Check that there is a database, without the lock: a serving process may hold it.

    Raises DatabaseMissing or DatabaseUnusable.
    """
    _backend(location, 2000, password).look(mend=mend)


def _backend(location: str | Path, busy_timeout_ms: int, password: str) -> Backend:
    if not is_url(location):
        return SqliteBackend(Path(location), busy_timeout_ms=busy_timeout_ms)
    try:
        url = make_url(check_url(str(location)))
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnusable(f"the database's URL cannot be used: {error}") from None
    return PostgresBackend(url, busy_timeout_ms=busy_timeout_ms, password=password)
