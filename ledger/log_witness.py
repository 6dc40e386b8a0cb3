"""What a witness remembers, in SQL: newest checkpoint per log, and forks for ever."""

from typing import Final

from sqlalchemy import Column, Connection, LargeBinary, String, Table, delete, insert, select

from ledger.checkpoint import unverified
from ledger.errors import StaleCheckpoint
from ledger.log import METADATA
from ledger.merkle import leaf_hash
from ledger.witness import Seen

WITNESSED: Final = Table(
    "ledger_witnessed",
    METADATA,
    Column("origin", String(256), primary_key=True),
    Column("note", LargeBinary, nullable=False),
)
FORKS: Final = Table(
    "ledger_fork",
    METADATA,
    # SHA-256 over both notes: the same pair is kept once.
    Column("pair", LargeBinary(32), primary_key=True),
    Column("origin", String(256), nullable=False),
    Column("ours", LargeBinary, nullable=False),
    Column("theirs", LargeBinary, nullable=False),
)


def load(conn: Connection, origin: str) -> Seen | None:
    """The newest checkpoint accepted of this log, as it was verified then."""
    note = conn.scalar(select(WITNESSED.c.note).where(WITNESSED.c.origin == origin))
    return None if note is None else Seen(unverified(bytes(note))[0], bytes(note))


def seen(conn: Connection) -> list[bytes]:
    """The newest note accepted of every log, by origin."""
    rows = conn.execute(select(WITNESSED).order_by(WITNESSED.c.origin))
    return [bytes(row.note) for row in rows]


def advance(conn: Connection, old: Seen | None, new: Seen) -> None:
    """Replace ``old`` by ``new``; raises StaleCheckpoint if something else stands there now."""
    origin = new.checkpoint.origin
    if load(conn, origin) != old:
        raise StaleCheckpoint("another checkpoint of this log was cosigned meanwhile; ask again")
    conn.execute(delete(WITNESSED).where(WITNESSED.c.origin == origin))
    conn.execute(insert(WITNESSED), {"origin": origin, "note": new.note})


def keep_fork(conn: Connection, origin: str, ours: bytes, theirs: bytes) -> bool:
    """Keep two notes that contradict each other; False if this pair is kept already."""
    pair = leaf_hash(leaf_hash(ours) + leaf_hash(theirs))
    if conn.scalar(select(FORKS.c.origin).where(FORKS.c.pair == pair)) is not None:
        return False
    row = {"pair": pair, "origin": origin, "ours": ours, "theirs": theirs}
    conn.execute(insert(FORKS), row)
    return True


def forks(conn: Connection) -> list[tuple[str, bytes, bytes]]:
    """Every contradiction kept: origin, our note, their note."""
    rows = conn.execute(select(FORKS).order_by(FORKS.c.origin, FORKS.c.pair))
    return [(row.origin, bytes(row.ours), bytes(row.theirs)) for row in rows]
