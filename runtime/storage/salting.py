"""Salted commitments for ledger entries, and the sealed reveals that are kept beside them.

Source: design.md 2.0.4, 4.5.
An entry holds commitments only; what they stand for, and the salts, lie sealed in the process's
database, under a key whose destruction erases them while the ledger's tree stays whole.
"""

from dataclasses import dataclass, field
from typing import Final

from crypto import jcs
from crypto.commit import Reveal, new_salt
from crypto.labels import Label
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest

_MAX_REVEALS_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class SealedReveals:
    """Openings of one entry, sealed. ``owner`` names whose key sealed them, "" for the process."""

    owner: str
    sealed: bytes = field(repr=False)


class Salted:
    """Collects the reveals of one entry while its fields are committed to."""

    def __init__(self, *, rng: Rng) -> None:
        self._rng = rng
        self.reveals: list[Reveal] = []

    def commit(self, name: str, value: jcs.Json) -> str:
        """Return a fresh commitment to one field, hex; its reveal is kept here."""
        reveal = Reveal(name, value, new_salt(rng=self._rng))
        self.reveals.append(reveal)
        return reveal.commitment().hex()

    def seal(self, key: AtRestKey, *, owner: str = "") -> SealedReveals:
        """Seal all reveals so far under ``key``, bound to ``owner``."""
        body = encode_reveals(self.reveals)
        sealed = seal_at_rest(key, body, aad=_aad(owner), rng=self._rng, label=Label.AT_REST)
        return SealedReveals(owner, sealed)


def unseal(key: AtRestKey, reveals: SealedReveals) -> list[Reveal]:
    """Open what ``Salted.seal`` sealed. Raises OpenError."""
    body = open_at_rest(key, reveals.sealed, aad=_aad(reveals.owner), label=Label.AT_REST)
    return decode_reveals(body)


def encode_reveals(reveals: list[Reveal]) -> bytes:
    """Canonical JSON of reveals, salts in hex."""
    return jcs.encode([[o.field, o.value, o.salt.hex()] for o in reveals])


def decode_reveals(body: bytes) -> list[Reveal]:
    """What ``encode_reveals`` encoded; raises InvalidInput."""
    rows = jcs.decode(body, max_bytes=_MAX_REVEALS_BYTES)
    return [Reveal(name, value, bytes.fromhex(salt)) for name, value, salt in rows]


def _aad(owner: str) -> list[bytes]:
    return [b"openings", owner.encode()]
