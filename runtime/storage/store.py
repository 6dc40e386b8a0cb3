"""Tables that every process has: approved policies, and sealed reveals of ledger entries."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Column,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

# Re-exported: whoever is no store takes these two names from here (.importlinter).
from sqlalchemy import Connection as Connection
from sqlalchemy import MetaData as MetaData

from runtime.storage import columns
from runtime.storage.paging import Page, Rows, fetch
from runtime.storage.salting import SealedReveals

METADATA: Final = MetaData()
POLICIES: Final = Table(
    "policy",
    METADATA,
    columns.digest("digest", primary_key=True),
    columns.blob("body"),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    columns.moment("approved_at"),
    # Empty while in force.
    columns.moment("withdrawn_at"),
)
OPENINGS: Final = Table(
    "ledger_opening",
    METADATA,
    columns.number("entry", primary_key=True, autoincrement=False),
    # Whose key sealed it; "" for the process's own. Destroying that key erases the reveal.
    columns.name("owner", index=True),
    columns.blob("sealed"),
)


@dataclass(frozen=True)
class PolicyRow:
    """One policy of this process; ``withdrawn_at`` is empty while it is in force."""

    digest: str
    body: bytes
    name: str
    title: str
    approved_at: str
    withdrawn_at: str


def whole(*parts: MetaData) -> MetaData:
    """Return a process's own tables and those that every process has, as new objects."""
    metadata = MetaData()
    for part in (*parts, METADATA):
        for table in part.sorted_tables:
            table.to_metadata(metadata)
    return metadata


def keep_reveals(conn: Connection, entry: int, reveals: SealedReveals) -> None:
    """Keep the sealed reveals of one ledger entry, in the entry's own transaction."""
    row = {"entry": entry, "owner": reveals.owner, "sealed": reveals.sealed}
    conn.execute(insert(OPENINGS), row)


def reveals_of(conn: Connection, entry: int) -> SealedReveals | None:
    """The sealed reveals of one entry, None where it has none."""
    row = conn.execute(
        select(OPENINGS.c.owner, OPENINGS.c.sealed).where(OPENINGS.c.entry == entry)
    ).one_or_none()
    return None if row is None else SealedReveals(row.owner, bytes(row.sealed))


def destroy_reveals(conn: Connection, owner: str) -> None:
    """Destroy every reveal that was sealed under one owner's key."""
    conn.execute(delete(OPENINGS).where(OPENINGS.c.owner == owner))


def put_policy(conn: Connection, policy: PolicyRow) -> None:
    """Put a policy into force, for the first time or again."""
    if policy_row(conn, policy.digest) is None:
        conn.execute(insert(POLICIES), vars(policy))
        return
    times = {"approved_at": policy.approved_at, "withdrawn_at": ""}
    conn.execute(update(POLICIES).where(POLICIES.c.digest == policy.digest).values(**times))


def withdraw_policy(conn: Connection, digest: str, at: str) -> None:
    """Take a policy out of force."""
    conn.execute(update(POLICIES).where(POLICIES.c.digest == digest).values(withdrawn_at=at))


def policy_row(conn: Connection, digest: str) -> PolicyRow | None:
    """The policy of this digest, in force or withdrawn; None if it was never approved."""
    row = conn.execute(select(POLICIES).where(POLICIES.c.digest == digest)).one_or_none()
    return None if row is None else PolicyRow(**row._mapping)


def policy_page(conn: Connection, wanted: Page, state: str) -> tuple[Rows, str]:
    """A page of policies without their text, oldest approval first; what the next comes after.

    Args:
        state: in-force, withdrawn, or "" for both.
    """
    table = POLICIES.c
    query = select(table.digest, table.name, table.title, table.approved_at, table.withdrawn_at)
    if state:
        in_force = table.withdrawn_at == ""
        query = query.where(in_force if state == "in-force" else ~in_force)
    return fetch(conn, query, (table.approved_at, table.digest), wanted)


def policy_rows(conn: Connection) -> list[PolicyRow]:
    """All policies, oldest approval first."""
    rows = conn.execute(select(POLICIES).order_by(POLICIES.c.approved_at, POLICIES.c.digest))
    return [PolicyRow(**row._mapping) for row in rows]
