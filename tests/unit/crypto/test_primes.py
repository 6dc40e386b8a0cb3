"""The joint sieve, against trial division.

Tests design.md 2.1.6.
"""

from concurrent.futures import ThreadPoolExecutor

import gmpy2
import pytest

from crypto import primes
from crypto.rng import system_rng


@pytest.mark.parametrize("bits", [32, 64, 128, 256, 512])
def test_a_safe_prime_is_one_of_the_right_length(bits: int) -> None:
    for p in primes.safe_prime_pair(bits, rng=system_rng):
        assert p.bit_length() == bits
        assert p >> (bits - 2) == 3
        assert gmpy2.is_prime(p, 50)
        assert gmpy2.is_prime(p // 2, 50)


def test_the_sieve_strikes_exactly_the_candidates_with_a_small_factor() -> None:
    start = (1 << 90) + 5 - (1 << 90) % 6
    steps = 400
    limit = primes.SIEVE_LIMIT
    small = [int(r) for r in _primes_below(limit)]
    kept = set(primes._survivors(start, steps))
    for place in range(steps):
        q = start + 6 * place
        struck = any(q % r == 0 or (2 * q + 1) % r == 0 for r in small)
        assert (place in kept) != struck


def _primes_below(limit: int) -> list[gmpy2.mpz]:
    found, prime = [], gmpy2.mpz(5)
    while prime < limit:
        found.append(prime)
        prime = gmpy2.next_prime(prime)
    return found


def test_small_candidates_are_not_struck_by_themselves() -> None:
    pair = primes.safe_prime_pair(16, rng=system_rng)
    assert [p.bit_length() for p in pair] == [16, 16]


def test_a_pair_from_a_pool_of_the_caller() -> None:
    with ThreadPoolExecutor(2) as pool:
        p, q = primes.safe_prime_pair(128, rng=system_rng, pool=pool)
    assert p != q
    assert (p * q).bit_length() == 256
