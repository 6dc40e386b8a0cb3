"""Tables of answering: queries with their stored answers, and the newest revocation list seen.

Source: design.md 2.3.11, 2.4.8.
Everything an answer adds here has one size, whoever was asked about.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    func,
    insert,
    select,
    update,
)

from runtime.storage import columns

METADATA: Final = MetaData()

QUERIES: Final = Table(
    "query",
    METADATA,
    columns.random_id("query", primary_key=True),
    # One answer per manifest: a second ticket of the same manifest finds this row.
    columns.digest("manifest", unique=True),
    columns.digest("policy"),
    columns.moment("received_at"),
    # The rest is NULL until the answer is stored.
    columns.moment("answered_at", nullable=True),
    columns.blob("body", nullable=True),
    Column("signature", LargeBinary(64)),
    Column("entry", BigInteger),
    # A data key of its own, wrapped; under it what an audit needs (encrypting.OpenedCopy).
    columns.blob("data_key", nullable=True),
    columns.blob("sealed", nullable=True),
)
# One row for each time that an answer was opened to a reviewer: so many a day and no more.
OPENED: Final = Table(
    "opened_answer",
    METADATA,
    columns.digest("grant", primary_key=True),
    columns.random_id("query", primary_key=True),
    columns.moment("opened_at", index=True),
)
REVOCATIONS: Final = Table(
    "revocations_seen",
    METADATA,
    # The newest list that each coordinator has brought.
    columns.name("requester", primary_key=True),
    Column("number", BigInteger, nullable=False),
)


@dataclass(frozen=True)
class StoredQuery:
    """A query that was received; ``body`` and ``signature`` are the answer, if there is one."""

    query: str
    manifest: str
    body: bytes | None
    signature: bytes | None
    entry: int | None


@dataclass(frozen=True)
class NewAnswer:
    """What is stored with an answer."""

    answered_at: str
    body: bytes
    signature: bytes
    entry: int
    data_key: bytes
    sealed: bytes


def by_query(conn: Connection, query: str) -> StoredQuery | None:
    """The query of this id, if it was received."""
    return _one(conn, QUERIES.c.query == query)


def by_manifest(conn: Connection, manifest: str) -> StoredQuery | None:
    """The query that this manifest was spent on, if any."""
    return _one(conn, QUERIES.c.manifest == manifest)


def receive(conn: Connection, query: str, manifest: str, policy: str, *, now: str) -> None:
    """Store that a query arrived; its manifest is spent from now on."""
    row = {"query": query, "manifest": manifest, "policy": policy, "received_at": now}
    conn.execute(insert(QUERIES), row)


def store_answer(conn: Connection, query: str, answer: NewAnswer) -> None:
    """Store the one answer to a received query."""
    conn.execute(update(QUERIES).where(QUERIES.c.query == query).values(vars(answer)))


def sealed_answer(conn: Connection, query: str) -> tuple[bytes, bytes] | None:
    """Wrapped data key and sealed plaintext of an answer, for the node's own audit."""
    row = conn.execute(
        select(QUERIES.c.data_key, QUERIES.c.sealed).where(QUERIES.c.query == query)
    ).first()
    return None if row is None or row.sealed is None else (row.data_key, row.sealed)


def note_disclosed(conn: Connection, grant: str, query: str, at: str) -> None:
    """Remember that an answer was opened under this grant; a repeat changes nothing."""
    here = (OPENED.c.grant == grant) & (OPENED.c.query == query)
    if conn.execute(select(OPENED.c.query).where(here)).first() is None:
        conn.execute(insert(OPENED), {"grant": grant, "query": query, "opened_at": at})


def count_disclosed(conn: Connection, since: str, *, but: str) -> int:
    """How many answers were opened after ``since`` (RFC 3339), under other grants than ``but``."""
    wanted = select(func.count()).select_from(OPENED)
    wanted = wanted.where(OPENED.c.opened_at > since, OPENED.c.grant != but)
    return conn.scalar(wanted) or 0


def newest_revocations(conn: Connection, requester: str) -> int:
    """Number of the newest revocation list that a requester has brought, 0 for none."""
    here = REVOCATIONS.c.requester == requester
    return conn.scalar(select(REVOCATIONS.c.number).where(here)) or 0


def remember_revocations(conn: Connection, requester: str, number: int) -> None:
    """Remember the number of a requester's list unless it has brought a newer one."""
    here = REVOCATIONS.c.requester == requester
    seen = conn.scalar(select(REVOCATIONS.c.number).where(here))
    if seen is None:
        conn.execute(insert(REVOCATIONS), {"requester": requester, "number": number})
    elif number > seen:
        conn.execute(update(REVOCATIONS).where(here).values(number=number))


def _one(conn: Connection, condition: object) -> StoredQuery | None:
    wanted = select(
        QUERIES.c.query, QUERIES.c.manifest, QUERIES.c.body, QUERIES.c.signature, QUERIES.c.entry
    )
    row = conn.execute(wanted.where(condition)).first()  # type: ignore[arg-type]
    return None if row is None else StoredQuery(*row)
