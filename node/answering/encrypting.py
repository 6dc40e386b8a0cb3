"""From slots to a ciphertext under the joint key, its proof, and the node's own sealed copy.

Source: design.md 2.4.6, 2.4.22. The sealed copy (plaintext, randomness exponent, and the reveal
of the ledger's commitment to the ticket; fixed width) lets an audit recompute the ciphertext and
see which ticket was answered; it lies under a data key of its own.
Learns: whoever opens the sealed copy, this department's contribution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crypto import integers, knowledge, packing, paillier
from crypto.commit import SALT_BYTES, Reveal, new_salt
from crypto.paillier import PublicKey, RandomiserPool
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest, unwrap_key, wrap_key
from model.documents.query import Ticket
from model.limits import DIGEST_BYTES
from model.opening import answer_context
from model.policy.compiling import Layout

TICKET: Final = "ticket"
"""Field of ``query.answered`` that commits to the ticket's terms."""
_PURPOSE: Final = b"answer"


@dataclass(frozen=True)
class SealedCopy:
    """Wrapped data key and sealed plaintext with randomness."""

    data_key: bytes
    sealed: bytes


@dataclass(frozen=True, repr=False)
class AnswerCopy:
    """Plaintext in [0, n), randomness exponent, reveal of the ticket. Never prints."""

    plaintext: int
    randomness: int
    ticket: Reveal


@dataclass(frozen=True)
class Encrypted:
    """What leaves, what stays, and the ledger's commitment (hex) to the ticket."""

    ciphertext: bytes
    proof: bytes
    copy: SealedCopy
    ticket: str


class Encryptor:
    """Encrypts answers under the joint key. Prepared randomisers are filled while idle."""

    def __init__(self, key: PublicKey, *, pool: RandomiserPool, kek: AtRestKey, rng: Rng) -> None:
        self._key = key
        self._pool = pool
        self._kek = kek
        self._rng = rng

    def encrypt(
        self, layout: Layout, slots: Sequence[int], *, ticket: Ticket, department: str
    ) -> Encrypted:
        """Pack, encrypt with fresh randomness, prove, and seal a copy.

        Args:
            slots: Signed integers in slot order.
            ticket: Its query id binds the copy, its manifest the proof, with the department.
        """
        shape = packing.Layout(layout.ell, len(layout.slots))
        plaintext = packing.pack(self._key, shape, slots)
        made = self._pool.encrypt(plaintext, rng=self._rng)
        context = answer_context(ticket.manifest, department)
        proof = knowledge.prove(self._key, made, plaintext, context=context, rng=self._rng)
        ciphertext = paillier.encode_ciphertext(self._key, made.ciphertext)
        terms = Reveal(TICKET, ticket.terms_digest, new_salt(rng=self._rng))
        copy = self._seal(AnswerCopy(plaintext, made.r, terms), ticket.query)
        return Encrypted(ciphertext, proof, copy, terms.commitment().hex())

    def _seal(self, copy: AnswerCopy, query: str) -> SealedCopy:
        data_key, aad = AtRestKey.generate(rng=self._rng), _aad(query)
        wrapped = wrap_key(self._kek, data_key, aad=aad, rng=self._rng)
        body = integers.encode(copy.plaintext, self._key.plaintext_bytes)
        body += integers.encode(copy.randomness, randomness_bytes(self._key))
        body += bytes.fromhex(str(copy.ticket.value)) + copy.ticket.salt
        sealed = seal_at_rest(data_key, body, aad=aad, rng=self._rng)
        data_key.wipe()
        return SealedCopy(wrapped, sealed)


def unseal_copy(key: PublicKey, kek: AtRestKey, copy: SealedCopy, *, query: str) -> AnswerCopy:
    """Return what an answer was made from, for audit. Raises OpenError."""
    aad = _aad(query)
    body = open_at_rest(unwrap_key(kek, copy.data_key, aad=aad), copy.sealed, aad=aad)
    widths = (key.plaintext_bytes, randomness_bytes(key), DIGEST_BYTES, SALT_BYTES)
    plaintext, r, terms, salt = integers.split(body, *widths)
    ticket = Reveal(TICKET, terms.hex(), salt)
    return AnswerCopy(int.from_bytes(plaintext, "big"), int.from_bytes(r, "big"), ticket)


def randomness_bytes(key: PublicKey) -> int:
    """Width of an encoded randomness exponent."""
    return -(-key.short_bits // 8)


def _aad(query: str) -> list[bytes]:
    return [_PURPOSE, bytes.fromhex(query)]
