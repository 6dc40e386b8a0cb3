"""Errors of the ledger, hung into the tree of ``crypto.errors``.

InvalidInput
├── NoteError            a note, checkpoint, cosignature or key that is not in canonical C2SP form
├── EventError           an entry that is not canonical, not on the list, or too large
└── ExportError          a log that cannot be written out as a bundle
ProofError
└── WitnessRefused       a witness does not cosign
    ├── StaleCheckpoint         smaller than what it has seen
    ├── InconsistentCheckpoint  the proof does not lead from what it has seen to this one
    └── ForkedCheckpoint        same size, other root: both sides are kept
LedgerError              the stored log itself
├── UncommittedHead      somebody asked to sign a head that is not committed
└── TornLog              entries and tree in the database do not belong together
"""

from crypto.errors import CryptoError, InvalidInput, ProofError


class NoteError(InvalidInput):
    """A note, checkpoint, cosignature or key that is not in canonical C2SP form."""


class EventError(InvalidInput):
    """An entry that is not canonical, not on the list of events, or too large."""


class ExportError(InvalidInput):
    """A log that cannot be written out as a bundle; the message names the entry or the path."""


class WitnessRefused(ProofError):
    """The witness does not cosign this checkpoint."""


class StaleCheckpoint(WitnessRefused):
    """Smaller than what the witness has seen of this log."""


class InconsistentCheckpoint(WitnessRefused):
    """The proof does not lead from what the witness has seen to this checkpoint."""


class ForkedCheckpoint(WitnessRefused):
    """Same size, other root than what the witness has seen. ``ours`` and ``theirs`` are notes."""

    def __init__(self, message: str, ours: bytes, theirs: bytes) -> None:
        super().__init__(message)
        self.ours = ours
        self.theirs = theirs


class LedgerError(CryptoError):
    """The stored log itself is not as it should be."""


class UncommittedHead(LedgerError):
    """A head may be signed only from a connection that sees committed data and nothing else."""


class TornLog(LedgerError):
    """Entries and tree in the database do not belong together; run the verifier on it."""
