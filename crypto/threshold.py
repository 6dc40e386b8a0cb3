"""Opening Paillier ciphertexts by t of l holders: a threshold n-th root.

Source: Shoup, "Practical threshold signatures", Eurocrypt 2000, sections 3 and 4, with public
exponent n; the opening of design.md 2.6.3; ADR 0010 for what the root reveals.
For x = C mod n, t shares give ρ with ρⁿ = x mod n; then m follows, and C = (1 + m n) ρⁿ mod n²
is checked. Plaintext and root are unique, so a wrong share always shows.
Trusts: the dealer, until the ceremony ends.
Learns: a holder, nothing; whoever combines t shares, plaintext and root of that ciphertext.
Not protected: t holders who collude. See docs/threat-model.md.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from math import factorial

import gmpy2

from crypto import integers, paillier
from crypto.errors import InvalidInput, InvalidKey, ProofError, ShareError
from crypto.labels import Label, digest
from crypto.paillier import CHALLENGE_BITS, STATISTICAL_BITS, PublicKey
from crypto.primes import safe_prime_pair
from crypto.rng import Rng, random_below, random_bits

MAX_HOLDERS = 16


@dataclass(frozen=True)
class JointKey:
    """The public side of a dealt key: n, h_s, t of l, and what share proofs verify against.

    ``base`` is v, a generator of the squares mod n; ``checks[i - 1]`` is v^(s_i) mod n.
    Construction validates and raises InvalidKey.
    """

    public: PublicKey
    threshold: int
    base: int
    checks: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_sizes(self.threshold, self.holders)
        for element in (self.base, *self.checks):
            if not 1 < element < self.public.n or not integers.is_unit(element, self.public.n):
                raise InvalidKey("a verification key is no unit mod n")

    @property
    def holders(self) -> int:
        """l, the number of shares dealt."""
        return len(self.checks)

    @cached_property
    def delta(self) -> int:
        """Δ = l!."""
        return factorial(self.holders)

    @cached_property
    def fingerprint(self) -> bytes:
        """What the federation file pins, 32 bytes: over the public key, t and all of v, v_i."""
        return digest(Label.PAILLIER_KEY, self.to_bytes())

    @property
    def share_bytes(self) -> int:
        """Width of an encoded share: |n|."""
        return self.public.plaintext_bytes

    @property
    def proof_bytes(self) -> int:
        """Width of an encoded share proof."""
        return CHALLENGE_BITS // 8 + _response_bits(self) // 8

    def to_bytes(self) -> bytes:
        """Return t, l (a byte each), the public key, v, v_1 … v_l; fixed width."""
        width = self.public.plaintext_bytes
        elements = b"".join(integers.encode(e, width) for e in (self.base, *self.checks))
        return bytes((self.threshold, self.holders)) + self.public.to_bytes() + elements

    @classmethod
    def from_bytes(cls, data: bytes, *, minimum_bits: int = paillier.MIN_BITS) -> "JointKey":
        """Parse and validate; raises InvalidKey. The caller compares the fingerprint."""
        if len(data) < 4 or not 1 <= data[1] <= MAX_HOLDERS:
            raise InvalidKey("not a joint key")
        bits = int.from_bytes(data[2:4], "big")
        width, key_bytes = bits // 8, 2 + bits // 8 + bits // 4
        if bits % 16 or len(data) != 2 + key_bytes + width * (1 + data[1]):
            raise InvalidKey("a joint key of the wrong length")
        public = PublicKey.from_bytes(data[2 : 2 + key_bytes], minimum_bits=minimum_bits)
        body = data[2 + key_bytes :]
        elements = [
            int.from_bytes(body[at : at + width], "big") for at in range(0, len(body), width)
        ]
        return cls(public, data[0], elements[0], tuple(elements[1:]))


@dataclass(frozen=True)
class KeyShare:
    """One holder's share s_i of the root's exponent. Never prints.

    ``index`` counts from 1; ``fingerprint`` is the joint key's.
    """

    index: int
    fingerprint: bytes
    secret: int = field(repr=False)

    def to_bytes(self, joint: JointKey) -> bytes:
        """Return index (1 byte), fingerprint (32) and secret (|n|); the caller seals it."""
        secret = integers.encode(self.secret, joint.public.plaintext_bytes)
        return bytes((self.index,)) + self.fingerprint + secret

    @classmethod
    def from_bytes(cls, data: bytes, joint: JointKey) -> "KeyShare":
        """Parse; raises InvalidKey unless it is a share of ``joint``, checked against v_i."""
        if len(data) != 33 + joint.public.plaintext_bytes or data[1:33] != joint.fingerprint:
            raise InvalidKey("not a share of this key")
        share = cls(data[0], data[1:33], int.from_bytes(data[33:], "big"))
        if not 1 <= share.index <= joint.holders:
            raise InvalidKey("a share's index is out of range")
        if _raise_to_secret(joint, joint.base, share.secret) != joint.checks[share.index - 1]:
            raise InvalidKey("the share does not match its verification key")
        return share


@dataclass(frozen=True)
class Dealt:
    """A dealt key. The dealer hands out each share and keeps none."""

    joint: JointKey
    shares: tuple[KeyShare, ...] = field(repr=False)


@dataclass(frozen=True)
class Opened:
    """An opened ciphertext: plaintext in [0, n) and root in (0, n). Neither prints."""

    plaintext: int = field(repr=False)
    root: int = field(repr=False)


# --- dealing ----------------------------------------------------------------------------------


def deal(
    *, bits: int, threshold: int, holders: int, rng: Rng, pool: Executor | None = None
) -> Dealt:
    """Make a key of ``bits`` bits over safe primes and share its root exponent, t of l.

    Args:
        bits: Length of n; at least 2048, a multiple of 16.
        threshold: t; 2 t > l, so that no two disjoint groups can open.
        holders: l; at most 16.
        pool: The caller's processes, to search for primes side by side.
    """
    if not paillier.MIN_BITS <= bits <= paillier.MAX_BITS or bits % 16:
        raise InvalidKey(f"a key has at least {paillier.MIN_BITS} bits, a multiple of 16")
    _check_sizes(threshold, holders)
    p, q = safe_prime_pair(bits // 2, rng=rng, pool=pool)
    return deal_from_primes(p, q, threshold=threshold, holders=holders, rng=rng)


def deal_from_primes(
    p: int,
    q: int,
    *,
    threshold: int,
    holders: int,
    rng: Rng,
    minimum_bits: int = paillier.MIN_BITS,
) -> Dealt:
    """Deal over given safe primes; ``minimum_bits`` is lowered by tests alone.

    Raises InvalidKey unless p and q are different safe primes of one length, far apart. One
    length also gives gcd(n, p'q') = 1, as neither prime can be twice the other plus one.
    """
    _check_sizes(threshold, holders)
    _check_primes(p, q)
    n, order = p * q, (p // 2) * (q // 2)
    public = PublicKey(n, _randomiser_base(n, rng=rng), minimum_bits)
    base = _square_generator(n, rng=rng)
    coefficients = [integers.invert(n, order)]
    coefficients += [random_below(order, rng=rng) for _ in range(threshold - 1)]
    secrets = [_evaluate(coefficients, index, order) for index in range(1, holders + 1)]
    checks = tuple(integers.secret_pow(base, s, n, exponent_bits=n.bit_length()) for s in secrets)
    joint = JointKey(public, threshold, base, checks)
    shares = (KeyShare(i, joint.fingerprint, s) for i, s in enumerate(secrets, start=1))
    return Dealt(joint, tuple(shares))


def _check_sizes(threshold: int, holders: int) -> None:
    if not 1 < threshold <= holders <= MAX_HOLDERS or 2 * threshold <= holders:
        raise InvalidKey(f"t of l needs 2 <= t <= l <= {MAX_HOLDERS} and 2 t > l")


def _check_primes(p: int, q: int) -> None:
    safe = all(gmpy2.is_prime(x, 64) and gmpy2.is_prime(x // 2, 64) for x in (p, q))
    if not safe or p == q or p.bit_length() != q.bit_length():
        raise InvalidKey("two different safe primes of one length are needed")
    # FIPS 186-5, A.1.3: closer primes are found by Fermat's method
    if abs(p - q) >> max(0, p.bit_length() - 100) == 0:
        raise InvalidKey("the primes lie too close together")


def _square_generator(n: int, *, rng: Rng) -> int:
    """Return y² mod n of order p'q': neither y² - 1 nor y has a factor in common with n."""
    while True:
        y = random_below(n, rng=rng)
        square = y * y % n
        if integers.is_unit(square, n) and integers.is_unit(square - 1, n):
            return square


def _randomiser_base(n: int, *, rng: Rng) -> int:
    """Return h_s = (-y²)ⁿ mod n²: it generates all n-th residues with Jacobi symbol +1.

    -1 is no square mod a safe prime and has Jacobi symbol +1 mod n, so the order of -y² is
    2 p'q', the order of that whole group.
    """
    return integers.public_pow(n - _square_generator(n, rng=rng), n, n * n)


def _evaluate(coefficients: list[int], at: int, modulus: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * at + coefficient) % modulus
    return value


# --- sharing and combining --------------------------------------------------------------------


def share(joint: JointKey, key_share: KeyShare, ciphertext: int) -> int:
    """Return this holder's share of the root of C: x^(2Δ s_i) mod n, the smaller of it and its
    negative, in (0, n/2).

    Raises InvalidCiphertext for 0, multiples of n, and whatever else is no ciphertext.
    """
    if key_share.fingerprint != joint.fingerprint:
        raise InvalidKey("a share of another key")
    x = paillier.check_ciphertext(joint.public, ciphertext) % joint.public.n
    doubled = pow(x, 2 * joint.delta, joint.public.n)
    return _fold(_raise_to_secret(joint, doubled, key_share.secret), joint.public.n)


def encode_share(joint: JointKey, value: int) -> bytes:
    """Return a share in ``joint.share_bytes`` bytes."""
    return integers.encode(check_share(joint, value), joint.share_bytes)


def decode_share(joint: JointKey, data: bytes) -> int:
    """Parse a share; raises InvalidInput unless it is canonical."""
    return check_share(joint, integers.decode(data, joint.share_bytes))


def check_share(joint: JointKey, value: int) -> int:
    """Return the share; raises InvalidInput unless 0 < x < n/2 and gcd(x, n) = 1."""
    n = joint.public.n
    if type(value) is not int or not 0 < 2 * value < n or not integers.is_unit(value, n):
        raise InvalidInput("a share is a unit mod n, below n/2")
    return value


def combine(joint: JointKey, ciphertext: int, shares: Mapping[int, int]) -> Opened:
    """Open C with exactly t shares, keyed by holder's index (from 1).

    Raises ShareError if they do not give the root: a wrong, replayed or foreign share. Then ask
    for proofs and call ``blame``.
    """
    public, n = joint.public, joint.public.n
    x = paillier.check_ciphertext(public, ciphertext) % n
    root = _root(joint, x, _check_shares(joint, shares))
    residue = integers.public_pow(root, n, public.n2)
    lifted = ciphertext * integers.invert(residue, public.n2) % public.n2
    plaintext = (lifted - 1) // n
    # Fails unless ρⁿ = C mod n: only then is the quotient 1 mod n.
    if (1 + plaintext * n) * residue % public.n2 != ciphertext:
        raise ShareError("the shares do not combine to the root of this ciphertext")
    return Opened(plaintext, root)


def _check_shares(joint: JointKey, shares: Mapping[int, int]) -> Mapping[int, int]:
    if len(shares) != joint.threshold:
        raise ShareError(f"{len(shares)} shares where {joint.threshold} are due")
    for index, value in shares.items():
        if not 1 <= index <= joint.holders:
            raise ShareError("a share of no holder", holder=index)
        try:
            check_share(joint, value)
        except InvalidInput as error:
            raise ShareError(str(error), holder=index) from None
    return shares


def _root(joint: JointKey, x: int, shares: Mapping[int, int]) -> int:
    """Shoup's combination: w = Π x_i^(2 λ_i) is x^(4Δ² d); with 4Δ² a + n b = 1, ρ = w^a x^b."""
    n = joint.public.n
    w = gmpy2.mpz(1)
    for index, value in shares.items():
        w = w * gmpy2.powmod(value, 2 * _lagrange(joint.delta, index, shares), n) % n
    _, a, b = gmpy2.gcdext(4 * joint.delta**2, n)
    return int(gmpy2.powmod(w, a, n) * gmpy2.powmod(x, b, n) % n)


