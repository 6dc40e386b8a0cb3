"""An upgrade of a database: a verified, sealed copy first, then all migrations in one commit.

Under the writer's lock, before anybody reads. Whenever it ends, by kill -9 or a power cut too, the
database is the old one or the new one: copy, migrations and stamps are one transaction. The copy
is for the fault that nobody foresaw; it is deleted once the new database has committed. One that
was left behind is replaced by the next attempt, or deleted where the commit had come through.
Trusts: the disk to keep what it synced.
Learns: the copy is sealed, see ``sealed_copy``; masks and masked numbers are not in it.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

from crypto.errors import OpenError
from crypto.rng import Rng
from crypto.sealing import AtRestKey
from ledger import log
from ledger.errors import TornLog
from ledger.merkle import Frontier, leaf_hash, node_count
from runtime.errors import StorageError
from runtime.storage.backend import Backend
from runtime.storage.faults import DatabaseForeign, DatabaseUnusable
from runtime.storage.revisions import Revisions
from runtime.storage.schema import NEVER_COPIED, set_version
from runtime.storage.sealed_copy import CopiedTable, WrapKey, read_copy, write_copy

FILE_NAME: Final = "before-upgrade.sealed"
_PAGE: Final = 4096


@dataclass(frozen=True, repr=False)
class Upgrading:
    """What an upgrade needs of its process.

    Attributes:
        folder: Where the sealed copy lies meanwhile; on the process's own disk.
        kek: Seals the copy.
        rng: Randomness.
        check: Raises unless this is the process's own database; before anything is changed.
        tell: Called with each step's name and the version that it leads to, for the log.
    """

    folder: Path
    kek: AtRestKey
    rng: Rng
    check: Callable[[Connection], None] = lambda _connection: None
    tell: Callable[[str, int], None] = lambda _step, _version: None

    @property
    def copy(self) -> Path:
        """The sealed copy."""
        return self.folder / FILE_NAME

    @property
    def part(self) -> Path:
        """The sealed copy while it is written and verified."""
        return self.folder / f".{FILE_NAME}.part"


@dataclass(frozen=True)
class _Found:
    """What the database holds before: the copy and the new database are held against it."""

    counts: dict[str, int]
    head: log.Head


def upgrade(
    backend: Backend,
    connection: Connection,
    metadata: MetaData,
    *,
    revisions: Revisions,
    version: int,
    upgrading: Upgrading | None,
) -> None:
    """Bring a database from ``version`` to the newest. Raises StorageError; then it is unchanged.

    Args:
        connection: The writing one, under the log's lock, not in a transaction.
        metadata: The newest version's tables: they say what is never copied.
    """
    if upgrading is None:
        raise DatabaseForeign(
            f"database {backend} has schema version {version}, this program writes "
            f"{revisions.newest}: start its process (serve), which upgrades it"
        )
    newest, committing = revisions.newest, False
    try:
        with backend.altering(connection), connection.begin():
            upgrading.check(connection)
            found = _look(backend, connection, metadata)
            upgrading.tell("copying", newest)
            _copy(connection, found, version, upgrading)
            upgrading.tell("migrating", newest)
            _migrate(backend, connection, found, revisions)
            upgrading.tell("committing", newest)
            committing = True
    except (StorageError, OSError, OpenError, TornLog, DBAPIError) as error:
        if isinstance(error, DatabaseForeign):
            raise
        steps = f"from schema version {version} to {newest}: {_words(error)}"
        raise _failed(backend, steps, upgrading, known=not committing) from error
    upgrading.tell("committed", newest)
    # What the migrations wrote goes from the write-ahead log into the file.
    backend.purge()


def clear_away(upgrading: Upgrading, version: int) -> None:
    """Delete the copy of an upgrade that came through, and what is left of one that did not.

    Called once the database is known to be of the newest ``version``.
    """
    for path in (upgrading.part, upgrading.copy):
        if path.exists():
            path.unlink()
            _sync(path.parent)
            upgrading.tell("copy_deleted", version)


def _look(backend: Backend, connection: Connection, metadata: MetaData) -> _Found:
    if damage := backend.damage(connection):
        raise DatabaseUnusable(f"it is damaged: {damage}")
    left_out = {table.name for table in metadata.tables.values() if table.info.get(NEVER_COPIED)}
    names = sorted(set(inspect(connection).get_table_names()) - left_out)
    found = _Found({name: _count(connection, name) for name in names}, log.head(connection))
    if found.counts[log.NODES.name] != node_count(found.head.size):
        raise DatabaseUnusable("its ledger misses tree nodes; run python -m ledger.verify")
    return found


def _count(connection: Connection, table: str) -> int:
    query = text(f'SELECT count(*) FROM "{table}"')  # noqa: S608 (a name from the catalogue)
    return int(connection.scalar(query) or 0)


def _copy(connection: Connection, found: _Found, version: int, upgrading: Upgrading) -> None:
    """Write the copy, read it back, and only then put it in the place of an older one."""
    part = upgrading.part
    part.unlink(missing_ok=True)
    try:
        write_copy(
            connection,
            part,
            version=version,
            tables=list(found.counts),
            key=WrapKey(upgrading.kek, upgrading.rng),
        )
        _verify(part, found, upgrading.kek)
        part.replace(upgrading.copy)
        _sync(upgrading.folder)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _verify(path: Path, found: _Found, kek: AtRestKey) -> None:
    """Hold the copy, as it was read back, against the database: rows, and the ledger's tree."""
    counts: dict[str, int] = {}
    head = log.Head(0, Frontier().root())
    for table in read_copy(path, kek)[1]:
        if table.name == log.LEAVES.name:
            counts[table.name], head = _tree(table)
        else:
            counts[table.name] = sum(1 for _ in table.rows)
    if counts != found.counts:
        raise DatabaseUnusable("its copy has other rows than it")
    if head != found.head:
        raise DatabaseUnusable(
            "the tree of its ledger is not that of its entries; run python -m ledger.verify"
        )


