"""The offline verifier's notes: checkpoints, keys, signatures, cosignatures.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature (Ed25519, types 0x01 and 0x04).
Shares no code with the writer: Python's library and pycryptodome's Ed25519.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from Crypto.Signature import eddsa

from ledger.verify.tree import Broken

MAX_FILE: Final = 64 << 10  # notes, keys, bundle.json


class Note(NamedTuple):
    """A checkpoint as it lies there: where, size, root, signed text, lines (name, id, data)."""

    where: str
    origin: str
    size: int
    root: bytes
    text: bytes
    lines: list[tuple[str, bytes, bytes]]


class Key(NamedTuple):
    """A C2SP verifier key: name, key id, type (1 log, 4 cosignature), the scheme to verify with."""

    name: str
    id: bytes
    type: int
    scheme: Any


def parse_key(vkey: str) -> Key:
    """Parse ``name+keyid+base64``; raises ValueError."""
    name, _, rest = vkey.strip().partition("+")
    hint, _, material = rest.partition("+")
    data = base64.b64decode(material, validate=True)
    key_id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if key_id.hex() != hint or len(data) != 33 or data[0] not in (1, 4):
        raise ValueError("not a verifier key")
    return Key(name, key_id, data[0], eddsa.new(eddsa.import_public_key(data[1:]), "rfc8032"))


def parse_note(data: bytes, where: str) -> Note:
    """Parse a checkpoint strictly; raises Broken. Nothing in it is believed yet."""
    try:
        text, found, tail = data.rpartition(b"\n\n")
        if not found or not tail.endswith(b"\n"):
            raise ValueError
        origin, size, root = text.decode().split("\n")
        lines = [_parse_line(line) for line in tail.decode()[:-1].split("\n")]
        note = Note(where, origin, int(size), base64.b64decode(root), text + b"\n", lines)
        canonical = f"{origin}\n{note.size}\n{base64.b64encode(note.root).decode()}\n".encode()
        if canonical != note.text or len(note.root) != 32 or not 0 <= note.size < 1 << 62:
            raise ValueError
    except ValueError:
        raise Broken(
            "modified", -1, f"checkpoint {where} was modified: it cannot be read"
        ) from None
    return note


def _parse_line(line: str) -> tuple[str, bytes, bytes]:
    dash, name, signature = line.split(" ")
    data = base64.b64decode(signature, validate=True)
    if dash != "\u2014" or len(data) < 5 or base64.b64encode(data).decode() != signature:
        raise ValueError(line)
    return name, data[:4], data[4:]


class Keyring:
    """Which keys are believed, and what they say about a note."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = {(key.name, key.id): key for key in keys}

    def names(self) -> set[str]:
        """Logs whose keys are here."""
        return {key.name for key in self._keys.values() if key.type == 1}

    def check(self, note: Note) -> tuple[bool, list[str]]:
        """Whether the log signed it, and which witnesses did. Raises Broken for a bad line."""
        signed, witnesses = False, []
        for name, key_id, data in note.lines:
            key = self._keys.get((name, key_id))
            if key is None:
                continue
            self._verify(note, key, data)
            if key.type == 4:
                witnesses.append(name)
            signed |= key.type == 1 and name == note.origin
        return signed, witnesses

    def _verify(self, note: Note, key: Key, data: bytes) -> None:
        message = note.text
        if key.type == 4:
            message = b"cosignature/v1\ntime %d\n" % int.from_bytes(data[:8], "big") + note.text
            data = data[8:]
        try:
            key.scheme.verify(message, data)
        except ValueError:
            sentence = f"checkpoint {note.where} was modified: {key.name} did not sign this"
            raise Broken("modified", note.size, sentence) from None


def small(path: Path, limit: int = MAX_FILE) -> bytes:
    """Read a file of at most 64 KiB. Raises OSError, or ValueError for a larger one."""
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{path} is too large")
    return data
