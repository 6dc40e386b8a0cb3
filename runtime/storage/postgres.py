"""PostgreSQL under the database: by URL, one writing session under an advisory lock.

Source: design.md 5.6.
Trusts: the server to do what ``fsync = on`` says; asks for it, and for ``synchronous_commit = on``
in every writing session. A fail-over to a standby that lags behind loses what was acknowledged:
that is for ``synchronous_standby_names``.
The lock is the session's, so nothing may stand in between that shares sessions out (a pooler).
Needs PostgreSQL 14: from then on a server notices by itself that a client is gone.
"""

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from runtime.errors import StorageError
from runtime.storage.faults import DatabaseInUse, DatabaseMissing, DatabaseUnusable

# Classes of SQLSTATE that say something about server or connection, not about the statement.
_STORAGE_CLASSES: Final = ("08", "53", "55", "57", "58", "XX")
_LOST: Final = (psycopg.OperationalError, psycopg.InterfaceError)
_READ_ONLY: Final = "25006"
_NO_DATABASE: Final = re.compile(r'database ".*" does not exist')
# What libpq and the server say to whom they do not let in, and the mend; a server that speaks
# another language gets the last one.
_MENDS: Final = (
    ("password", "write the right password to database_password_file, or to libpq's ~/.pgpass"),
    ("role ", "create the user on the server (createuser), or correct it in database_url"),
    ("pg_hba.conf", "allow this user, database and address in the server's pg_hba.conf"),
    ("startup parameter", "connect to the server itself: a pooler cannot keep this lock"),
    ("configuration parameter", "use PostgreSQL 14 or newer"),
    ("invalid connection option", "correct the parameters in database_url"),
    ("permission denied for schema", "make this user the owner of the database"),
    ("", "start the server; check host, port and user in database_url"),
)
_IDLE_PROBE_S: Final = 5.0


class PostgresBackend:
    """A database of a PostgreSQL server; the lock lives in the writing session."""

    def __init__(self, url: URL, *, busy_timeout_ms: int, password: str = "") -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        self._limit_ms = busy_timeout_ms
        self._password = password

    def __str__(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=True)

    def look(self, *, mend: str) -> None:
        """Check that the server answers; raises as ``acquire``."""
        self.acquire(create=False, mend=mend)

    def acquire(self, *, create: bool, mend: str) -> None:
        """Check that the server answers and keeps what it is given.

        Raises DatabaseMissing or DatabaseUnusable.
        """
        engine = self.write_engine()
        try:
            with engine.connect() as connection:
                self._check_server(connection)
        except DBAPIError as error:
            fault = self.opening_fault(error)
            if isinstance(fault, DatabaseMissing):
                here = "create it, empty, on the server (createdb)" if create else mend
                fault = DatabaseMissing(f"{fault}; {here}")
            raise fault from None
        finally:
            engine.dispose()

    def _check_server(self, connection: Connection) -> None:
        row = connection.execute(
            text(
                "select current_setting('fsync'), current_setting('server_encoding'),"
                " pg_is_in_recovery(), current_schema()"
            )
        ).one()
        if row[0] != "on":
            raise DatabaseUnusable(
                f"database {self}: the server runs with fsync = {row[0]} and would lose entries "
                "in a power cut; set it on"
            )
        if row[1] != "UTF8":
            raise DatabaseUnusable(
                f"database {self} has the encoding {row[1]}; create it with encoding UTF8"
            )
        if row[2]:
            raise DatabaseUnusable(f"database {self} is a standby; name the primary server")
        if row[3] is None:
            raise DatabaseUnusable(
                f"database {self}: none of the schemas in the search path exists; create one"
            )

    def opening_fault(self, error: DBAPIError) -> StorageError:
        """Say why the database cannot be opened, and what to do."""
        said = _one_line(error.orig)
        if _NO_DATABASE.search(said):
            return DatabaseMissing(f"database {self} does not exist")
        mend = next(mend for words, mend in _MENDS if words in said)
        return DatabaseUnusable(f"database {self} cannot be opened: {said}; {mend}")

    def release(self) -> None:
        """Nothing to do: the lock ends with the writing session."""

    def write_engine(self) -> Engine:
        """Engine of the one writing connection."""
        # No statement timeout: an import may swap millions of rows. Who waits for the writer has
        # a limit of his own. Keepalives: a server that lost us gives the lock back in a minute.
        options = (
            f"-c synchronous_commit=on -c lock_timeout={self._limit_ms}"
            " -c client_connection_check_interval=1000 -c tcp_keepalives_idle=30"
            " -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
        )
        return self._engine(1, options, isolation="READ COMMITTED")

    def read_engine(self, connections: int) -> Engine:
        """Engine of reading connections: a transaction is one snapshot, and writes fail."""
        options = "-c default_transaction_read_only=on"
        # A connection that the server closed meanwhile is noticed before it is used.
        return self._engine(connections, options, isolation="REPEATABLE READ", pre_ping=True)

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
            raise DatabaseInUse(
                f"database {self} is in use by another process; stop that process, or name a "
                "database of its own for each"
            )

    def remember_files(self) -> None:
        """Nothing to do: the files are the server's."""

    def guard(self) -> str | None:
        """None: the files are the server's."""
        return None

    def idle_probe_s(self) -> float | None:
        """Every few seconds: a server may be gone while nobody writes."""
        return _IDLE_PROBE_S

    def storage_fault(self, error: BaseException) -> str | None:
        """Say what is wrong with server or connection, or None if the statement is at fault."""
        if isinstance(error, DatabaseInUse):
            return str(error)
        # The writer's own statements are on the driver's cursor: its errors come as they are.
        found = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(found, psycopg.Error):
            return None
        state, lost = found.sqlstate, getattr(error, "connection_invalidated", False)
        if lost or (state is None and isinstance(found, _LOST)):
            return f"{self}: connection lost: {_one_line(found)}"
        if state is not None and (state == _READ_ONLY or state.startswith(_STORAGE_CLASSES)):
            return f"{self}: {_one_line(found)} ({state})"
        return None

    def absent_means_never(self) -> bool:
        """True: absence is read in a session that has taken over the lost one's lock."""
        return True

    def owe_rewrite(self) -> None:
        """Nothing to note, see ``purge``."""

    def purge(self) -> None:
        """Nothing: dead rows and the server's own log are its administrator's (VACUUM FULL)."""

    def backup(self, target: Path) -> None:
        """Raises DatabaseUnusable: PostgreSQL is copied by its own tool."""
        raise DatabaseUnusable(f"copy {self} with pg_dump: --format=custom --file={target}")

    def _engine(
        self, connections: int, options: str, *, isolation: Any, pre_ping: bool = False
    ) -> Engine:
        # The URL's own options, such as a search path, come first: ours are not for bargaining.
        given = self._url.query.get("options", "")
        return create_engine(
            self._url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self._limit_ms / 1000,
            pool_pre_ping=pre_ping,
            isolation_level=isolation,
            connect_args={
                "connect_timeout": max(2, self._limit_ms // 1000),
                "tcp_user_timeout": self._limit_ms,
                "application_name": "hedui",
                "options": f"{given} {options}",
                **({"password": self._password} if self._password else {}),
            },
        )


def _one_line(error: object) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
