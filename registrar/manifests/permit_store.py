"""Opening permits in SQL: one per manifest and kind, for ever."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, MetaData, Table, insert, select

from runtime.storage import columns

METADATA: Final = MetaData()
PERMITS: Final = Table(
    "permit",
    METADATA,
    columns.digest("manifest", primary_key=True),
    columns.word("kind", primary_key=True),
    # Digest of what was asked: answers and silent departments.
    columns.digest("question"),
    columns.blob("body"),
    columns.blob("signature"),
)


@dataclass(frozen=True)
class PermitRow:
    """One permit as stored."""

    manifest: str
    kind: str
    question: str
    body: bytes
    signature: bytes


def add(conn: Connection, row: PermitRow) -> None:
    """Store a permit."""
    conn.execute(insert(PERMITS), vars(row))


def get(conn: Connection, manifest: str, kind: str) -> PermitRow | None:
    """The permit of this manifest and kind, or None."""
    query = select(PERMITS).where(PERMITS.c.manifest == manifest, PERMITS.c.kind == kind)
    row = conn.execute(query).one_or_none()
    return None if row is None else PermitRow(**row._mapping)


def of_manifest(conn: Connection, manifest: str) -> list[PermitRow]:
    """All permits of a manifest."""
    rows = conn.execute(select(PERMITS).where(PERMITS.c.manifest == manifest))
    return [PermitRow(**row._mapping) for row in rows]
