"""The stored log: exact entries and every node of the tree, in SQL.

Source: design.md 4.1;
RFC 6962 section 2.1, RFC 9162 sections 2.1.3 and 2.1.4; numbering in ledger.merkle.
Trusts: the database to keep what it committed, nothing else: ledger.verify re-hashes it all.
Entries and nodes are only ever added, inside the caller's transaction. Proofs read
O(log n) nodes.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
)

# Re-exported: the signer and the exporter take it from here (.importlinter).
from sqlalchemy import Connection as Connection

from crypto.errors import InvalidInput
from ledger import merkle
from ledger.errors import TornLog
from ledger.event import MAX_BYTES

# SQLite takes only a column of type INTEGER as the row number, which is what makes it fast.
NUMBER = BigInteger().with_variant(Integer(), "sqlite")

METADATA: Final = MetaData()
LEAVES: Final = Table(
    "ledger_leaf",
    METADATA,
    Column("idx", NUMBER, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
)
NODES: Final = Table(
    "ledger_node",
    METADATA,
    Column("pos", NUMBER, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)
# Checkpoints that this process signed, by size.
CHECKPOINTS: Final = Table(
    "ledger_checkpoint",
    METADATA,
    Column("size", NUMBER, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
)
# Public keys of this log, as C2SP vkey lines. Whoever verifies compares them with his own.
KEYS: Final = Table(
    "ledger_key",
    METADATA,
    Column("vkey", String(512), primary_key=True),
)
# Cosignatures that others gave for this log's checkpoints.
COSIGNATURES: Final = Table(
    "ledger_cosignature",
    METADATA,
    Column("size", NUMBER, primary_key=True, autoincrement=False),
    Column("witness", String(256), primary_key=True),
    Column("line", LargeBinary, nullable=False),
)

_PAGE = 4096
# For the driver's own cursor: SQLAlchemy's part would take longer than the database's.
_ADD_LEAVES: Final = {
    "sqlite": "INSERT INTO ledger_leaf (idx, entry) VALUES (?, ?)",
    "postgresql": "INSERT INTO ledger_leaf (idx, entry) VALUES (%s, %s)",
}
_ADD_NODES: Final = {
    "sqlite": "INSERT INTO ledger_node (pos, hash) VALUES (?, ?)",
    "postgresql": "INSERT INTO ledger_node (pos, hash) VALUES (%s, %s)",
}


@dataclass(frozen=True)
class Head:
    """Size and root of a log; of the empty string's hash for none."""

    size: int
    root: merkle.Root


def append(conn: Connection, entry: bytes) -> int:
    """Append one entry in the caller's transaction and return its index."""
    before = frontier(conn)
    append_many(conn, before, [entry])
    return before.size


def append_many(
    conn: Connection, before: merkle.Frontier, entries: Sequence[bytes]
) -> merkle.Frontier:
    """Append entries to a log whose frontier is ``before``; return the new frontier.

    The caller holds the only writing transaction. Raises InvalidInput for an entry that is
    empty, above 16 KiB or holds a line break (canonical JSON never does; bundles rely on it).
    """
    if not entries:
        return before
    for entry in entries:
        _check_entry(entry)
    after, nodes = before.extend(merkle.leaf_hash(entry) for entry in entries)
    first = merkle.node_count(before.size)
    with closing(conn.connection.cursor()) as cursor:
        cursor.executemany(_ADD_LEAVES[conn.dialect.name], list(enumerate(entries, before.size)))
        cursor.executemany(_ADD_NODES[conn.dialect.name], list(enumerate(nodes, first)))
    return after


def frontier(conn: Connection) -> merkle.Frontier:
    """Read what is needed to append. Raises TornLog if entries and tree do not match."""
    log_size = size(conn)
    last: int | None = conn.scalar(select(func.max(NODES.c.pos)))
    stored, needed = 0 if last is None else last + 1, merkle.node_count(log_size)
    if stored != needed:
        raise TornLog(
            f"{log_size} entries need {needed} tree nodes, but {stored} are stored: "
            "stop, keep the file, and run python -m ledger.verify on a copy"
        )
    peaks = _nodes(conn, merkle.frontier_numbers(log_size))
    return merkle.Frontier(log_size, tuple(peaks))


def size(conn: Connection) -> int:
    """Number of entries."""
    last: int | None = conn.scalar(select(func.max(LEAVES.c.idx)))
    return 0 if last is None else last + 1


def head(conn: Connection) -> Head:
    """Size and root as this connection sees them."""
    now = frontier(conn)
    return Head(now.size, now.root())


def root(conn: Connection, at_size: int) -> merkle.Root:
    """Root when the log had ``at_size`` entries, 32 bytes."""
    return merkle.root(at_size, lambda numbers: _nodes(conn, numbers))


def leaf(conn: Connection, index: int) -> bytes:
    """The exact bytes of entry ``index``. Raises InvalidInput if there is none."""
    entry: bytes | None = conn.scalar(select(LEAVES.c.entry).where(LEAVES.c.idx == index))
    if entry is None:
        raise InvalidInput(f"there is no entry {index} in this log")
    return bytes(entry)