def _lagrange(delta: int, index: int, indices: Iterable[int]) -> int:
    """Return Δ · Π j / (j - i) over the other indices: an integer, as Δ clears the quotient."""
    above, below = delta, 1
    for other in indices:
        if other != index:
            above *= other
            below *= other - index
    return above // below


def _fold(value: int, n: int) -> int:
    # The root comes out of squares, so a sign is lost anyway: this leaves one encoding.
    return min(value, n - value)


def _raise_to_secret(joint: JointKey, base: int, secret: int) -> int:
    n = joint.public.n
    return integers.secret_pow(base, secret, n, exponent_bits=n.bit_length())


# --- share proofs, demanded only when shares do not combine --------------------------------------


def prove_share(
    joint: JointKey, key_share: KeyShare, ciphertext: int, *, context: bytes, rng: Rng
) -> bytes:
    """Prove that this holder's share of C has the exponent of its verification key.

    Equality of discrete logarithms of v_i to v and of x_i² to x^(4Δ), Shoup 2000, section 3.

    Args:
        context: Session and party: the permit's digest, step, sender's name.
    Returns:
        challenge || response, ``joint.proof_bytes`` bytes.
    """
    own = share(joint, key_share, ciphertext)
    base = _proof_base(joint, ciphertext)
    bits = _response_bits(joint)
    while True:
        nonce = random_bits(bits, rng=rng)
        commitments = [
            integers.secret_pow(b, nonce, joint.public.n, exponent_bits=bits)
            for b in (joint.base, base)
        ]
        challenge = _challenge(joint, key_share.index, ciphertext, own, commitments, context)
        response = nonce + challenge * key_share.secret
        if response.bit_length() <= bits:  # fails once in 2^128 times
            return integers.encode(challenge, CHALLENGE_BITS // 8) + integers.encode(
                response, bits // 8
            )


