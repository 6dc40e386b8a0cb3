"""The registrar's secret keys beside its certificate: PRF keys and the key of lookup tags.

Source: design.md 2.2.2, 2.3.15.
Trusts: the federation file for the public halves; a key that does not fit it is never used.
Learns: nobody. PRF keys lie sealed under the key-encryption key, never in the database.
"""

import hashlib
import hmac
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from crypto import oprf
from crypto.labels import Label, join
from crypto.sealing import AtRestKey
from model.federation import Federation
from model.identifiers import Identifier
from model.pseudonym import oprf_input, pseudonym
from model.reasons import Reason
from runtime.errors import KeyFileError, Refusal
from runtime.site.identity import read_secret
from runtime.site.joining import load_prf_key

TAG_BYTES: Final = 32


class RegistrarKeys:
    """Opened when they are first used and kept; never prints."""

    def __init__(self, keys: Path, *, kek: AtRestKey, federation: Federation) -> None:
        """Raise KeyFileError unless the key of lookup tags can be read."""
        self._keys = keys
        self._kek = kek
        self._federation = federation
        self._tag_key = read_secret(keys / "tag.key")
        self.prf = cache(self._prf)

    def __repr__(self) -> str:
        return "RegistrarKeys(secret)"

    def check(self) -> None:
        """Open every pinned PRF key once. Raises KeyFileError for one that does not fit."""
        for process in self._federation.process:
            for pinned in process.prf_keys:
                self.prf(process.department, pinned.epoch)

    def _prf(self, department: str, epoch: int) -> oprf.PrivateKey:
        process = self._federation.department(department)
        pinned = process.prf_key(epoch) if process else None
        if pinned is None:
            raise Refusal(Reason.EPOCH_UNKNOWN)
        key = load_prf_key(self._keys, department, epoch, self._kek, mode=oprf.Mode.VOPRF)
        if key.public_key.to_bytes().hex() != pinned.public_key:
            raise KeyFileError(
                f"{self._keys}: the PRF key of {department}, epoch {epoch}, is not the one that "
                "federation.toml pins. Restore the registrar's keys folder"
            )
        return key

    def pseudonyms(self, department: str, epoch: int, persons: Sequence[Identifier]) -> list[bytes]:
        """Pseudonyms of these persons for one department, 32 bytes each, in their order."""
        key = self.prf(department, epoch)
        return [
            pseudonym(output) for output in oprf.evaluate(key, [oprf_input(p) for p in persons])
        ]

    def live_tag(self, programme: str, person: Identifier) -> bytes:
        """By which a person is found in letters in force for one programme."""
        return self._tag(b"live", programme.encode(), person.encode())

    def protection_tag(self, person: Identifier) -> bytes:
        """By which a person under special protection is found."""
        return self._tag(b"protected", person.encode())

    def _tag(self, *parts: bytes) -> bytes:
        message = join(Label.PERSON_TAG, parts)
        return hmac.new(self._tag_key, message, hashlib.sha256).digest()
