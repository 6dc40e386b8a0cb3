"""Manifests and tickets in SQL.

Requests, tickets and reveals lie sealed under their letter's data key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from runtime.storage import columns

METADATA: Final = MetaData()
MANIFESTS: Final = Table(
    "manifest",
    METADATA,
    columns.digest("digest", primary_key=True),
    Column("number", String(40), nullable=False, index=True),
    Column("sequence", Integer, nullable=False),
    # Digest and nonce of the officer's request: the same request is the same manifest.
    columns.digest("request", unique=True),
    columns.random_id("nonce", unique=True),
    columns.blob("body"),
    columns.blob("signature"),
    # Reveals of the manifest's commitments, sealed.
    columns.blob("openings", key="reveals"),
    # What the officer signed, and the checker for a further query (else empty), sealed.
    columns.blob("asked"),
    columns.blob("countersigned"),
)
TICKETS: Final = Table(
    "ticket",
    METADATA,
    columns.random_id("query", primary_key=True),
    columns.digest("manifest", ForeignKey("manifest.digest"), index=True),
    Column("number", String(40), nullable=False, index=True),
    columns.name("department"),
    # Position in the manifest's order.
    Column("position", Integer, nullable=False),
    # The signed ticket as first issued, sealed.
    columns.blob("sealed"),
    # The latest expiry that was ever signed for it, RFC 3339.
    columns.moment("expires_at", index=True),
    Column("revoked", Integer, nullable=False),
)
COUNTERS: Final = Table(
    "counter",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", Integer, nullable=False),
)


@dataclass(frozen=True)
class ManifestRow:
    """One manifest as stored."""

    digest: str
    number: str
    sequence: int
    request: str
    nonce: str
    body: bytes
    signature: bytes
    reveals: bytes
    asked: bytes
    countersigned: bytes = b""


@dataclass(frozen=True)
class TicketRow:
    """One ticket as stored; ``revoked`` is 0 or 1."""

    query: str
    manifest: str
    number: str
    department: str
    position: int
    sealed: bytes
    expires_at: str
    revoked: int


def add_manifest(conn: Connection, manifest: ManifestRow, tickets: Sequence[TicketRow]) -> None:
    """Store a manifest and its tickets."""
    conn.execute(insert(MANIFESTS), vars(manifest))
    conn.execute(insert(TICKETS), [vars(ticket) for ticket in tickets])


def manifest(conn: Connection, digest: str) -> ManifestRow | None:
    """The manifest of this digest, or None."""
    return _one(conn, MANIFESTS.c.digest == digest)


def by_request(conn: Connection, request: str) -> ManifestRow | None:
    """The manifest that was issued for this request, or None."""
    return _one(conn, MANIFESTS.c.request == request)


def nonce_is_used(conn: Connection, nonce: str) -> bool:
    """Whether a manifest was issued for a request with this nonce."""
    return _one(conn, MANIFESTS.c.nonce == nonce) is not None


def count_all(conn: Connection) -> int:
    """How many manifests were issued in all."""
    return int(conn.scalar(select(func.count()).select_from(MANIFESTS)) or 0)


def count(conn: Connection, number: str) -> int:
    """How many manifests were issued for one authorization."""
    query = select(func.count()).select_from(MANIFESTS).where(MANIFESTS.c.number == number)
    return int(conn.scalar(query) or 0)


def tickets(conn: Connection, manifest_digest: str) -> list[TicketRow]:
    """The tickets of a manifest, in its order of departments."""
    query = select(TICKETS).where(TICKETS.c.manifest == manifest_digest)
    return [TicketRow(**row._mapping) for row in conn.execute(query.order_by(TICKETS.c.position))]


def ticket(conn: Connection, query_id: str) -> TicketRow | None:
    """The ticket of this query id, or None."""
    row = conn.execute(select(TICKETS).where(TICKETS.c.query == query_id)).one_or_none()
    return None if row is None else TicketRow(**row._mapping)


def extend(conn: Connection, query_id: str, expires_at: str) -> None:
    """Note that a ticket was signed again with a later expiry."""
    statement = update(TICKETS).where(
        TICKETS.c.query == query_id, TICKETS.c.expires_at < expires_at
    )
    conn.execute(statement.values(expires_at=expires_at))


def revoke_tickets(conn: Connection, number: str) -> None:
    """Revoke every ticket of one authorization."""
    conn.execute(update(TICKETS).where(TICKETS.c.number == number).values(revoked=1))


def erase(conn: Connection, number: str) -> None:
    """Destroy tickets, requests and reveals of one authorization; ids and expiries stay."""
    conn.execute(update(TICKETS).where(TICKETS.c.number == number).values(sealed=b""))
    emptied = {"reveals": b"", "asked": b"", "countersigned": b""}
    conn.execute(update(MANIFESTS).where(MANIFESTS.c.number == number).values(**emptied))


def revoked_queries(conn: Connection, now: str, limit: int) -> list[str]:
    """Ids of revoked tickets that have not expired, sorted; at most ``limit``."""
    query = select(TICKETS.c.query).where(TICKETS.c.revoked == 1, TICKETS.c.expires_at > now)
    return list(conn.scalars(query.order_by(TICKETS.c.query).limit(limit)))


def next_number(conn: Connection, name: str) -> int:
    """Count up a counter and return its new value; the first is 1."""
    value: int | None = conn.scalar(select(COUNTERS.c.value).where(COUNTERS.c.name == name))
    if value is None:
        conn.execute(insert(COUNTERS), {"name": name, "value": 1})
        return 1
    conn.execute(update(COUNTERS).where(COUNTERS.c.name == name).values(value=value + 1))
    return value + 1


def _one(conn: Connection, condition: object) -> ManifestRow | None:
    row = conn.execute(select(MANIFESTS).where(condition)).one_or_none()  # type: ignore[arg-type]
    return None if row is None else ManifestRow(*row)
