"""A witness's memory in plain files, for a witness that is no process of the federation.

    hedui_demo_tax/newest.note            what was accepted last
    hedui_demo_tax/cosigned-000000000012.note   each checkpoint with this witness's cosignature
    hedui_demo_tax/fork-<digest>-ours.note, fork-<digest>-theirs.note

Durable before it returns: written aside, synced, renamed, and the folder synced.
Trusts: whoever may write the folder; one witness at a time uses it.
"""

import hashlib
import os
from pathlib import Path

from ledger.checkpoint import unverified
from ledger.errors import StaleCheckpoint
from ledger.note import Signature, parse_note
from ledger.witness import Seen


class FileMemory:
    """A ``ledger.witness.WitnessStore`` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Use a folder that exists."""
        self._folder = folder

    def load(self, origin: str) -> Seen | None:
        """What was stored last for this log."""
        path = self._place(origin) / "newest.note"
        if not path.is_file():
            return None
        note = path.read_bytes()
        return Seen(unverified(note)[0], note)

    def advance(self, old: Seen | None, new: Seen) -> None:
        """Replace ``old`` by ``new``; StaleCheckpoint if something else stands there now."""
        if self.load(new.checkpoint.origin) != old:
            raise StaleCheckpoint("another checkpoint of this log was cosigned meanwhile")
        self._write(self._place(new.checkpoint.origin) / "newest.note", new.note)

    def keep_fork(self, origin: str, ours: bytes, theirs: bytes) -> None:
        """Keep two notes that contradict each other, once."""
        digest = hashlib.sha256(ours + theirs).hexdigest()[:16]
        self._write(self._place(origin) / f"fork-{digest}-ours.note", ours)
        self._write(self._place(origin) / f"fork-{digest}-theirs.note", theirs)

    def keep_cosigned(self, note: bytes, signature: Signature) -> Path:
        """Keep a checkpoint with this witness's line; ``verify --checkpoint`` takes the file."""
        head, _ = unverified(note)
        path = self._place(head.origin) / f"cosigned-{head.size:012d}.note"
        self._write(path, parse_note(note).with_signature(signature).to_bytes())
        return path

    def _place(self, origin: str) -> Path:
        folder = self._folder / origin.replace("/", "_")
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _write(self, path: Path, data: bytes) -> None:
        aside = path.with_name(f".{path.name}.part")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
