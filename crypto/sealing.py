"""Sealing: to a pinned public key (HPKE), and at rest under a key that we hold (AES-256-GCM).

Source: design.md 2.6.12, 3.11;
RFC 9180, mode base, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (pycryptodome);
NIST SP 800-38D.
Trusts: the pinned key. HPKE in base mode says nothing about the sender: sign first, then seal.
Learns: whoever sees a sealed message, its length; nothing where it is padded.
Not protected: an HPKE key that leaks opens every message sealed to it, old ones too. HPKE's
ephemeral key comes from pycryptodome, which reads the operating system's randomness itself.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from Crypto.Cipher import AES
from Crypto.Protocol import DH, HPKE
from Crypto.PublicKey.ECC import EccKey

from crypto.errors import InvalidInput, InvalidKey, OpenError
from crypto.labels import Label, join
from crypto.rng import Rng

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HPKE_OVERHEAD: Final = KEY_BYTES + TAG_BYTES
AT_REST_OVERHEAD: Final = NONCE_BYTES + TAG_BYTES

# Every point of order 1, 2, 4 or 8 on Curve25519 and its twist is 0, 1, p - 1 or one of these
# two; RFC 7748, section 6.1, and Bernstein's list of inputs that contribute nothing.
_P: Final = (1 << 255) - 19
_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)


class SealingPublicKey:
    """An X25519 public key: 32 bytes, canonical, not of small order."""

    def __init__(self, data: bytes) -> None:
        """Raise InvalidKey unless ``data`` is a sound public key."""
        value = int.from_bytes(data, "little")
        if len(data) != KEY_BYTES or value >= _P or value in _SMALL_ORDER:
            raise InvalidKey("not a canonical X25519 public key of large order")
        self._data = bytes(data)
        self._key: EccKey = DH.import_x25519_public_key(self._data)

    def to_bytes(self) -> bytes:
        """Return the 32 bytes of RFC 7748, section 5."""
        return self._data

    @property
    def key_id(self) -> str:
        """The first 16 hexadecimal digits of the key's SHA-256: for people, never for trust."""
        return hashlib.sha256(self._data).hexdigest()[:16]

    def seal(
        self,
        plaintext: bytes,
        *,
        label: Label,
        aad_parts: Sequence[bytes] = (),
        pad_to: int | None = None,
    ) -> bytes:
        """Return encapsulated key (32 bytes) || ciphertext || tag (16 bytes).

        Args:
            label: What is sealed; it is HPKE's ``info``.
            aad_parts: What the message is bound to; length-prefixed.
            pad_to: Plaintexts up to this many bytes all give messages of one length,
                ``pad_to`` + 52; a longer one is refused with InvalidInput.
        """
        body = plaintext if pad_to is None else _pad(plaintext, pad_to)
        context = HPKE.new(
            receiver_key=self._key, aead_id=HPKE.AEAD.AES256_GCM, info=join(label, ())
        )
        return bytes(context.enc) + bytes(context.seal(body, _aad(label, aad_parts, pad_to)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SealingPublicKey) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __repr__(self) -> str:
        return f"SealingPublicKey({self.key_id})"


class SealingKey:
    """The secret half. Never prints; ``wipe`` overwrites the bytes that this object holds."""

    def __init__(self, data: bytes) -> None:
        """Take the 32-byte X25519 secret. Raises InvalidInput."""
        if len(data) != KEY_BYTES:
            raise InvalidInput(f"a sealing key is {KEY_BYTES} bytes, not {len(data)}")
        self._data = bytearray(data)
        self._key: EccKey = DH.import_x25519_private_key(bytes(data))
        self._public = SealingPublicKey(self._key.public_key().export_key(format="raw"))

    @classmethod
    def generate(cls, *, rng: Rng) -> "SealingKey":
        """Return a new key from 32 random bytes."""
        return cls(rng(KEY_BYTES))

    @property
    def public_key(self) -> SealingPublicKey:
        """The public half."""
        return self._public

    def to_bytes(self) -> bytes:
        """Return the 32 secret bytes, to be sealed or written with mode 0600; nothing else."""
        return bytes(self._data)

    def open(
        self,
        sealed: bytes,
        *,
        label: Label,
        aad_parts: Sequence[bytes] = (),
        pad_to: int | None = None,
    ) -> bytes:
        """Return the plaintext of ``SealingPublicKey.seal`` with the same arguments.

        Raises OpenError, which never says why: wrong key, label, parts, padding or bytes.
        """
        if len(sealed) < HPKE_OVERHEAD:
            raise OpenError("the sealed message does not open under this key and context")
        body = self._open(sealed, label, _aad(label, aad_parts, pad_to))
        return body if pad_to is None else _unpad(body, pad_to)

    def _open(self, sealed: bytes, label: Label, aad: bytes) -> bytes:
        try:
            context = HPKE.new(
                receiver_key=self._key,
                aead_id=HPKE.AEAD.AES256_GCM,
                enc=sealed[:KEY_BYTES],
                info=join(label, ()),
            )
            return bytes(context.unseal(sealed[KEY_BYTES:], aad))
        except (ValueError, TypeError):
            message = "the sealed message does not open under this key and context"
            raise OpenError(message) from None

    def wipe(self) -> None:
        """Overwrite the secret bytes; pycryptodome's copy is freed, not overwritten."""
        self._data[:] = bytes(KEY_BYTES)
        del self._key

    def __repr__(self) -> str:
        return f"SealingKey(secret, {self._public.key_id})"

    def __reduce__(self) -> str:
        raise TypeError("a sealing key is not pickled")


class AtRestKey:
    """An AES-256 key for sealing at rest: a data key, or the key-encryption key above it.

    At most 2^32 messages under one key (random nonces, NIST SP 800-38D, 8.3).
    """

    def __init__(self, data: bytes) -> None:
        """Take 32 bytes. Raises InvalidInput."""
        if len(data) != KEY_BYTES:
            raise InvalidInput(f"a key for sealing at rest is {KEY_BYTES} bytes, not {len(data)}")
        self._data = bytearray(data)
        self._wiped = False

    @classmethod
    def generate(cls, *, rng: Rng) -> "AtRestKey":
        """Return a new key from 32 random bytes."""
        return cls(rng(KEY_BYTES))

    def secret_bytes(self) -> bytes:
        """Return the key, to be wrapped or written with mode 0600; OpenError once wiped."""
        if self._wiped:
            raise OpenError("this key has been destroyed")
        return bytes(self._data)

    def wipe(self) -> None:
        """Overwrite the key; every later use raises OpenError."""
        self._data[:] = bytes(KEY_BYTES)
        self._wiped = True

    def __repr__(self) -> str:
        return "AtRestKey(secret)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")


