"""The baseline of opening: Damgård-Jurik threshold decryption with share proofs, 2 of 3.

Source: Damgård and Jurik 2001, section 4.1 (s = 1); proofs after Shoup 2000. Exponentiations by
gmpy2, the fastest there is, without our constant-time arithmetic: the baseline gets every
advantage. For benches alone.
"""

import hashlib
from dataclasses import dataclass
from math import factorial

import gmpy2

from crypto.primes import safe_prime_pair
from crypto.rng import Rng, random_below, random_bits

HOLDERS, THRESHOLD = 3, 2
DELTA = factorial(HOLDERS)
CHALLENGE_BITS = 128


@dataclass(frozen=True)
class DamgardJurik:
    """A dealt key with all its shares in one hand."""

    n: int
    secrets: tuple[int, ...]
    base: int
    checks: tuple[int, ...]

    @classmethod
    def deal(cls, bits: int, *, rng: Rng) -> "DamgardJurik":
        """Deal over fresh safe primes."""
        p, q = safe_prime_pair(bits // 2, rng=rng)
        n, order = p * q, (p // 2) * (q // 2)
        n2 = n * n
        d = int(gmpy2.invert(order, n)) * order
        slope = random_below(n * order, rng=rng)
        secrets = tuple((d + slope * i) % (n * order) for i in range(1, HOLDERS + 1))
        base = pow(random_below(n2, rng=rng), 2, n2)
        checks = tuple(int(gmpy2.powmod(base, DELTA * s, n2)) for s in secrets)
        return cls(n, secrets, base, checks)

    def encrypt(self, plaintext: int, *, rng: Rng) -> int:
        """(1 + m n) x^n mod n²."""
        n2 = self.n * self.n
        x = gmpy2.powmod(random_below(self.n, rng=rng), self.n, n2)
        return int((1 + plaintext * self.n) * x % n2)

    def open_checked(self, ciphertext: int, *, rng: Rng) -> int:
        """Two shares, both proven and verified, combined."""
        shares = {}
        for index in (1, 2):
            share, proof = self._share(index, ciphertext, rng)
            self._verify(index, ciphertext, share, proof)
            shares[index] = share
        return self._combine(shares)

    def _share(self, index: int, c: int, rng: Rng) -> tuple[int, tuple[int, int]]:
        n2, secret = self.n * self.n, self.secrets[index - 1]
        share = int(gmpy2.powmod(c, 2 * DELTA * secret, n2))
        nonce = random_bits(2 * self.n.bit_length() + 256, rng=rng)
        c4 = pow(c, 4, n2)
        first, second = gmpy2.powmod(c4, nonce, n2), gmpy2.powmod(self.base, nonce, n2)
        e = self._challenge(first, second, share)
        return share, (e, nonce + e * DELTA * secret)

    def _verify(self, index: int, c: int, share: int, proof: tuple[int, int]) -> None:
        n2, (e, z) = self.n * self.n, proof
        c4, squared = pow(c, 4, n2), pow(share, 2, n2)
        first = gmpy2.powmod(c4, z, n2) * gmpy2.powmod(squared, -e, n2) % n2
        second = gmpy2.powmod(self.base, z, n2) * gmpy2.powmod(self.checks[index - 1], -e, n2) % n2
        if self._challenge(first, second, share) != e:
            raise ValueError("a share proof does not verify")

    def _challenge(self, *parts: object) -> int:
        text = b"|".join(str(p).encode() for p in (*parts, self.n))
        return int.from_bytes(hashlib.sha256(text).digest()[: CHALLENGE_BITS // 8], "big")

    def _combine(self, shares: dict[int, int]) -> int:
        n2, product = self.n * self.n, gmpy2.mpz(1)
        for index, share in shares.items():
            other = 3 - index
            coefficient = DELTA * other // (other - index)
            product = product * gmpy2.powmod(share, 2 * coefficient, n2) % n2
        quotient = (product - 1) // self.n
        return int(quotient * gmpy2.invert(4 * DELTA * DELTA, self.n) % self.n)
