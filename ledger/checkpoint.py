"""Checkpoints: the head of a log as a signed note.

Source: design.md 4.2; C2SP tlog-checkpoint. Extension lines are refused: nobody audits them.
Trusts: the log's key. A checkpoint says what its log claims; only cosignatures and
comparison say that it claims the same to everybody.
"""

import base64
import binascii
from dataclasses import dataclass

from crypto.signing import SigningKey
from ledger.errors import NoteError
from ledger.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE, Root
from ledger.note import Note, Verifier, check_name, open_note, parse_note, sign_note

ORIGIN_PREFIX = "hedui/"


@dataclass(frozen=True)
class Checkpoint:
    """Origin, number of entries, root hash (32 bytes)."""

    origin: str
    size: int
    root: Root

    def text(self) -> bytes:
        """The note text: three lines."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n".encode()

    def fields(self) -> dict[str, str | int]:
        """``origin``, ``size`` and ``root`` (hex), as entries and JSON hold them."""
        return {"origin": self.origin, "size": self.size, "root": self.root.hex()}


def origin_of(federation: str, process: str) -> str:
    """The origin of a process's log: ``hedui/<federation>/<process>``. Raises NoteError."""
    for part in (federation, process):
        check_name(part)
        if "/" in part:
            raise NoteError(f"{part!r} cannot stand in the name of a log: it holds a slash")
    return f"{ORIGIN_PREFIX}{federation}/{process}"


def process_of(origin: str) -> str:
    """The process whose log this is; the inverse of ``origin_of``."""
    return origin.rpartition("/")[2]


def sign(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return the signed note; the key's name is the origin."""
    return sign_note(checkpoint.text(), name=checkpoint.origin, key=key).to_bytes()


def read(data: bytes, verifier: Verifier) -> Checkpoint:
    """Parse a checkpoint that ``verifier`` signed under its own name.

    Raises NoteError (also for a checkpoint of another log), or SignatureError.
    """
    note = open_note(data, [verifier])
    checkpoint = parse_text(note.text)
    if checkpoint.origin != verifier.name:
        raise NoteError(f"a checkpoint of {checkpoint.origin}, signed by {verifier.name}")
    return checkpoint


def unverified(data: bytes) -> tuple[Checkpoint, Note]:
    """Parse without verifying: to find out which key is needed, nothing else."""
    note = parse_note(data)
    return parse_text(note.text), note


def parse_text(text: bytes) -> Checkpoint:
    """Parse the three lines strictly. Raises NoteError."""
    lines = text.decode("utf-8").split("\n")
    if len(lines) != 4 or lines[3]:
        raise NoteError("a checkpoint is three lines: origin, size, root")
    checkpoint = Checkpoint(lines[0], _size(lines[1]), _root(lines[2]))
    check_name(checkpoint.origin)
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise NoteError("a log without entries has one root only")
    if checkpoint.text() != text:
        raise NoteError("a checkpoint that is not in canonical form")
    return checkpoint


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise NoteError("a checkpoint's size is a decimal number")
    size = int(text)
    if str(size) != text or size > MAX_SIZE:
        raise NoteError("a checkpoint's size has no leading zeros and is at most 2^62")
    return size


def _root(text: str) -> Root:
    try:
        root = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("a checkpoint's root is base64") from None
    if len(root) != HASH_BYTES:
        raise NoteError("a checkpoint's root is 32 bytes")
    return Root(root)
