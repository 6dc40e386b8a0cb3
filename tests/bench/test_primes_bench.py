"""Safe primes for a modulus of 3072 bits.

The time of one search varies as widely as it lasts (its spread is about its mean), so both
sides are averaged over so many that the ratio is good to about a quarter."""

import time
from concurrent.futures import Executor
from typing import Any

from cryptography.hazmat.primitives.asymmetric import dh

from crypto.primes import safe_prime_pair
from crypto.rng import system_rng
from tests.bench.conftest import Ratios

ROUNDS = 32
OPENSSL_PRIMES = 24


def test_safe_prime_modulus(benchmark: Any, ratios: Ratios, two_processes: Executor) -> None:
    def run() -> None:
        safe_prime_pair(1536, rng=system_rng, pool=two_processes)

    benchmark.pedantic(run, rounds=ROUNDS)
    start = time.perf_counter()
    for _ in range(OPENSSL_PRIMES):
        dh.generate_parameters(generator=2, key_size=1536)
    theirs = 2 * (time.perf_counter() - start) / OPENSSL_PRIMES
    ratios.add(
        "safe-prime modulus, 3072 bits, two processes",
        float(benchmark.stats.stats.mean),
        "OpenSSL, two primes one after the other",
        theirs,
        3,
        f"means of {ROUNDS} and of {OPENSSL_PRIMES} primes",
    )
