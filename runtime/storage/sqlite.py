"""SQLite under the database: one file, one process, WAL, synchronous=FULL.

Source: design.md 4.6, 5.4.
Trusts: the operating system's locks and fsync. Detects a file that was deleted or replaced
under the process (SQLite itself would go on writing into the void).
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from runtime.errors import StorageError
from runtime.storage.faults import DatabaseInUse, DatabaseMissing, DatabaseUnusable

# Primary result codes that say something about the storage and nothing about the statement:
# PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
_STORAGE_CODES: Final = frozenset({3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26})
_FORMAT: Final = b"SQLite format 3\x00"


class SqliteBackend:
    """A database file with its lock file ``<path>.lock``."""

    def __init__(self, path: Path, *, busy_timeout_ms: int) -> None:
        self.path: Final = path.absolute()
        self._busy_ms = busy_timeout_ms
        self._lock_fd = -1
        self._files: dict[Path, tuple[int, int]] = {}

    def __str__(self) -> str:
        return str(self.path)

    def acquire(self, *, create: bool, mend: str) -> None:
        """Take the operating system's lock, and make the empty file if asked to.

        Raises DatabaseMissing, DatabaseInUse or DatabaseUnusable.
        """
        if not self.path.exists() and not create:
            raise DatabaseMissing(f"database {self.path} does not exist; {mend}")
        if not self.path.parent.is_dir():
            raise DatabaseMissing(f"folder {self.path.parent} does not exist; {mend}")
        try:
            self._lock()
            self._touch(create)
        except OSError as error:
            self.release()
            raise DatabaseUnusable(
                f"database {self.path} cannot be opened: {error.strerror}; "
                "check owner and permissions of the file and its folder"
            ) from None
        except DatabaseUnusable:
            self.release()
            raise

    def look(self, *, mend: str) -> None:
        """Raises DatabaseMissing where there is no file."""
        if not self.path.is_file():
            raise DatabaseMissing(f"database {self.path} does not exist; {mend}")

    def release(self) -> None:
        """Give the lock back. The lock file stays: removing it would race."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def write_engine(self) -> Engine:
        """Engine of the one writing connection: every transaction is BEGIN IMMEDIATE."""
        return self._engine(connections=1, begin="BEGIN IMMEDIATE", query_only=False)

    def read_engine(self, connections: int) -> Engine:
        """Engine of reading connections: a transaction is one snapshot, and writes fail."""
        return self._engine(connections=connections, begin="BEGIN", query_only=True)

    def prepare_writer(self, connection: Any) -> None:
        """Nothing to do: the lock file is the lock."""

    def remember_files(self) -> None:
        """Note which files are written from now on; after the first commit of a connection."""
        self._files = {path: _identity(path) for path in self._written()}

    def guard(self) -> str | None:
        """Say what became of the files, or None while they are the ones that were opened."""
        for path, identity in self._files.items():
            try:
                if _identity(path) != identity:
                    return f"{path} was replaced by another file while in use"
            except OSError as error:
                return f"{path} cannot be found any more: {error.strerror}"
        return None

    def idle_probe_s(self) -> float | None:
        """Never: a file does not go by itself."""
        return None

    def opening_fault(self, error: DBAPIError) -> StorageError:
        """Say why the database cannot be opened."""
        return DatabaseUnusable(f"database {self} cannot be used: {error.orig}")

    def storage_fault(self, error: BaseException) -> str | None:
        """Say what is wrong with the storage, or None if ``error`` is the statement's own."""
        code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
        if code is None or code & 0xFF not in _STORAGE_CODES:
            return None
        name = getattr(getattr(error, "orig", error), "sqlite_errorname", "SQLITE")
        return f"{self.path}: {getattr(error, 'orig', error)} ({name})"

    def absent_means_never(self) -> bool:
        """False: a commit frame that failed to sync may be found again after a power cut."""
        return False

    def backup(self, target: Path) -> None:
        """Copy the live database through the backup API into one self-contained file.

        Raises DatabaseUnusable if ``target`` exists or cannot be written.
        """
        part = target.with_name(target.name + ".part")
        if target.exists():
            raise DatabaseUnusable(f"backup {target} already exists; name another file")
        try:
            part.unlink(missing_ok=True)
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._copy(part)
            os.link(part, target)
            _sync(target, target.parent)
        except (OSError, sqlite3.Error) as error:
            raise DatabaseUnusable(f"backup {target} could not be written: {error}") from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def owe_rewrite(self) -> None:
        """Note on disk that the file is to be rewritten, before something is erased from it."""
        os.close(os.open(self._owed, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        _sync(self._owed.parent)

    def purge(self) -> None:
        """Copy the write-ahead log into the file and cut it to nothing; rewrite it if owed.

        Older pages stand in the log until then, deleted content included; and where SQLite
        rearranged pages, a piece of what they held, until the file is rewritten.
        """
        with closing(sqlite3.connect(self.path, timeout=self._busy_ms / 1000)) as connection:
            if self._owed.exists():
                # Busy, or no room for a second copy: it stays owed. What was deleted is
                # overwritten already.
                with suppress(sqlite3.OperationalError):
                    connection.execute("VACUUM")
                    self._owed.unlink(missing_ok=True)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @property
    def _owed(self) -> Path:
        return self.path.with_name(self.path.name + ".rewrite")

    def _copy(self, part: Path) -> None:
        with (
            closing(sqlite3.connect(self.path)) as source,
            closing(sqlite3.connect(part)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")

    def _lock(self) -> None:
        path = self.path.with_name(self.path.name + ".lock")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock_exclusively(fd)
        except DatabaseUnusable:
            os.close(fd)
            raise
        except BlockingIOError:
            text = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            os.close(fd)
            pid = int(text) if text.isdecimal() else 0
            raise DatabaseInUse(
                f"database {self.path} is in use by process {pid or 'unknown'}; "
                "stop that process, or talk to it instead of opening its file",
                pid,
            ) from None
        self._lock_fd = fd
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)

    def _touch(self, create: bool) -> None:
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        fd = os.open(self.path, flags, 0o600)
        try:
            head = os.pread(fd, len(_FORMAT), 0)
        finally:
            os.close(fd)
        if head not in (b"", _FORMAT):
            raise DatabaseUnusable(f"{self.path} is not an SQLite database; name another file")

    def _written(self) -> list[Path]:
        wal = self.path.with_name(self.path.name + "-wal")
        return [self.path, *([wal] if wal.exists() else [])]

    def _engine(self, *, connections: int, begin: str, query_only: bool) -> Engine:
        engine = create_engine(
            f"sqlite+pysqlite:///{self.path}",
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=self._busy_ms / 1000,
            connect_args={
                "timeout": self._busy_ms / 1000,
                "check_same_thread": False,
                # Off with the driver's own idea of transactions: it commits before some
                # statements, starts late, and breaks SAVEPOINT. BEGIN is ours, below.
                "isolation_level": None,
            },
        )
        event.listen(engine, "connect", _on_connect(query_only))
        event.listen(engine, "begin", lambda conn: conn.exec_driver_sql(begin) and None)
        return engine


def _on_connect(query_only: bool) -> Callable[[Any, Any], None]:
    def configure(connection: Any, _record: Any) -> None:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise DatabaseUnusable(
                f"the file system does not support a write-ahead log (journal mode {mode}); "
                "put the data folder on a local disk"
            )
        for pragma in (
            "synchronous=FULL",
            "fullfsync=ON",
            "checkpoint_fullfsync=ON",
            "foreign_keys=ON",
            # What is deleted or replaced is overwritten in the file, not only forgotten.
            "secure_delete=ON",
            "trusted_schema=OFF",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return configure


def _lock_exclusively(fd: int) -> None:
    """Raise BlockingIOError where another process has the lock."""
    try:
        # Here, so that commands without a database import where there is none.
        import fcntl
    except ImportError:
        raise DatabaseUnusable(
            "this system has no flock(2), which keeps two processes from one database: run "
            "processes on Linux; commands of people work here"
        ) from None
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _sync(*paths: Path) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