def inclusion(conn: Connection, index: int, size: int) -> list[bytes]:
    """Proof that entry ``index`` stands in the tree of ``size``: siblings, leaf to root."""
    return merkle.inclusion(index, size, lambda numbers: _nodes(conn, numbers))


def consistency(conn: Connection, old: int, new: int) -> list[bytes]:
    """Proof that the log of ``old`` entries is a prefix of the log of ``new``; ``0 < old``."""
    return merkle.consistency(old, new, lambda numbers: _nodes(conn, numbers))


def entries(conn: Connection, start: int, stop: int) -> Iterator[bytes]:
    """Entries ``start .. stop - 1`` in order, read in pages so that memory stays flat."""
    while start < stop:
        end = min(start + _PAGE, stop)
        page = select(LEAVES.c.idx, LEAVES.c.entry).where(LEAVES.c.idx >= start, LEAVES.c.idx < end)
        for index, entry in conn.execute(page.order_by(LEAVES.c.idx)):
            if index != start:
                break
            yield bytes(entry)
            start += 1
        if start != end:
            raise TornLog(f"entry {start} is missing")


def nodes(conn: Connection, stop: int) -> Iterator[bytes]:
    """Hashes of nodes ``0 .. stop - 1`` in post-order, read in pages."""
    start = 0
    while start < stop:
        page = select(NODES.c.hash).where(NODES.c.pos >= start, NODES.c.pos < start + _PAGE)
        count = 0
        for (value,) in conn.execute(page.where(NODES.c.pos < stop).order_by(NODES.c.pos)):
            yield bytes(value)
            count += 1
        if count != min(_PAGE, stop - start):
            raise TornLog(f"tree nodes are missing between {start} and {start + _PAGE}")
        start += count


def store_key(conn: Connection, vkey: str) -> None:
    """Keep a public key of this log beside it, once."""
    if conn.scalar(select(KEYS.c.vkey).where(KEYS.c.vkey == vkey)) is None:
        conn.execute(insert(KEYS), {"vkey": vkey})


def store_checkpoint(conn: Connection, at_size: int, note: bytes) -> None:
    """Keep a checkpoint that this log signed and handed out; one for each size."""
    stored = conn.scalar(select(CHECKPOINTS.c.size).where(CHECKPOINTS.c.size == at_size))
    if stored is None:
        conn.execute(insert(CHECKPOINTS), {"size": at_size, "note": note})


def store_cosignature(conn: Connection, at_size: int, witness: str, line: bytes) -> None:
    """Keep a witness's signature line for the checkpoint of ``at_size``; the first one stays."""
    mine = (COSIGNATURES.c.size == at_size) & (COSIGNATURES.c.witness == witness)
    if conn.scalar(select(COSIGNATURES.c.size).where(mine)) is None:
        conn.execute(insert(COSIGNATURES), {"size": at_size, "witness": witness, "line": line})


def keys(conn: Connection) -> list[str]:
    """The vkey lines of this log."""
    return list(conn.scalars(select(KEYS.c.vkey).order_by(KEYS.c.vkey)))


def checkpoints(conn: Connection) -> Iterator[tuple[int, bytes]]:
    """Size and note of every stored checkpoint, with the cosignatures for it, by size."""
    last = -1
    while True:
        page = select(CHECKPOINTS).where(CHECKPOINTS.c.size > last).order_by(CHECKPOINTS.c.size)
        rows = conn.execute(page.limit(_PAGE)).all()
        for at_size, note in rows:
            lines = select(COSIGNATURES.c.line).where(COSIGNATURES.c.size == at_size)
            signed = [bytes(x) for x in conn.scalars(lines.order_by(COSIGNATURES.c.witness))]
            yield at_size, bytes(note) + b"".join(signed)
        if not rows:
            return
        last = rows[-1].size


def cosigned(conn: Connection, first_size: int, limit: int) -> list[tuple[int, bytes]]:
    """Size and note, cosignatures included, of checkpoints of at least ``first_size`` that have
    any; at most ``limit``, by size."""
    sizes = select(COSIGNATURES.c.size).where(COSIGNATURES.c.size >= first_size).distinct()
    wanted = list(conn.scalars(sizes.order_by(COSIGNATURES.c.size).limit(limit)))
    notes = conn.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.size.in_(wanted))).all()
    found = {size: bytes(note) for size, note in notes}
    lines = select(COSIGNATURES).where(COSIGNATURES.c.size.in_(wanted))
    for size, _, line in conn.execute(lines.order_by(COSIGNATURES.c.witness)):
        found[size] = found[size] + bytes(line)
    return sorted(found.items())


def _nodes(conn: Connection, numbers: Sequence[int]) -> list[bytes]:
    if not numbers:
        return []
    rows = conn.execute(select(NODES.c.pos, NODES.c.hash).where(NODES.c.pos.in_(numbers)))
    found = {pos: bytes(value) for pos, value in rows}
    missing = [number for number in numbers if number not in found]
    if missing:
        raise TornLog(f"tree node {missing[0]} is missing")
    return [found[number] for number in numbers]


def _check_entry(entry: bytes) -> None:
    if not 0 < len(entry) <= MAX_BYTES or b"\n" in entry:
        raise InvalidInput("an entry is one line of 1 to 16384 bytes")
