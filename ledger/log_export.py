"""From a stored log to a bundle, through one snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ledger import log
from ledger.export import Contents, write_bundle
from ledger.log import Connection
from ledger.merkle import node_count
from ledger.signer import LogSigner


def export(
    conn: Connection,
    target: Path,
    *,
    signer: LogSigner,
    keys: Sequence[str] = (),
    policies: Sequence[bytes] = (),
    extra: Mapping[str, bytes] | None = None,
) -> int:
    """Write the log that ``conn`` (from ``Database.read``) sees to ``target``; return its size.

    The present head is signed and added to the stored checkpoints. ``keys`` are further vkey
    lines, of witnesses; ``policies`` the exact bytes of those that entries approve. Raises
    ExportError, TornLog or UncommittedHead.
    """
    size = log.size(conn)
    head = signer.checkpoint(conn)
    contents = Contents(
        origin=signer.origin,
        size=size,
        entries=log.entries(conn, 0, size),
        hashes=log.nodes(conn, node_count(size)),
        checkpoints=_notes(conn, size, head),
        keys=sorted({signer.verifier.vkey(), *log.keys(conn), *keys}),
        policies=policies,
        extra=extra or {},
    )
    write_bundle(target, contents)
    return size


def _notes(conn: Connection, size: int, head: bytes) -> Iterator[tuple[int, bytes]]:
    last = -1
    for last, note in log.checkpoints(conn):
        yield last, note
    if last != size:
        yield size, head
