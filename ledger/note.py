"""Signed notes: text, a blank line, signature lines.

Source: design.md 4.2;
C2SP signed-note, with Ed25519 (type 0x01) and the key type of cosignatures (0x04).
Trusts: whoever handed over the verifier keys. Text is worth nothing before ``open_note``.
Strict: what is parsed is what would have been written, byte for byte.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from crypto.errors import InvalidKey, SignatureError
from crypto.signing import SigningKey, VerifyKey
from ledger.errors import NoteError

MAX_NOTE_BYTES = 64 << 10
MAX_SIGNATURES = 64
MAX_NAME_CHARS = 256
_DASH = "— "


class KeyType(IntEnum):
    """Signature type identifiers of the C2SP registry that Hedui uses."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


@dataclass(frozen=True)
class Verifier:
    """A named public key of one signature type; its text form is the C2SP ``vkey``."""

    name: str
    key: VerifyKey
    type: KeyType = KeyType.ED25519

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name || newline || type || key)."""
        material = bytes([self.type]) + self.key.to_bytes()
        return hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:4]

    def vkey(self) -> str:
        """``name+keyid+base64(type || key)``, the line to hand to reviewers."""
        material = base64.b64encode(bytes([self.type]) + self.key.to_bytes()).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Parse a vkey; raises NoteError or InvalidKey unless it would be written like this."""
        name, _, rest = vkey.partition("+")
        _, _, material = rest.partition("+")
        data = _base64(material)
        if not data or data[0] not in set(KeyType):
            raise NoteError("this key's signature type is not known here")
        verifier = cls(name, VerifyKey(data[1:]), KeyType(data[0]))
        if verifier.vkey() != vkey:
            raise InvalidKey("a verifier key that is not in canonical form")
        return verifier


@dataclass(frozen=True)
class Signature:
    """One signature line: key name, 4-byte key id, signature bytes."""

    name: str
    key_id: bytes
    data: bytes

    def line(self) -> bytes:
        """The line as it stands in a note, newline included."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.data).decode()}\n".encode()


@dataclass(frozen=True)
class Note:
    """Text (its final newline included) and its signatures, verified or not."""

    text: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """The note as it is stored and sent."""
        return self.text + b"\n" + b"".join(s.line() for s in self.signatures)

    def with_signature(self, signature: Signature) -> "Note":
        """The same note with one more line; the line replaces an older one of the same key."""
        same = (signature.name, signature.key_id)
        kept = tuple(s for s in self.signatures if (s.name, s.key_id) != same)
        return Note(self.text, (*kept, signature))


def sign_note(text: bytes, *, name: str, key: SigningKey) -> Note:
    """Sign ``text`` (ends in a newline) with Ed25519 under the key name ``name``."""
    check_text(text)
    verifier = Verifier(name, key.verify_key)
    return Note(text, (Signature(name, verifier.key_id, key.sign_raw(text)),))


def parse_note(data: bytes) -> Note:
    """Parse without verifying. Raises NoteError unless ``data`` is a canonical note."""
    if len(data) > MAX_NOTE_BYTES:
        raise NoteError(f"a note of {len(data)} bytes; at most {MAX_NOTE_BYTES} are taken")
    text, found, tail = data.rpartition(b"\n\n")
    lines = tail.split(b"\n")
    if not found or lines[-1] != b"" or not 1 <= len(lines) - 1 <= MAX_SIGNATURES:
        raise NoteError("a note is text, an empty line, and 1 to 64 signature lines")
    check_text(text + b"\n")
    note = Note(text + b"\n", tuple(_signature(line) for line in lines[:-1]))
    if note.to_bytes() != data:
        raise NoteError("a note that is not in canonical form")
    return note


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> Note:
    """Parse a note that every one of ``verifiers`` has signed. Unknown keys are ignored.

    Only Ed25519 keys (type 0x01); cosignatures are verified by ``ledger.cosignature``.
    Raises NoteError, or SignatureError where a signature is missing or does not verify.
    """
    note = parse_note(data)
    wanted = list(verifiers)
    if not wanted:
        raise SignatureError("no key was given to verify this note with")
    for verifier in wanted:
        verify_signature(note, verifier)
    return note


def verify_signature(note: Note, verifier: Verifier) -> None:
    """Raise SignatureError unless ``verifier`` signed the note's text with Ed25519."""
    if verifier.type is not KeyType.ED25519:
        raise SignatureError("a cosignature key does not sign notes")
    for signature in find(note.signatures, verifier):
        verifier.key.verify_raw(signature.data, note.text)


def find(signatures: Sequence[Signature], verifier: Verifier) -> list[Signature]:
    """The lines of this key: at least one. Raises SignatureError if there is none."""
    wanted = (verifier.name, verifier.key_id)
    found = [s for s in signatures if (s.name, s.key_id) == wanted]
    if not found:
        raise SignatureError(f"no signature of {verifier.name} stands on this note")
    return found


def check_text(text: bytes) -> None:
    """Raise NoteError unless ``text`` is UTF-8, ends in a newline and has no other control."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteError("a note's text is not UTF-8") from None
    if not decoded.endswith("\n") or any(c < " " and c != "\n" for c in decoded):
        raise NoteError("a note's text ends in a newline and has no other control characters")


def check_name(name: str) -> None:
    """Raise NoteError unless ``name`` may name a key: no spaces, no plus, 1 to 256 characters."""
    if not 1 <= len(name) <= MAX_NAME_CHARS or "+" in name:
        raise NoteError("a key name has 1 to 256 characters, none of them a plus")
    if any(c.isspace() or c < " " for c in name):
        raise NoteError("a key name holds no spaces")


def _signature(line: bytes) -> Signature:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise NoteError("a signature line is not UTF-8") from None
    parts = text.removeprefix(_DASH).split(" ")
    if not text.startswith(_DASH) or len(parts) != 2:
        raise NoteError("a signature line is: em dash, space, key name, space, base64")
    check_name(parts[0])
    data = _base64(parts[1])
    if len(data) < 5:
        raise NoteError("a signature is a 4-byte key id and at least one byte")
    return Signature(parts[0], data[:4], data[4:])


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NoteError("base64 that is not in canonical form")
    return data