def _tree(table: CopiedTable) -> tuple[int, log.Head]:
    """Number of entries, and the head that they give by themselves, a page at a time."""
    place, entry = table.columns.index("idx"), table.columns.index("entry")
    tree = Frontier()
    while rows := list(islice(table.rows, _PAGE)):
        if [row[place] for row in rows] != list(range(tree.size, tree.size + len(rows))):
            raise DatabaseUnusable("its ledger has a gap; run python -m ledger.verify")
        tree, _ = tree.extend(leaf_hash(row[entry]) for row in rows)
    return tree.size, log.Head(tree.size, tree.root())


def _migrate(backend: Backend, connection: Connection, found: _Found, revisions: Revisions) -> None:
    # Alembic takes a fifth of a second to import, and most starts upgrade nothing.
    from runtime.storage.migrate import migrate

    migrate(connection, revisions)
    set_version(connection, revisions.newest)
    if damage := backend.damage(connection):
        raise DatabaseUnusable(f"the new one would be damaged: {damage}")
    # By the entries themselves, as in the copy: whatever a migration did to them shows.
    same = all(_count(connection, t.name) == found.counts[t.name] for t in (log.LEAVES, log.NODES))
    if not same or log.head(connection) != found.head or _recomputed(connection) != found.head:
        raise DatabaseUnusable("the new one would have another ledger")


def _recomputed(connection: Connection) -> log.Head:
    entries = log.entries(connection, 0, log.size(connection))
    tree = Frontier()
    while page := list(islice(entries, _PAGE)):
        tree, _ = tree.extend(leaf_hash(entry) for entry in page)
    return log.Head(tree.size, tree.root())


def _failed(backend: Backend, steps: str, upgrading: Upgrading, *, known: bool) -> DatabaseUnusable:
    """``known``: that nothing was changed. A commit that was cut off may yet have come through."""
    now = "Nothing in it was changed" if known else "The next start shows whether it came through"
    kept = f", and its sealed copy {upgrading.copy} is kept" if upgrading.copy.exists() else ""
    return DatabaseUnusable(
        f"database {backend} could not be upgraded {steps}. {now}{kept}: remove the cause and "
        "start again, or install the version before"
    )


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"its copy could not be written: {error.strerror}"
    if isinstance(error, DBAPIError):
        # The first line alone: the server puts values of rows into the next.
        return str(error.orig).partition("\n")[0]
    return str(error)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
