"""Tables that every database has, and whose and of which version it is.

``database_schema`` says kind of process and version, for people and for programs older than
Alembic here; ``alembic_version`` says the same for Alembic, from the first version on that has
migrations. Both change in one transaction.
"""

from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
    update,
)

from ledger import log_witness
from runtime.storage import columns
from runtime.storage.faults import DatabaseForeign, DatabaseUnusable
from runtime.storage.revisions import Revisions

NEVER_COPIED: Final = "never copied"
"""``Table(..., info={NEVER_COPIED: True})``: what must not outlive its use, in no copy either."""

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
# Exactly as Alembic makes it where there is none.
STAMP: Final = Table(
    "alembic_version",
    _OWN,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
# All tables of the ledger, the witness's included: importing them is what registers them.
_LEDGER: Final = log_witness.FORKS.metadata


def create_tables(
    connection: Connection, metadata: MetaData, service: str, revisions: Revisions
) -> None:
    """Make all tables in an empty database, of the newest version.

    Raises DatabaseForeign, in words that go on after the database's name.
    """
    if others := inspect(connection).get_table_names():
        raise DatabaseForeign(
            f"is not empty: it has {len(others)} tables that are not ours "
            f"({others[0]}, for one); name an empty database"
        )
    for tables in (_OWN, _LEDGER, metadata):
        tables.create_all(connection)
    connection.execute(insert(SCHEMA), {"service": service, "version": revisions.newest})
    connection.execute(insert(BATCH), {"id": 1, "token": bytes(16)})
    if revisions.folder is not None:
        connection.execute(insert(STAMP), {"version_num": revisions.stamp(revisions.newest)})


def version_of(connection: Connection, service: str, revisions: Revisions, mend: str) -> int:
    """The version of this database, which this program knows or can upgrade from.

    Raises DatabaseUnusable where there is none, DatabaseForeign for another service's, a newer
    one, one that is too old, and one whose two stamps contradict each other. The words go on
    after the database's name.
    """
    if not inspect(connection).has_table(SCHEMA.name):
        raise DatabaseUnusable(f"is empty; {mend}")
    row = connection.execute(select(SCHEMA.c.service, SCHEMA.c.version)).one()
    if row.service != service:
        raise DatabaseForeign(
            f"belongs to a {row.service}, not to a {service}; name the right profile or file"
        )
    version: int = row.version
    _check_version(version, revisions)
    _check_stamp(connection, version, revisions)
    return version


def _check_version(version: int, revisions: Revisions) -> None:
    if version > revisions.newest:
        raise DatabaseForeign(
            f"has schema version {version}, this program knows {revisions.newest}: "
            "it was written by newer software; install that software again, or restore a backup "
            "from before it was upgraded"
        )
    if version < revisions.oldest:
        raise DatabaseForeign(
            f"has schema version {version}, this program upgrades from "
            f"{revisions.oldest} on: it was written by older software; install a version in "
            "between, let it serve once, then install this one"
        )


def _check_stamp(connection: Connection, version: int, revisions: Revisions) -> None:
    """Both stamps change in one commit: where they differ, somebody changed one by hand."""
    if revisions.folder is None:
        return
    has_table = inspect(connection).has_table(STAMP.name)
    stamps = list(connection.scalars(select(STAMP.c.version_num))) if has_table else []
    # The oldest is the version from before there were migrations: it has no stamp.
    wanted = [] if version == revisions.oldest else [revisions.stamp(version)]
    if stamps != wanted:
        raise DatabaseForeign(
            f"has schema version {version}, but the stamp {stamps or 'of none'}: "
            "it was changed by other means than this program; restore a backup"
        )


def set_version(connection: Connection, version: int) -> None:
    """Say that the database is of this version, in the transaction that makes it so."""
    connection.execute(update(SCHEMA).values(version=version))
