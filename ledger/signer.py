"""The log's own checkpoints, and receipts for what stands in it.

Source: C2SP tlog-checkpoint; RFC 9162 section 2.1.3.
Trusts: the connection to see committed data only, and checks that it says so: a head that is
signed and then rolled back would be a fork that the log itself made.
"""

from dataclasses import dataclass
from typing import Final

from crypto.errors import InvalidInput
from crypto.signing import SigningKey
from ledger import checkpoint, log, merkle
from ledger.checkpoint import Checkpoint
from ledger.errors import UncommittedHead
from ledger.log import Connection
from ledger.note import Verifier

COMMITTED_VIEW: Final = "hedui_committed_view"
"""Execution option of connections that read committed data and cannot write."""

MAX_PATH: Final = 62


@dataclass(frozen=True)
class Receipt:
    """Proof that an entry stands in a log: what goes out with a reply.

    ``index`` zero-based; ``leaf_hash`` 32 bytes; ``path`` siblings, leaf to root, 32 bytes
    each; ``checkpoint`` the signed note whose size the path leads to.
    """

    index: int
    leaf_hash: bytes
    path: tuple[bytes, ...]
    checkpoint: bytes


class LogSigner:
    """Signs heads of one log. Holds a secret key and never prints it."""

    def __init__(self, origin: str, key: SigningKey) -> None:
        self._key = key
        self.verifier: Final = Verifier(origin, key.verify_key)

    @property
    def origin(self) -> str:
        """The log's name, ``hedui/<federation>/<process>``."""
        return self.verifier.name

    def checkpoint(self, conn: Connection) -> bytes:
        """Sign the committed head that ``conn`` (from ``Database.read``) sees.

        Raises UncommittedHead for any other connection, TornLog if the log does not fit.
        """
        _check_committed(conn)
        head = log.head(conn)
        return checkpoint.sign(Checkpoint(self.origin, head.size, head.root), self._key)

    def checkpoint_at(self, conn: Connection, size: int) -> bytes:
        """Sign the head of the first ``size`` entries of what ``conn`` sees, ``0 < size``.

        Raises InvalidInput where the log is not that long.
        """
        _check_committed(conn)
        if not 0 < size <= log.size(conn):
            raise InvalidInput(f"the log has not {size} entries")
        return checkpoint.sign(Checkpoint(self.origin, size, log.root(conn, size)), self._key)

    def receipt(self, conn: Connection, index: int) -> Receipt:
        """Receipt for entry ``index`` against the head that ``conn`` sees; both in one view."""
        _check_committed(conn)
        head = log.head(conn)
        leaf = merkle.leaf_hash(log.leaf(conn, index))
        path = tuple(log.inclusion(conn, index, head.size))
        note = checkpoint.sign(Checkpoint(self.origin, head.size, head.root), self._key)
        return Receipt(index, leaf, path, note)

    def __repr__(self) -> str:
        return f"LogSigner({self.origin})"


def verify_receipt(receipt: Receipt, verifier: Verifier) -> Checkpoint:
    """Return the checkpoint if the receipt holds under the log's pinned key.

    Raises NoteError, SignatureError or ProofError. What the entry says is for the caller to
    compare: ``receipt.leaf_hash == merkle.leaf_hash(entry)``.
    """
    if len(receipt.path) > MAX_PATH:
        raise InvalidInput(f"a path of {len(receipt.path)} hashes; at most {MAX_PATH}")
    head = checkpoint.read(receipt.checkpoint, verifier)
    merkle.verify_inclusion(receipt.leaf_hash, receipt.index, head.size, receipt.path, head.root)
    return head


def _check_committed(conn: Connection) -> None:
    if conn.get_execution_options().get(COMMITTED_VIEW) is not True:
        raise UncommittedHead("a head is signed only through Database.read(), after the commit")
