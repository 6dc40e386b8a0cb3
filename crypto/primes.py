"""Safe primes by a joint sieve: candidates q for which neither q nor 2q + 1 has a small factor.

Source: design.md 2.1.6;
Wiener, "Safe prime generation with a combined sieve", 2003 (eprint 2003/186); final
tests by GMP (Baillie-PSW, then Miller-Rabin with further bases).
Trusts: the machine of the ceremony. Times depend on the primes and are not hidden: this runs
once, at the dealer's, with nobody beside it.
Not protected: uniformity among safe primes is that of an incremental search, which favours
primes behind long gaps; windows start at fresh random places, so the loss is below two bits.
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import lru_cache

import gmpy2

from crypto.rng import Rng, random_bits

SIEVE_LIMIT = 1 << 21
WINDOW_STEPS = 1 << 16
_STEP = 6  # q = 5 mod 6: otherwise 2 or 3 divides q or 2q + 1
_MILLER_RABIN_ROUNDS = 64


def safe_prime_pair(bits: int, *, rng: Rng, pool: Executor | None = None) -> tuple[int, int]:
    """Return two different safe primes of ``bits`` bits each.

    Args:
        bits: Size of each prime; at least 32.
        rng: Handed to the workers of ``pool`` too, so it must be a module's function there.
        pool: Processes of the caller that search windows side by side; None to search here.
    """
    found: set[int] = set()
    windows = _search_here(bits, rng) if pool is None else _search_pool(bits, rng, pool)
    for primes in windows:
        for prime in primes:
            found.add(prime)
            if len(found) == 2:
                first, second = found
                return first, second
    raise AssertionError("the search has no end")


def _search_here(bits: int, rng: Rng) -> Iterator[list[int]]:
    # One prime per window: two of the same window share their upper bits, and Fermat's method
    # factors their product at once.
    while True:
        yield search_window(bits, rng)


def _search_pool(bits: int, rng: Rng, pool: Executor) -> Iterator[list[int]]:
    workers = getattr(pool, "_max_workers", 2)
    pending: set[Future[list[int]]] = {
        pool.submit(search_window, bits, rng) for _ in range(workers)
    }
    try:
        while True:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                pending.add(pool.submit(search_window, bits, rng))
                yield future.result()
    finally:
        for future in pending:
            future.cancel()


def search_window(bits: int, rng: Rng) -> list[int]:
    """Return the first safe prime of one random window, if it holds any."""
    for prime in _window(bits, rng=rng):
        return [prime]
    return []


def _window(bits: int, *, rng: Rng) -> Iterator[int]:
    """Yield the safe primes 2q + 1 of one random window of ``WINDOW_STEPS`` candidates q."""
    half = bits - 1
    start = (3 << (half - 2)) | random_bits(half - 2, rng=rng)
    start += (5 - start) % _STEP
    for place in _survivors(start, min(WINDOW_STEPS, 1 << max(4, half - 6))):
        q = gmpy2.mpz(start + _STEP * place)
        if q.bit_length() == half and _is_safe(q):
            yield int(2 * q + 1)


def _is_safe(q: gmpy2.mpz) -> bool:
    # One cheap test each weeds out nearly all; the full tests then run about once.
    p = 2 * q + 1
    if gmpy2.powmod(2, q - 1, q) != 1 or gmpy2.powmod(2, p - 1, p) != 1:
        return False
    return bool(gmpy2.is_prime(q, _MILLER_RABIN_ROUNDS) and gmpy2.is_prime(p, _MILLER_RABIN_ROUNDS))


def _survivors(start: int, steps: int) -> Iterator[int]:
    """Yield the places k for which start + 6k and its double plus one have no small factor."""
    alive = bytearray(b"\x01") * steps
    # A factor must be smaller than the candidates, or small test primes would strike themselves.
    limit = min(SIEVE_LIMIT, start)
    first = gmpy2.mpz(start)
    for prime, inverse in _sieve_primes():
        if prime >= limit:
            break
        root = -int(first % prime) * inverse
        # q = 0, and 2q + 1 = 0, i.e. q = (prime - 1)/2 mod prime
        for place in (root % prime, (root + (prime >> 1) * inverse) % prime):
            if place < steps:
                alive[place::prime] = bytes(len(range(place, steps, prime)))
    place = alive.find(1)
    while place >= 0:
        yield place
        place = alive.find(1, place + 1)


@lru_cache(maxsize=1)
def _sieve_primes() -> tuple[tuple[int, int], ...]:
    """Return (prime, inverse of 6) for the primes from 5 to the sieve's limit."""
    flags = bytearray(b"\x01") * SIEVE_LIMIT
    for value in range(2, int(SIEVE_LIMIT**0.5) + 1):
        if flags[value]:
            flags[value * value :: value] = bytes(len(range(value * value, SIEVE_LIMIT, value)))
    return tuple((p, pow(_STEP, -1, p)) for p in range(5, SIEVE_LIMIT) if flags[p])
