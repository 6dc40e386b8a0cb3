"""What a key holder keeps: one tombstone per manifest and kind, its messages, and, sealed and
only while they are needed, its masks and masked numbers.

Source: design.md 2.6.10, 2.6.14.
"""

import dataclasses
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
)

from runtime.storage import columns

METADATA = MetaData()

PARTICIPATIONS = Table(
    "holder_opening",
    METADATA,
    columns.digest("permit", primary_key=True),
    columns.digest("manifest"),
    columns.word("kind"),
    columns.word("role"),
    columns.digest("ciphertext"),
    columns.name("masker"),
    columns.name("evaluator"),
    # Who alone can read what comes out.
    columns.name("recipient"),
    Column("expires_at", String(32), nullable=False),
    Column("at", String(32), nullable=False),
    # The coordinator that alone may relay; empty in rows from when a federation had one.
    columns.name("requester"),
    # A holder takes part once per manifest and kind; the row is never deleted.
    UniqueConstraint("manifest", "kind"),
)
MESSAGES = Table(
    "holder_message",
    METADATA,
    columns.digest("permit", primary_key=True),
    columns.word("step", primary_key=True),
    columns.digest("request"),
    columns.digest("header"),
    columns.blob("reply"),
)
SECRETS = Table(
    "holder_secret",
    METADATA,
    columns.digest("permit", primary_key=True),
    columns.word("name", primary_key=True),
    columns.blob("sealed"),
)


@dataclass(frozen=True)
class Participation:
    """The tombstone: this holder takes part in this manifest under this permit alone."""

    permit: str
    manifest: str
    kind: str
    role: str
    ciphertext: str
    """Digest of C, the masked product."""
    masker: str
    evaluator: str
    recipient: str
    requester: str
    expires_at: str


@dataclass(frozen=True)
class Stored:
    """A message that was sent: for which request, its header's digest, the reply's bytes."""

    request: str
    header: str
    reply: bytes


def participation_of(conn: Connection, manifest: str, kind: str) -> Participation | None:
    """The participation in this manifest and kind, whatever its permit."""
    row = conn.execute(
        select(PARTICIPATIONS).where(
            PARTICIPATIONS.c.manifest == manifest, PARTICIPATIONS.c.kind == kind
        )
    ).first()
    return None if row is None else _participation(row)


def participation(conn: Connection, permit: str) -> Participation | None:
    """The participation under this permit."""
    row = conn.execute(select(PARTICIPATIONS).where(PARTICIPATIONS.c.permit == permit)).first()
    return None if row is None else _participation(row)


def _participation(row: object) -> Participation:
    return Participation(*(getattr(row, f.name) for f in dataclasses.fields(Participation)))


def add_participation(conn: Connection, participation: Participation, at: str) -> None:
    """Record a new participation; the caller has looked for an older one in this transaction."""
    conn.execute(insert(PARTICIPATIONS).values(**participation.__dict__, at=at))


def message(conn: Connection, permit: str, step: str) -> Stored | None:
    """What was sent for this step, or None."""
    row = conn.execute(
        select(MESSAGES).where(MESSAGES.c.permit == permit, MESSAGES.c.step == step)
    ).first()
    return None if row is None else Stored(row.request, row.header, row.reply)


def add_message(conn: Connection, permit: str, step: str, stored: Stored) -> None:
    """Record what is sent for a step."""
    conn.execute(insert(MESSAGES).values(permit=permit, step=step, **stored.__dict__))


def secret(conn: Connection, permit: str, name: str) -> bytes | None:
    """A sealed secret of this participation, or None once it was deleted."""
    return conn.execute(
        select(SECRETS.c.sealed).where(SECRETS.c.permit == permit, SECRETS.c.name == name)
    ).scalar()


def add_secret(conn: Connection, permit: str, name: str, sealed: bytes) -> None:
    """Keep a sealed secret until its step is over."""
    conn.execute(insert(SECRETS).values(permit=permit, name=name, sealed=sealed))


def delete_secret(conn: Connection, permit: str, name: str) -> None:
    """Delete masks or masked numbers that have no more use."""
    conn.execute(delete(SECRETS).where(SECRETS.c.permit == permit, SECRETS.c.name == name))


def delete_expired(conn: Connection, now: str) -> None:
    """Delete the secrets of all permits that ran out by ``now`` (RFC 3339): no step is left.

    A participation that was broken off would keep its masks and masked numbers for ever.
    """
    over = select(PARTICIPATIONS.c.permit).where(PARTICIPATIONS.c.expires_at <= now)
    conn.execute(delete(SECRETS).where(SECRETS.c.permit.in_(over)))
