"""From slots to a ciphertext under the joint key, its proof, and the node's own sealed copy.

Source: DESIGN 2.4, 2.5. The sealed copy (plaintext and randomness exponent, fixed width) lets
an audit recompute the ciphertext; it lies under a data key of its own.
Learns: whoever opens the sealed copy, this department's contribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crypto import integers, knowledge, packing, paillier
from crypto.paillier import PublicKey, RandomiserPool
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest, unwrap_key, wrap_key
from model.opening import answer_context
from model.policy.compiling import Layout

_PURPOSE = b"answer"


@dataclass(frozen=True)
class SealedCopy:
    """Wrapped data key and sealed plaintext with randomness."""

    data_key: bytes
    sealed: bytes


@dataclass(frozen=True)
class Encrypted:
    """What leaves, and what stays."""

    ciphertext: bytes
    proof: bytes
    copy: SealedCopy


class Encryptor:
    """Encrypts answers under the joint key. Prepared randomisers are filled while idle."""

    def __init__(self, key: PublicKey, *, pool: RandomiserPool, kek: AtRestKey, rng: Rng) -> None:
        self._key = key
        self._pool = pool
        self._kek = kek
        self._rng = rng

    def encrypt(
        self, layout: Layout, slots: Sequence[int], *, query: str, manifest: str, department: str
    ) -> Encrypted:
        """Pack, encrypt with fresh randomness, prove, and seal a copy.

        Args:
            slots: Signed integers in slot order.
            query: Query id, hex; binds the copy.
            manifest: Digest of the manifest, hex; binds the proof, with the department.
        """
        shape = packing.Layout(layout.ell, len(layout.slots))
        plaintext = packing.pack(self._key, shape, slots)
        made = self._pool.encrypt(plaintext, rng=self._rng)
        context = answer_context(manifest, department)
        proof = knowledge.prove(self._key, made, plaintext, context=context, rng=self._rng)
        ciphertext = paillier.encode_ciphertext(self._key, made.ciphertext)
        return Encrypted(ciphertext, proof, self._seal(plaintext, made.r, query))

    def _seal(self, plaintext: int, r: int, query: str) -> SealedCopy:
        data_key, aad = AtRestKey.generate(rng=self._rng), _aad(query)
        wrapped = wrap_key(self._kek, data_key, aad=aad, rng=self._rng)
        body = integers.encode(plaintext, self._key.plaintext_bytes)
        body += integers.encode(r, _exponent_bytes(self._key))
        sealed = seal_at_rest(data_key, body, aad=aad, rng=self._rng)
        data_key.wipe()
        return SealedCopy(wrapped, sealed)


def open_copy(key: PublicKey, kek: AtRestKey, copy: SealedCopy, *, query: str) -> tuple[int, int]:
    """Return plaintext and randomness exponent of an answer, for audit. Raises OpenError."""
    aad = _aad(query)
    body = open_at_rest(unwrap_key(kek, copy.data_key, aad=aad), copy.sealed, aad=aad)
    plaintext, r = integers.split(body, key.plaintext_bytes, _exponent_bytes(key))
    return int.from_bytes(plaintext, "big"), int.from_bytes(r, "big")


def _aad(query: str) -> list[bytes]:
    return [_PURPOSE, bytes.fromhex(query)]


def _exponent_bytes(key: PublicKey) -> int:
    return -(-key.short_bits // 8)
