"""PostgreSQL under the database: by URL, one writing session under an advisory lock.

Trusts: the server to be durable (fsync is its administrator's); asks for
``synchronous_commit = on`` in every writing session.
"""

import hashlib
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from runtime.database_errors import DatabaseInUse, DatabaseMissing, DatabaseUnusable

# Classes of SQLSTATE that say something about server or connection, not about the statement.
_STORAGE_CLASSES: Final = ("08", "53", "55", "57", "58", "XX")
_READ_ONLY: Final = "25006"
_NO_DATABASE: Final = "3D000"


class PostgresBackend:
    """A database of a PostgreSQL server; the lock lives in the writing session."""

    def __init__(self, url: URL, *, busy_timeout_ms: int) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._limit_ms = busy_timeout_ms

    def __str__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def acquire(self, *, create: bool, mend: str) -> None:
        """Check that the server answers. Raises DatabaseMissing or DatabaseUnusable."""
        engine = self.write_engine()
        try:
            with engine.connect():
                pass
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _NO_DATABASE or "does not exist" in str(
                error.orig
            ):
                raise DatabaseMissing(f"database {self} does not exist; {mend}") from None
            raise DatabaseUnusable(
                f"database {self} cannot be reached: {error.orig}; check URL, server and password"
            ) from None
        finally:
            engine.dispose()

    def release(self) -> None:
        """Nothing to do: the lock ends with the writing session."""

    def write_engine(self) -> Engine:
        """Engine of the one writing connection."""
        options = (
            f"-c synchronous_commit=on -c lock_timeout={self._limit_ms} "
            f"-c statement_timeout={self._limit_ms} -c client_connection_check_interval=1000"
        )
        return self._engine(1, options, isolation="READ COMMITTED")

    def read_engine(self, connections: int) -> Engine:
        """Engine of reading connections: a transaction is one snapshot, and writes fail."""
        options = "-c default_transaction_read_only=on"
        return self._engine(connections, options, isolation="REPEATABLE READ")

    def prepare_writer(self, connection: Connection) -> None:
        """Take this log's advisory lock for the session. Raises DatabaseInUse.

        The lock ends with the session, so whoever gets it knows that no older writing session
        of this log is still about to commit.
        """
        schema = connection.scalar(text("select current_schema()"))
        name = hashlib.sha256(b"hedui/database/" + str(schema).encode()).digest()
        key = int.from_bytes(name[:8], "big", signed=True)
        taken = connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": key})
        connection.commit()
        if not taken:
            raise DatabaseInUse(f"database {self} is in use by another process; stop it first")

    def remember_files(self) -> None:
        """Nothing to do: the files are the server's."""

    def guard(self) -> str | None:
        """None: the files are the server's."""
        return None

    def storage_fault(self, error: BaseException) -> str | None:
        """Say what is wrong with server or connection, or None if the statement is at fault."""
        if isinstance(error, DatabaseInUse):
            return str(error)
        if not isinstance(error, DBAPIError):
            return None
        state = getattr(error.orig, "sqlstate", None)
        if error.connection_invalidated or (state is None and _is_operational(error)):
            return f"{self}: connection lost: {error.orig}"
        if state is not None and (state == _READ_ONLY or state.startswith(_STORAGE_CLASSES)):
            return f"{self}: {error.orig} ({state})"
        return None

    def absent_means_never(self) -> bool:
        """True: absence is read in a session that has taken over the lost one's lock."""
        return True

    def purge(self, *, rewrite: bool = False) -> None:
        """Nothing: dead rows and the server's own log are its administrator's (VACUUM FULL)."""

    def backup(self, target: Path) -> None:
        """Raises DatabaseUnusable: PostgreSQL is copied by its own tool."""
        raise DatabaseUnusable(f"copy {self} with pg_dump: --format=custom --file={target}")

    def _engine(self, connections: int, options: str, *, isolation: Any) -> Engine:
        return create_engine(
            self._url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self._limit_ms / 1000,
            isolation_level=isolation,
            connect_args={
                "connect_timeout": max(1, self._limit_ms // 1000),
                "tcp_user_timeout": self._limit_ms,
                "options": options,
            },
        )


def _is_operational(error: DBAPIError) -> bool:
    return type(error.orig).__name__ in ("OperationalError", "InterfaceError")
