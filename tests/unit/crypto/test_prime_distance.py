"""Attack: primes that lie close together let anybody factor the key by Fermat's method.

Tests design.md 2.1.6.
"""

import pytest

from crypto.primes import safe_prime_pair
from crypto.rng import system_rng

BITS = 256


@pytest.mark.parametrize("_turn", range(3))
def test_primes_of_a_pair_lie_far_apart(_turn: int) -> None:
    """FIPS 186-5, A.1.3: |p - q| > 2^(bits - 100); independent windows miss it by chance 2^-98."""
    p, q = safe_prime_pair(BITS, rng=system_rng)
    assert abs(p - q) > 1 << (BITS - 100)
