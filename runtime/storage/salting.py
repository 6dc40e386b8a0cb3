"""Salted commitments for ledger entries, and the sealed openings that are kept beside them.

Source: design.md 2.0.4, 4.5.
An entry holds commitments only; what they stand for, and the salts, lie sealed in the process's
database, under a key whose destruction erases them while the ledger's tree stays whole.
"""

from dataclasses import dataclass, field
from typing import Final

from crypto import jcs
from crypto.commit import Opening, new_salt
from crypto.labels import Label
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest

_MAX_OPENINGS_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class SealedOpenings:
    """Openings of one entry, sealed. ``owner`` names whose key sealed them, "" for the process."""

    owner: str
    sealed: bytes = field(repr=False)


class Salted:
    """Collects the openings of one entry while its fields are committed to."""

    def __init__(self, *, rng: Rng) -> None:
        self._rng = rng
        self.openings: list[Opening] = []

    def commit(self, name: str, value: jcs.Json) -> str:
        """Return a fresh commitment to one field, hex; its opening is kept here."""
        opening = Opening(name, value, new_salt(rng=self._rng))
        self.openings.append(opening)
        return opening.commitment().hex()

    def seal(self, key: AtRestKey, *, owner: str = "") -> SealedOpenings:
        """Seal all openings so far under ``key``, bound to ``owner``."""
        body = encode_openings(self.openings)
        sealed = seal_at_rest(key, body, aad=_aad(owner), rng=self._rng, label=Label.AT_REST)
        return SealedOpenings(owner, sealed)


def unseal(key: AtRestKey, openings: SealedOpenings) -> list[Opening]:
    """Open what ``Salted.seal`` sealed. Raises OpenError."""
    body = open_at_rest(key, openings.sealed, aad=_aad(openings.owner), label=Label.AT_REST)
    return decode_openings(body)


def encode_openings(openings: list[Opening]) -> bytes:
    """Canonical JSON of openings, salts in hex."""
    return jcs.encode([[o.field, o.value, o.salt.hex()] for o in openings])


def decode_openings(body: bytes) -> list[Opening]:
    """What ``encode_openings`` encoded; raises InvalidInput."""
    rows = jcs.decode(body, max_bytes=_MAX_OPENINGS_BYTES)
    return [Opening(name, value, bytes.fromhex(salt)) for name, value, salt in rows]


def _aad(owner: str) -> list[bytes]:
    return [b"openings", owner.encode()]
