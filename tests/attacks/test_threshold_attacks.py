"""Attacks on opening: a shifted share, and ciphertexts that give the key away.

Tests design.md 2.6.3, 3.1.
"""

import math
from collections.abc import Mapping
from math import factorial

import pytest

from crypto import paillier, threshold
from crypto.errors import InvalidCiphertext, InvalidInput, ShareError
from crypto.rng import random_below, system_rng
from tests.support.smallkeys import SMALL_PRIMES, small

P, Q = SMALL_PRIMES[:2]
DEALT = small(2, 3)
JOINT, KEY = DEALT.joint, DEALT.joint.public
N, N2 = KEY.n, KEY.n2


class DamgardJurik:
    """The weakened scheme: threshold decryption of Damgård and Jurik 2001, proofs left out.

    d = 0 mod p'q' and 1 mod n, shared over Z_(n p'q'); a share is c^(2Δ s_i) mod n².
    """

    def __init__(self, holders: int) -> None:
        order = (P // 2) * (Q // 2)
        d = order * pow(order, -1, N)
        slope = random_below(N * order, rng=system_rng)
        self.delta = factorial(holders)
        self.secrets = {i: (d + slope * i) % (N * order) for i in range(1, holders + 1)}

    def share(self, index: int, ciphertext: int) -> int:
        return pow(ciphertext, 2 * self.delta * self.secrets[index], N2)

    def combine(self, shares: Mapping[int, int]) -> int:
        """Return the plaintext; refuses what does not decrypt, as a careful combiner would."""
        lifted = 1
        for i, value in shares.items():
            lifted = lifted * pow(value, 2 * threshold._lagrange(self.delta, i, shares), N2) % N2
        if lifted % N != 1:
            raise ShareError("not 1 mod n")
        return (lifted - 1) // N * pow(4 * self.delta**2, -1, N) % N


def test_a_shifted_share_moves_the_result_of_damgard_jurik_unnoticed() -> None:
    scheme = DamgardJurik(3)
    c = paillier.encrypt(KEY, 1000, rng=system_rng).ciphertext
    shares = {i: scheme.share(i, c) for i in (1, 2)}
    assert scheme.combine(shares) == 1000
    wanted = 777
    # the attacker knows its Lagrange coefficient, so it shifts by exactly what it wants
    weight = 2 * threshold._lagrange(scheme.delta, 2, shares)
    k = wanted * 4 * scheme.delta**2 * pow(weight, -1, N) % N
    shares[2] = shares[2] * (1 + k * N) % N2
    assert scheme.combine(shares) == 1000 + wanted


@pytest.mark.parametrize("k", [1, 2, 777, N - 1])
def test_a_shifted_share_is_the_same_share_or_refused_here(k: int) -> None:
    c = paillier.encrypt(KEY, 1000, rng=system_rng).ciphertext
    shares = {i: threshold.share(JOINT, DEALT.shares[i - 1], c) for i in (1, 2)}
    shifted = shares[2] * (1 + k * N) % N2
    assert shifted % N == shares[2]  # mod n there is nothing to shift
    with pytest.raises(ShareError) as caught:
        threshold.combine(JOINT, c, {1: shares[1], 2: shifted})
    assert caught.value.holder == 2
    with pytest.raises(InvalidInput):
        threshold.encode_share(JOINT, shifted)


def test_no_multiple_of_a_share_passes() -> None:
    c = paillier.encrypt(KEY, 1000, rng=system_rng).ciphertext
    shares = {i: threshold.share(JOINT, DEALT.shares[i - 1], c) for i in (1, 2)}
    for factor in (2, 3, KEY.h_s % N, 1 + c % N):
        moved = shares[2] * factor % N
        with pytest.raises(ShareError):
            threshold.combine(JOINT, c, {1: shares[1], 2: min(moved, N - moved)})


# --- ciphertexts that give the key away ---------------------------------------------------------


def unchecked_decrypt(ciphertext: int) -> int:
    """Paillier's decryption by the Chinese remainder theorem, as libraries compute it."""

    def half(prime: int, square: int) -> int:
        scale = pow(((pow(1 + N, prime - 1, square) - 1) // prime) % prime, -1, prime)
        return (pow(ciphertext, prime - 1, square) - 1) // prime * scale % prime

    mp, mq = half(P, P * P), half(Q, Q * Q)
    return (mp + P * ((mq - mp) * pow(P, -1, Q) % Q)) % N


def test_the_unchecked_decryptor_decrypts() -> None:
    assert unchecked_decrypt(paillier.encrypt(KEY, 4711, rng=system_rng).ciphertext) == 4711


@pytest.mark.parametrize("ciphertext", [0, N, 5 * N, (N - 3) * N])
def test_multiples_of_n_give_the_factors_away(ciphertext: int) -> None:
    """(0 − 1) // p is −1, so the answer m is 1/q mod p and 1/p mod q: m (p + q) = 1 mod n."""
    leaked = unchecked_decrypt(ciphertext)
    total = pow(leaked, -1, N)
    assert total in (P + Q, N - P - Q)
    total = min(total, N - total)
    difference = math.isqrt(total * total - 4 * N)
    assert {(total - difference) // 2, (total + difference) // 2} == {P, Q}


def test_a_multiple_of_one_prime_is_a_factor_already() -> None:
    assert math.gcd(P * 12345, N) == P


@pytest.mark.parametrize("ciphertext", [0, N, 5 * N, (N - 3) * N, P, N2, N2 + N])
def test_ours_refuses_them_before_any_secret_is_used(ciphertext: int) -> None:
    for share in DEALT.shares:
        with pytest.raises(InvalidCiphertext):
            threshold.share(JOINT, share, ciphertext)
        with pytest.raises(InvalidCiphertext):
            threshold.prove_share(JOINT, share, ciphertext, context=b"", rng=system_rng)
