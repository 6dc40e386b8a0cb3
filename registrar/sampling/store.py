"""Samples in SQL: which reviewer drew which entries, and until when they may be opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Connection,
    MetaData,
    Table,
    func,
    insert,
    select,
)

from runtime.storage import columns

METADATA: Final = MetaData()
DRAWN: Final = Table(
    "sample_entry",
    METADATA,
    columns.random_id("sample", primary_key=True),
    # Index of the manifest.issued entry in this registrar's ledger.
    columns.number("entry", primary_key=True, autoincrement=False),
    columns.name("reviewer"),
    columns.moment("drawn_at", index=True),
    columns.moment("expires_at"),
)


@dataclass(frozen=True)
class DrawnRow:
    """One drawn entry."""

    sample: str
    entry: int
    reviewer: str
    drawn_at: str
    expires_at: str


def add(conn: Connection, rows: Sequence[DrawnRow]) -> None:
    """Store what was drawn; at least one entry."""
    conn.execute(insert(DRAWN), [vars(row) for row in rows])


def drawn(conn: Connection, sample: str, entry: int) -> DrawnRow | None:
    """The entry as drawn in this sample, or None."""
    found = select(DRAWN).where(DRAWN.c.sample == sample, DRAWN.c.entry == entry)
    row = conn.execute(found).one_or_none()
    return None if row is None else DrawnRow(**row._mapping)


def count_since(conn: Connection, moment: str) -> int:
    """How many entries were drawn after ``moment`` (RFC 3339), by anybody."""
    query = select(func.count()).select_from(DRAWN).where(DRAWN.c.drawn_at > moment)
    return int(conn.scalar(query) or 0)
