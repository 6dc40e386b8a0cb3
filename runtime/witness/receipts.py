"""Receipts and checkpoints for replies, and the record of what was handed out.

Source: design.md 2.4.7, 4.7.
Sign only what ``Database.read`` sees; keep what was signed, so that the log itself can later
be held against it. The record rides with the next commit: a crash may lose it, the peer who
got the checkpoint has it.
"""

from typing import Final

from ledger import log
from ledger.checkpoint import parse_text
from ledger.note import parse_note
from ledger.signer import LogSigner, Receipt
from runtime.storage.database import Database
from runtime.storage.writer import Writer


class Receipts:
    """Gives receipts for one log; usable from every thread."""

    def __init__(self, database: Database, writer: Writer, signer: LogSigner) -> None:
        self._database: Final = database
        self._writer: Final = writer
        self._signer: Final = signer

    def issue(self, index: int) -> Receipt:
        """Receipt for the committed entry ``index`` against the present head."""
        with self._database.read() as conn:
            receipt = self._signer.receipt(conn, index)
        self._keep(receipt.checkpoint)
        return receipt

    def _keep(self, note: bytes) -> None:
        size = parse_text(parse_note(note).text).size
        self._writer.post(lambda tx: log.store_checkpoint(tx.conn, size, note))