def seal_at_rest(
    key: AtRestKey,
    plaintext: bytes,
    *,
    aad: Sequence[bytes],
    rng: Rng,
    label: Label = Label.AT_REST,
) -> bytes:
    """Return nonce (12 bytes) || ciphertext || tag (16 bytes), bound to label and ``aad``."""
    nonce = rng(NONCE_BYTES)
    cipher = AES.new(key.secret_bytes(), AES.MODE_GCM, nonce=nonce, mac_len=TAG_BYTES)
    cipher.update(join(label, aad))
    body, tag = cipher.encrypt_and_digest(plaintext)
    return nonce + bytes(body) + bytes(tag)


def open_at_rest(
    key: AtRestKey, sealed: bytes, *, aad: Sequence[bytes], label: Label = Label.AT_REST
) -> bytes:
    """Return the plaintext of ``seal_at_rest`` with the same key, parts and label.

    Raises OpenError, which never says why.
    """
    if len(sealed) < AT_REST_OVERHEAD:
        raise OpenError("too short to be sealed data")
    nonce, body, tag = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:-TAG_BYTES], sealed[-TAG_BYTES:]
    cipher = AES.new(key.secret_bytes(), AES.MODE_GCM, nonce=nonce, mac_len=TAG_BYTES)
    cipher.update(join(label, aad))
    try:
        return bytes(cipher.decrypt_and_verify(body, tag))
    except ValueError:
        raise OpenError("sealed data does not open under this key and context") from None


def wrap_key(
    key_encryption_key: AtRestKey, data_key: AtRestKey, *, aad: Sequence[bytes], rng: Rng
) -> bytes:
    """Return the data key sealed under the key-encryption key, 60 bytes, bound to ``aad``."""
    secret = data_key.secret_bytes()
    return seal_at_rest(key_encryption_key, secret, aad=aad, rng=rng, label=Label.DATA_KEY)


def unwrap_key(key_encryption_key: AtRestKey, wrapped: bytes, *, aad: Sequence[bytes]) -> AtRestKey:
    """Return the data key of ``wrap_key``. Raises OpenError."""
    secret = open_at_rest(key_encryption_key, wrapped, aad=aad, label=Label.DATA_KEY)
    if len(secret) != KEY_BYTES:
        raise OpenError("what was wrapped is not a key")
    return AtRestKey(secret)


def _aad(label: Label, parts: Sequence[bytes], pad_to: int | None) -> bytes:
    # The padding rule is part of the context: a padded message never opens as an unpadded one.
    rule = b"" if pad_to is None else pad_to.to_bytes(4, "big")
    return join(label, (rule, *parts))


def _pad(plaintext: bytes, size: int) -> bytes:
    if len(plaintext) > size:
        raise InvalidInput(f"{len(plaintext)} bytes do not fit the padded size of {size}")
    return len(plaintext).to_bytes(4, "big") + plaintext + bytes(size - len(plaintext))


def _unpad(body: bytes, size: int) -> bytes:
    length = int.from_bytes(body[:4], "big")
    if len(body) != 4 + size or length > size or any(body[4 + length :]):
        raise OpenError("the sealed message does not open under this key and context")
    return body[4 : 4 + length]
