"""A witness: cosigns what extends what it has seen, keeps both sides of what does not.

Source: design.md 4.7, 4.8; C2SP tlog-witness (its rules, not its transport) and tlog-cosignature.
Says: this is the largest consistent tree that I have seen of this log, at this time.
Trusts: the log's pinned key, its own store. A first checkpoint is taken as it comes.
Not protected: a pair of log and witness who collude; hence several witnesses, and reconcile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from crypto.errors import ProofError
from crypto.signing import SigningKey
from ledger import checkpoint, cosignature, merkle
from ledger.checkpoint import Checkpoint
from ledger.errors import ForkedCheckpoint, InconsistentCheckpoint, StaleCheckpoint, WitnessRefused
from ledger.note import Note, Signature, Verifier, parse_note


@dataclass(frozen=True)
class Seen:
    """The newest checkpoint that a witness has accepted of a log, and the note it came in."""

    checkpoint: Checkpoint
    note: bytes


class WitnessStore(Protocol):
    """Where a witness remembers; durable before it returns."""

    def load(self, origin: str) -> Seen | None:
        """What was stored last for this log."""
        ...

    def advance(self, old: Seen | None, new: Seen) -> None:
        """Replace ``old`` by ``new`` in one step; StaleCheckpoint if ``old`` is not there now."""
        ...

    def keep_fork(self, origin: str, ours: bytes, theirs: bytes) -> None:
        """Keep two notes that contradict each other. The same pair is kept once."""
        ...


def judge(seen: Seen | None, note: bytes, proof: Sequence[bytes], log: Verifier) -> Seen:
    """Return what to store if ``note`` may follow what was seen.

    Args:
        seen: Of the same log, or None.
        note: A checkpoint signed by ``log``.
        proof: Consistency proof from what was seen; empty where that is nothing, an empty log,
            or the same size.
        log: The pinned key of the log.

    Raises NoteError or SignatureError for what the log did not sign, else StaleCheckpoint,
    InconsistentCheckpoint or ForkedCheckpoint.
    """
    new = checkpoint.read(note, log)
    bare = parse_note(note)
    own = tuple(s for s in bare.signatures if (s.name, s.key_id) == (log.name, log.key_id))
    kept = Seen(new, Note(bare.text, own).to_bytes())
    if seen is None or seen.checkpoint.size == 0 < new.size:
        if proof:
            raise InconsistentCheckpoint("a first checkpoint takes no proof")
        return kept
    _check_extends(seen, kept, proof)
    return kept


def _check_extends(seen: Seen, new: Seen, proof: Sequence[bytes]) -> None:
    old, now = seen.checkpoint, new.checkpoint
    if now.size < old.size:
        raise StaleCheckpoint(f"size {now.size}, but {old.size} entries were seen already")
    if now.size == old.size:
        if now.root != old.root:
            text = f"two heads of {now.origin} at size {now.size}"
            raise ForkedCheckpoint(text, seen.note, new.note)
        if proof:
            raise InconsistentCheckpoint("the same checkpoint takes no proof")
        return
    try:
        merkle.verify_consistency(old.size, now.size, old.root, now.root, proof)
    except ProofError:
        text = f"no proof that the log of {old.size} entries is the beginning of that of {now.size}"
        raise InconsistentCheckpoint(text) from None


class Witness:
    """One witness of the logs whose keys it was given."""

    def __init__(
        self, name: str, key: SigningKey, *, logs: Mapping[str, Verifier], store: WitnessStore
    ) -> None:
        """Take the witness's name and key, the pinned keys by origin, and its memory."""
        self._name = name
        self._key = key
        self._logs = logs
        self._store = store
        self.verifier = cosignature.cosigner(name, key)

    def cosign(self, note: bytes, proof: Sequence[bytes], *, now_s: int) -> Signature:
        """Check, store, then sign. ``now_s`` is in seconds since the epoch.

        Raises what ``judge`` raises; WitnessRefused for a log that it does not know. Both
        sides of a contradiction are stored before the refusal goes out.
        """
        claimed, _ = checkpoint.unverified(note)
        log = self._logs.get(claimed.origin)
        if log is None:
            raise WitnessRefused(f"this witness does not know the log {claimed.origin!r}")
        seen = self._store.load(claimed.origin)
        try:
            new = judge(seen, note, proof, log)
        except (ForkedCheckpoint, InconsistentCheckpoint):
            if seen is not None and proof_was_due(seen, claimed):
                self._store.keep_fork(claimed.origin, seen.note, note)
            raise
        self._store.advance(seen, new)
        text = new.checkpoint.text()
        return cosignature.cosign(text, name=self._name, key=self._key, time_s=now_s)

    def __repr__(self) -> str:
        return f"Witness({self._name})"


def proof_was_due(seen: Seen, claimed: Checkpoint) -> bool:
    """Whether a refused checkpoint contradicts what was seen, or was only asked for wrongly."""
    return (claimed.size, claimed.root) != (seen.checkpoint.size, seen.checkpoint.root)