def verify_share(
    joint: JointKey, index: int, ciphertext: int, value: int, proof: bytes, *, context: bytes
) -> None:
    """Raise ProofError unless ``proof`` shows that ``value`` is holder ``index``'s share of C."""
    bits, n = _response_bits(joint), joint.public.n
    if len(proof) != joint.proof_bytes or not 1 <= index <= joint.holders:
        raise ProofError("not a share proof")
    check_share(joint, value)
    challenge = int.from_bytes(proof[: CHALLENGE_BITS // 8], "big")
    response = integers.decode(proof[CHALLENGE_BITS // 8 :], bits // 8)
    pairs = (
        (joint.base, joint.checks[index - 1]),
        (_proof_base(joint, ciphertext), value * value % n),
    )
    commitments = [
        integers.public_pow(base, response, n) * integers.public_pow(power, -challenge, n) % n
        for base, power in pairs
    ]
    if _challenge(joint, index, ciphertext, value, commitments, context) != challenge:
        raise ProofError("a share proof does not verify")


def blame(
    joint: JointKey,
    ciphertext: int,
    shares: Mapping[int, int],
    proofs: Mapping[int, tuple[bytes, bytes]],
) -> list[int]:
    """Return the indices, ascending, whose share has no valid proof.

    Args:
        shares: What each holder sent, by index.
        proofs: (proof, context) by index; a holder that sent none is missing here.
    """
    return sorted(
        i for i, value in shares.items() if not _proven(joint, ciphertext, i, value, proofs)
    )


def _proven(
    joint: JointKey,
    ciphertext: int,
    index: int,
    value: int,
    proofs: Mapping[int, tuple[bytes, bytes]],
) -> bool:
    if index not in proofs:
        return False
    proof, context = proofs[index]
    try:
        verify_share(joint, index, ciphertext, value, proof, context=context)
    except (ProofError, InvalidInput):
        return False
    return True


def _proof_base(joint: JointKey, ciphertext: int) -> int:
    x = paillier.check_ciphertext(joint.public, ciphertext) % joint.public.n
    return pow(x, 4 * joint.delta, joint.public.n)


def _response_bits(joint: JointKey) -> int:
    return joint.public.bits + CHALLENGE_BITS + STATISTICAL_BITS


def _challenge(
    joint: JointKey,
    index: int,
    ciphertext: int,
    value: int,
    commitments: Iterable[int],
    context: bytes,
) -> int:
    width = joint.public.plaintext_bytes
    hashed = digest(
        Label.SHARE_PROOF,
        joint.fingerprint,
        context,
        bytes((index,)),
        paillier.encode_ciphertext(joint.public, ciphertext),
        integers.encode(value, width),
        *(integers.encode(c, width) for c in commitments),
    )
    return int.from_bytes(hashed[: CHALLENGE_BITS // 8], "big")
