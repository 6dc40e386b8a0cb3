"""A ledger out of a PostgreSQL database, row by row as it stands there, into an SQLite file.

Source: design.md 5.7.
The offline verifier reads bundles and SQLite files; this brings it what a server holds, of a
process that is stopped or runs. One snapshot, read-only, without the log's lock. Nothing is
checked here: what was modified arrives modified.
Trusts: the server to show what it stores. Learns: whoever may read the database; the ledger does
not note it. Memory stays flat.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Table, create_engine, insert, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from ledger import log, log_witness
from runtime.site.database_url import check_url
from runtime.storage.faults import DatabaseUnusable
from runtime.storage.postgres import PostgresBackend
from runtime.storage.store import POLICIES

_PAGE: Final = 2000
_TABLES: Final = (*log_witness.FORKS.metadata.sorted_tables, POLICIES)


def copy_ledger(url: str, target: Path, *, password: str = "") -> int:
    """Copy the ledger's tables into the new file ``target``; return the number of its entries.

    Raises DatabaseUnusable: no such server or database, no ledger in it, or ``target`` exists or
    cannot be written. Then there is no ``target``.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    if target.exists():
        raise DatabaseUnusable(f"{target} already exists; name another file")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        size = _copy(_backend(url, password), part)
        os.sync()
        os.link(part, target)
    except OSError as error:
        raise DatabaseUnusable(f"{target} could not be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return size


def _backend(url: str, password: str) -> PostgresBackend:
    try:
        return PostgresBackend(make_url(check_url(url)), busy_timeout_ms=10_000, password=password)
    except (ArgumentError, ValueError) as error:
        raise DatabaseUnusable(f"the database's URL cannot be used: {error}") from None


def _copy(backend: PostgresBackend, part: Path) -> int:
    source, copy = backend.read_engine(1), create_engine(f"sqlite:///{part}")
    try:
        with source.connect() as reading:
            if not inspect(reading).has_table(log.LEAVES.name):
                raise DatabaseUnusable(f"database {backend} holds no ledger; name another one")
            _write(reading, copy)
            return log.size(reading)
    except DBAPIError as error:
        raise backend.opening_fault(error) from None
    finally:
        source.dispose()
        copy.dispose()


def _write(reading: Connection, copy: Engine) -> None:
    with copy.begin() as writing:
        for table in _TABLES:
            if inspect(reading).has_table(table.name):
                table.create(writing)
                _rows(reading, writing, table)


def _rows(reading: Connection, writing: Connection, table: Table) -> None:
    streamed = reading.execution_options(yield_per=_PAGE).execute(select(table))
    for rows in streamed.mappings().partitions(_PAGE):
        writing.execute(insert(table), [dict(row) for row in rows])
