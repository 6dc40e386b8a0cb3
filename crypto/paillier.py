"""Paillier encryption with g = 1 + n and randomisers h_s^r.

Source: design.md 2.1.6, 3.1, 3.2, 3.6;
Paillier 1999; Damgård, Jurik and Nielsen 2010, section 4.2 (randomisers h_s^r with r
of half the modulus' length); ISO/IEC 18033-6. phe is the oracle: ``as_phe`` gives its key.
Trusts: the dealer, who made n a product of two safe primes and h_s a generator of the n-th
residues with Jacobi symbol +1 (crypto.threshold).
Learns: whoever holds public values, nothing about a plaintext.
Not protected: an exponent r that is used twice; timing of the table (crypto.fixedbase).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import gmpy2
import phe

from crypto import integers
from crypto.errors import InvalidCiphertext, InvalidInput, InvalidKey
from crypto.fixedbase import TABLE_BYTES, FixedBase
from crypto.labels import Label, digest
from crypto.rng import Rng, random_bits

MIN_BITS = 2048
MAX_BITS = 8192
UNIFORM_EXTRA_BITS = 128
CHALLENGE_BITS = 128
STATISTICAL_BITS = 128
_SMALL_FACTOR_LIMIT = 1 << 16


@dataclass(frozen=True)
class PublicKey:
    """A Paillier modulus n and the base h_s of its randomisers, an n-th residue mod n².

    Construction validates: raises InvalidKey for an even, prime or short modulus, one whose
    length is no multiple of 16, one with a small factor, and an ``h_s`` that is no unit or is
    1 mod n. ``minimum_bits`` is lowered by tests alone.
    """

    n: int
    h_s: int
    minimum_bits: int = field(default=MIN_BITS, compare=False, repr=False)

    def __post_init__(self) -> None:
        _validate_modulus(self.n, self.minimum_bits)
        if not 1 < self.h_s < self.n2 or not integers.is_unit(self.h_s, self.n):
            raise InvalidKey("h_s is no unit mod n²")
        if self.h_s % self.n in (1, self.n - 1):
            raise InvalidKey("h_s is 1 or -1 mod n: it would hide nothing")
        _ = self.table  # one for all threads: made here, filled on first use

    def __repr__(self) -> str:
        return f"PublicKey({self.bits} bits, {self.fingerprint.hex()[:16]})"

    @property
    def bits(self) -> int:
        """|n|, the modulus' length in bits."""
        return self.n.bit_length()

    @property
    def short_bits(self) -> int:
        """Length of an answer's randomness exponent: half of |n|."""
        return self.bits // 2

    @property
    def uniform_bits(self) -> int:
        """Length of a masker's randomness exponent: |n| + 128."""
        return self.bits + UNIFORM_EXTRA_BITS

    @property
    def ciphertext_bytes(self) -> int:
        """Width of an encoded ciphertext: 2 |n|."""
        return self.bits // 4

    @property
    def plaintext_bytes(self) -> int:
        """Width of an encoded residue mod n."""
        return self.bits // 8

    @cached_property
    def n2(self) -> int:
        """n²."""
        return self.n * self.n

    @cached_property
    def fingerprint(self) -> bytes:
        """What the federation file pins, 32 bytes."""
        return digest(Label.PAILLIER_KEY, self.to_bytes())

    @cached_property
    def table(self) -> FixedBase:
        """Powers of h_s; built on first use, shared by all threads, at most 64 MiB.

        Covers exponents and proof responses: short ones fast, a masker's more slowly.
        """
        return self._table(TABLE_BYTES)

    def size_table(self, limit: int) -> None:
        """Take a table of at most ``limit`` bytes instead; before its first use, at start-up."""
        self.__dict__["table"] = self._table(limit)

    def _table(self, limit: int) -> FixedBase:
        slack = CHALLENGE_BITS + STATISTICAL_BITS
        return FixedBase(
            self.h_s,
            self.n,
            short_bits=self.short_bits,
            long_bits=self.uniform_bits + slack,
            limit=limit,
        )

    def to_bytes(self) -> bytes:
        """Return |n| in bits (2 bytes), n, h_s; big-endian, fixed width for the length."""
        n = integers.encode(self.n, self.plaintext_bytes)
        return self.bits.to_bytes(2, "big") + n + integers.encode(self.h_s, self.ciphertext_bytes)

    @classmethod
    def from_bytes(cls, data: bytes, *, minimum_bits: int = MIN_BITS) -> "PublicKey":
        """Parse and validate; raises InvalidKey. The caller compares the fingerprint."""
        bits = int.from_bytes(data[:2], "big")
        if bits % 16 or len(data) != 2 + bits // 8 + bits // 4:
            raise InvalidKey("a Paillier key of the wrong length")
        n = int.from_bytes(data[2 : 2 + bits // 8], "big")
        if n.bit_length() != bits:
            raise InvalidKey("the modulus is not as long as it says")
        return cls(n, int.from_bytes(data[2 + bits // 8 :], "big"), minimum_bits)


def _validate_modulus(n: int, minimum_bits: int) -> None:
    if type(n) is not int or not minimum_bits <= n.bit_length() <= MAX_BITS:
        raise InvalidKey(f"the modulus must have between {minimum_bits} and {MAX_BITS} bits")
    if n.bit_length() % 16:
        raise InvalidKey("the modulus' length must be a multiple of 16 bits")
    if gmpy2.gcd(n, gmpy2.primorial(_SMALL_FACTOR_LIMIT)) != 1:
        raise InvalidKey("the modulus has a small factor")
    if gmpy2.is_prime(n) or gmpy2.is_power(n):
        raise InvalidKey("the modulus is a prime or a power")


@dataclass(frozen=True)
class Encryption:
    """A ciphertext with its randomness exponent r, which its maker seals for audit and proof."""

    ciphertext: int
    r: int = field(repr=False)


# --- ciphertexts ------------------------------------------------------------------------------


def check_ciphertext(key: PublicKey, ciphertext: int) -> int:
    """Return the ciphertext; raises InvalidCiphertext unless 0 < c < n² and gcd(c, n) = 1.

    A multiple of n is refused above all: its decryption gives the factors of n away.
    """
    if type(ciphertext) is not int or not 0 < ciphertext < key.n2:
        raise InvalidCiphertext("a ciphertext lies between 0 and n²")
    if not integers.is_unit(ciphertext, key.n):
        raise InvalidCiphertext("a ciphertext has no factor in common with n")
    return ciphertext


def encode_ciphertext(key: PublicKey, ciphertext: int) -> bytes:
    """Return the ciphertext in ``key.ciphertext_bytes`` bytes, big-endian, after checking it."""
    return integers.encode(check_ciphertext(key, ciphertext), key.ciphertext_bytes)


def decode_ciphertext(key: PublicKey, data: bytes) -> int:
    """Parse a ciphertext of exactly ``key.ciphertext_bytes`` bytes; raises InvalidInput."""
    return check_ciphertext(key, integers.decode(data, key.ciphertext_bytes))


# --- plaintexts -------------------------------------------------------------------------------


def check_plaintext(key: PublicKey, plaintext: int) -> int:
    """Return the plaintext; raises InvalidInput unless 0 <= m < n."""
    if type(plaintext) is not int or not 0 <= plaintext < key.n:
        raise InvalidInput("a plaintext is an integer in [0, n)")
    return plaintext


# --- encryption -------------------------------------------------------------------------------


def draw_exponent(key: PublicKey, *, rng: Rng) -> int:
    """Return the randomness exponent of an answer: uniform, |n|/2 bits."""
    return random_bits(key.short_bits, rng=rng)


def draw_uniform_exponent(key: PublicKey, *, rng: Rng) -> int:
    """Return the randomness exponent of a mask: uniform, |n| + 128 bits."""
    return random_bits(key.uniform_bits, rng=rng)


def encrypt_with(key: PublicKey, plaintext: int, r: int) -> int:
    """Return (1 + m n) h_s^r mod n², from the table; for an answer, and to recompute one.

    Args:
        plaintext: m in [0, n).
        r: In [0, 2^(|n|/2)); never used for another plaintext.
    """
    if not 0 <= r < 1 << key.short_bits:
        raise InvalidInput("a randomness exponent has half as many bits as n")
    return _attach(key, plaintext, key.table.power(r))


def encrypt(key: PublicKey, plaintext: int, *, rng: Rng) -> Encryption:
    """Encrypt m in [0, n) under fresh randomness of |n|/2 bits."""
    r = draw_exponent(key, rng=rng)
    return Encryption(encrypt_with(key, plaintext, r), r)


def encrypt_uniform_with(key: PublicKey, plaintext: int, r: int) -> int:
    """Return (1 + m n) h_s^r mod n² in constant time, r in [0, 2^(|n| + 128)).

    The masker's way: no table, no pool. See ADR 0010 for what the length of r is for.
    """
    if not 0 <= r < 1 << key.uniform_bits:
        raise InvalidInput("a masker's randomness exponent has |n| + 128 bits")
    power = integers.secret_pow(key.h_s, r, key.n2, exponent_bits=key.uniform_bits)
    return _attach(key, plaintext, power)


def encrypt_uniform(key: PublicKey, plaintext: int, *, rng: Rng) -> Encryption:
    """Encrypt m in [0, n) under fresh randomness of |n| + 128 bits."""
    r = draw_uniform_exponent(key, rng=rng)
    return Encryption(encrypt_uniform_with(key, plaintext, r), r)


def _attach(key: PublicKey, plaintext: int, power: int) -> int:
    blinded = gmpy2.mpz(1 + check_plaintext(key, plaintext) * key.n) * power
    return int(blinded % key.n2)


class RandomiserPool:
    """Randomisers prepared while idle, each given out once; safe to share between threads.

    At most ``capacity`` are kept, of about 3 |n| / 8 bytes each (1.2 kB at 3072 bits).
    """

    def __init__(self, key: PublicKey, *, capacity: int) -> None:
        self._key = key
        self._capacity = capacity
        self._ready: deque[tuple[int, int]] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self._ready)

    def prepare(self, count: int, *, rng: Rng) -> int:
        """Add up to ``count`` randomisers, never beyond the capacity; return how many."""
        made = 0
        while made < count and len(self._ready) < self._capacity:
            r = draw_exponent(self._key, rng=rng)
            self._ready.append((r, self._key.table.power(r)))
            made += 1
        return made

    def encrypt(self, plaintext: int, *, rng: Rng) -> Encryption:
        """Encrypt with a prepared randomiser, or with a new one when none is left."""
        check_plaintext(self._key, plaintext)
        try:
            r, power = self._ready.popleft()  # atomic: no two callers get the same
        except IndexError:
            return encrypt(self._key, plaintext, rng=rng)
        return Encryption(_attach(self._key, plaintext, power), r)


# --- sums -------------------------------------------------------------------------------------


def product(key: PublicKey, ciphertexts: Iterable[int]) -> int:
    """Return the ciphertext of the sum of the plaintexts; each input is checked."""
    result = gmpy2.mpz(1)
    for ciphertext in ciphertexts:
        result = result * check_ciphertext(key, ciphertext) % key.n2
    return int(result)


def as_phe(key: PublicKey) -> phe.PaillierPublicKey:
    """Return phe's key for the same modulus; it encrypts and decrypts alike, in both ways."""
    return phe.PaillierPublicKey(key.n)
