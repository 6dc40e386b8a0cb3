"""Opening permits in SQL: one per manifest and kind, for ever."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Connection, LargeBinary, MetaData, String, Table, insert, select

METADATA: Final = MetaData()
PERMITS: Final = Table(
    "permit",
    METADATA,
    Column("manifest", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    # Digest of what was asked: answers and silent departments.
    Column("question", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
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
