"""Cosignatures: a witness's timestamped signature on somebody else's checkpoint.

Source: design.md 4.2; C2SP tlog-cosignature, Ed25519, ``cosignature/v1`` (key type 0x04).
Says: at this time, this is the largest consistent tree that the witness has seen of this log.
Trusts: the witness to have checked. One key serves one witness and signs nothing else.
"""

from crypto.errors import SignatureError
from crypto.signing import SigningKey
from ledger.checkpoint import parse_text
from ledger.errors import NoteError
from ledger.note import KeyType, Note, Signature, Verifier, find

SIGNATURE_BYTES = 72
_MAX_TIME = (1 << 63) - 1


def cosigner(name: str, key: SigningKey) -> Verifier:
    """The public side of a witness called ``name``."""
    return Verifier(name, key.verify_key, KeyType.COSIGNATURE)


def cosign(text: bytes, *, name: str, key: SigningKey, time_s: int) -> Signature:
    """Cosign a checkpoint's text; the caller has checked consistency and stored what it saw.

    Args:
        text: The three lines of the checkpoint, without signature lines.
        name: The witness's key name.
        time_s: Seconds since the epoch, above 0.
    """
    parse_text(text)
    if not 0 < time_s <= _MAX_TIME:
        raise NoteError("a cosignature's time is above 0 and below 2^63")
    data = time_s.to_bytes(8, "big") + key.sign_raw(_message(text, time_s))
    return Signature(name, cosigner(name, key).key_id, data)


def verify(note: Note, witness: Verifier) -> int:
    """Return the time, seconds since the epoch, of the newest cosignature of ``witness``.

    Raises SignatureError if there is none, or if one of its lines does not verify.
    """
    if witness.type is not KeyType.COSIGNATURE:
        raise SignatureError(f"the key of {witness.name} is not a cosignature key")
    parse_text(note.text)
    return max(_time(note.text, line.data, witness) for line in find(note.signatures, witness))


def _time(text: bytes, data: bytes, witness: Verifier) -> int:
    time_s = int.from_bytes(data[:8], "big")
    if len(data) != SIGNATURE_BYTES or not 0 < time_s <= _MAX_TIME:
        raise SignatureError(f"the cosignature of {witness.name} does not verify")
    witness.key.verify_raw(data[8:], _message(text, time_s))
    return time_s


def _message(text: bytes, time_s: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time_s + text
