"""A witness's memory in the process's own database, ledgered as it changes."""

from typing import Final

from ledger import log_witness
from ledger.checkpoint import Checkpoint, unverified
from ledger.witness import Seen
from runtime.storage.database import Database
from runtime.storage.writer import Tx, Writer


class StoredWitness:
    """A ``ledger.witness.WitnessStore`` whose every change is an entry of the ledger."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database: Final = database
        self._writer: Final = writer

    def load(self, origin: str) -> Seen | None:
        """What was stored last for this log."""
        with self._database.read() as conn:
            return log_witness.load(conn, origin)

    def advance(self, old: Seen | None, new: Seen) -> None:
        """Replace and ledger in one commit; the same checkpoint again changes nothing."""
        if old != new:
            self._writer.run(lambda tx: _advance(tx, old, new))

    def keep_fork(self, origin: str, ours: bytes, theirs: bytes) -> None:
        """Keep both notes and ledger it, once for each pair."""
        self._writer.run(lambda tx: _keep_fork(tx, origin, ours, theirs))


def _advance(tx: Tx, old: Seen | None, new: Seen) -> None:
    log_witness.advance(tx.conn, old, new)
    _append(tx, "peer.cosigned.v2", new.checkpoint)


def _keep_fork(tx: Tx, origin: str, ours: bytes, theirs: bytes) -> None:
    if log_witness.keep_fork(tx.conn, origin, ours, theirs):
        _append(tx, "peer.forked.v2", unverified(theirs)[0])


def _append(tx: Tx, event: str, head: Checkpoint) -> None:
    tx.append(event, **head.fields())
