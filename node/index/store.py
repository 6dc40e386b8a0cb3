"""Tables of the index: pseudonym -> local key, and the batch that is under way.

Source: design.md 2.2.6, 2.2.8.
A person whose ``indexed_epoch`` is older than the epoch asked for is pending. A batch is kept,
sealed, from before it is sent until its pseudonyms are stored: after a crash the very same
batch is sent again, and the registrar counts it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from node.records.store import PERSONS
from runtime.storage import columns

METADATA: Final = MetaData()

PSEUDONYMS: Final = Table(
    "pseudonym",
    METADATA,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    columns.tag("pseudonym", primary_key=True),
    columns.number("local_key", index=True),
)
BATCHES: Final = Table(
    "enrolment_batch",
    METADATA,
    Column("batch", LargeBinary(16), primary_key=True),
    Column("epoch", Integer, nullable=False),
    # Local keys, blinds and blinded elements, sealed at rest.
    columns.blob("sealed"),
)


@dataclass(frozen=True)
class Pending:
    """A person without a pseudonym of the epoch."""

    local_key: int
    identifier: str


@dataclass(frozen=True)
class StoredBatch:
    """A batch that was begun: random id (16 bytes), epoch, sealed state."""

    batch: bytes
    epoch: int
    sealed: bytes


def pending(conn: Connection, epoch: int, *, limit: int) -> list[Pending]:
    """The next persons to enrol, in the order of their local keys."""
    wanted = select(PERSONS.c.local_key, PERSONS.c.identifier)
    wanted = wanted.where(PERSONS.c.indexed_epoch < epoch).order_by(PERSONS.c.local_key)
    return [Pending(*row) for row in conn.execute(wanted.limit(limit))]


def count_pending(conn: Connection, epoch: int) -> int:
    """Persons without a pseudonym of the epoch."""
    wanted = select(func.count()).select_from(PERSONS).where(PERSONS.c.indexed_epoch < epoch)
    return conn.scalar(wanted) or 0


def is_stale(conn: Connection, epoch: int, *, since: str) -> bool:
    """Whether anybody held since ``since`` (RFC 3339) or longer has no pseudonym."""
    waiting = select(PERSONS.c.local_key).where(
        PERSONS.c.indexed_epoch < epoch, PERSONS.c.added_at <= since
    )
    return conn.execute(waiting.limit(1)).first() is not None


def find(conn: Connection, epoch: int, pseudonym: bytes) -> int | None:
    """The local key of a pseudonym, None where it is nobody's here."""
    wanted = select(PSEUDONYMS.c.local_key)
    return conn.scalar(
        wanted.where(PSEUDONYMS.c.epoch == epoch, PSEUDONYMS.c.pseudonym == pseudonym)
    )


def decoy(conn: Connection, at_least: int) -> int | None:
    """The first local key from ``at_least`` on, else the first of all; None without persons."""
    lowest = select(func.min(PERSONS.c.local_key))
    above: int | None = conn.scalar(lowest.where(PERSONS.c.local_key >= at_least))
    first: int | None = conn.scalar(lowest)
    return first if above is None else above


def last_local_key(conn: Connection) -> int:
    """The greatest local key, 0 without persons."""
    return conn.scalar(select(func.max(PERSONS.c.local_key))) or 0


def begin_batch(conn: Connection, batch: StoredBatch) -> None:
    """Keep a batch before it is sent."""
    conn.execute(insert(BATCHES), vars(batch))


def open_batch(conn: Connection) -> StoredBatch | None:
    """The batch that was begun and not finished, if any."""
    row = conn.execute(select(BATCHES.c.batch, BATCHES.c.epoch, BATCHES.c.sealed)).first()
    return None if row is None else StoredBatch(*row)


def drop_batch(conn: Connection, batch: bytes) -> None:
    """Forget a batch."""
    conn.execute(delete(BATCHES).where(BATCHES.c.batch == batch))


def finish_batch(
    conn: Connection, batch: StoredBatch, pseudonyms: Sequence[tuple[int, bytes]]
) -> None:
    """Store (local key, pseudonym) of those who are still held, and forget the batch."""
    wanted = [key for key, _ in pseudonyms]
    held = set(conn.scalars(select(PERSONS.c.local_key).where(PERSONS.c.local_key.in_(wanted))))
    rows = [
        {"epoch": batch.epoch, "pseudonym": value, "local_key": key}
        for key, value in pseudonyms
        if key in held
    ]
    if rows:
        conn.execute(insert(PSEUDONYMS), rows)
        mark = update(PERSONS).where(PERSONS.c.local_key.in_(held))
        conn.execute(mark.values(indexed_epoch=batch.epoch))
    drop_batch(conn, batch.batch)


def forget_missing(conn: Connection) -> None:
    """Drop the pseudonyms of persons whom the node no longer holds."""
    known = exists().where(PERSONS.c.local_key == PSEUDONYMS.c.local_key)
    conn.execute(delete(PSEUDONYMS).where(~known))
