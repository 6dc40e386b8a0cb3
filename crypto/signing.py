"""Ed25519 signatures over labelled, length-prefixed parts.

Source: RFC 8032, section 5.1 (pycryptodome); keys checked beyond it: canonical, and in the
subgroup of prime order, so that no key verifies two messages at once.
Trusts: whoever pinned the verification key. Learns: nobody, anything but the parts.
Not protected: the same message signed twice has the same signature; freshness is the parts'.
"""

import hashlib
from typing import Final

from Crypto.Math.Numbers import Integer
from Crypto.PublicKey.ECC import EccKey
from Crypto.Signature import eddsa

from crypto.errors import InvalidInput, InvalidKey, SignatureError
from crypto.labels import Label, join
from crypto.rng import Rng

SEED_BYTES: Final = 32
VERIFY_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_ORDER: Final = (1 << 252) + 27742317777372353535851937790883648493


class VerifyKey:
    """A public key: 32 bytes, canonical, of prime order. Equal keys compare equal."""

    def __init__(self, data: bytes) -> None:
        """Raise InvalidKey unless ``data`` is a sound public key."""
        self._data = bytes(data)
        self._scheme = eddsa.new(_import_public(self._data), "rfc8032")

    def to_bytes(self) -> bytes:
        """Return the 32 bytes of RFC 8032, section 5.1.2."""
        return self._data

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the key's SHA-256: for people, never for trust."""
        return hashlib.sha256(self._data).hexdigest()[:16]

    def verify(self, signature: bytes, label: Label, *parts: bytes) -> None:
        """Raise SignatureError unless ``signature`` is over ``join(label, parts)``."""
        self.verify_raw(signature, join(label, parts))

    def verify_raw(self, signature: bytes, message: bytes) -> None:
        """The same over bare bytes; for formats with a separation of their own (C2SP notes)."""
        try:
            self._scheme.verify(message, signature)
        except ValueError:
            raise SignatureError(f"signature does not verify under key {self.key_id}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"VerifyKey({self.key_id})"


class SigningKey:
    """A secret key. Never prints; ``wipe`` overwrites the seed that this object holds."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed of RFC 8032, section 5.1.5. Raises InvalidInput."""
        if len(seed) != SEED_BYTES:
            raise InvalidInput(f"a signing key's seed is {SEED_BYTES} bytes, not {len(seed)}")
        self._seed = bytearray(seed)
        key = eddsa.import_private_key(bytes(seed))
        self._scheme = eddsa.new(key, "rfc8032")
        self._verify_key = VerifyKey(key.public_key().export_key(format="raw"))

    @classmethod
    def generate(cls, *, rng: Rng) -> "SigningKey":
        """Return a new key from 32 random bytes."""
        return cls(rng(SEED_BYTES))

    @property
    def verify_key(self) -> VerifyKey:
        """The public half."""
        return self._verify_key

    def to_seed(self) -> bytes:
        """Return the 32-byte seed, to be sealed or written with mode 0600; nothing else."""
        return bytes(self._seed)

    def sign(self, label: Label, *parts: bytes) -> bytes:
        """Return 64 bytes over ``join(label, parts)``."""
        return self.sign_raw(join(label, parts))

    def sign_raw(self, message: bytes) -> bytes:
        """The same over bare bytes; for formats with a separation of their own (C2SP notes)."""
        return bytes(self._scheme.sign(message))

    def wipe(self) -> None:
        """Overwrite the seed. The scalar inside pycryptodome is freed, not overwritten."""
        self._seed[:] = bytes(SEED_BYTES)
        del self._scheme

    def __repr__(self) -> str:
        return f"SigningKey(secret, {self._verify_key.key_id})"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not pickled")


def _import_public(data: bytes) -> EccKey:
    if len(data) != VERIFY_KEY_BYTES:
        raise InvalidKey(f"a verification key is {VERIFY_KEY_BYTES} bytes, not {len(data)}")
    try:
        key = eddsa.import_public_key(data)
    except ValueError:
        raise InvalidKey("not a canonical Ed25519 public key") from None
    point = key.pointQ
    if key.export_key(format="raw") != data or point.is_point_at_infinity():
        raise InvalidKey("not a canonical Ed25519 public key")
    if not (Integer(_ORDER, public=True) * point).is_point_at_infinity():
        raise InvalidKey("an Ed25519 public key outside the subgroup of prime order")
    return key
