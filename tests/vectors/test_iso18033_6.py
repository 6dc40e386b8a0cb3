"""ISO/IEC 18033-6 Paillier vectors, as published by intel/pailliercryptolib.

They fix randomisers x (a unit mod n, raised to n), where ours are powers of h_s; so encryption is
checked as (1 + m n) xⁿ, on the arithmetic that ours uses, and opening with the given primes.
"""

import json
from pathlib import Path
from typing import Any

import phe
import pytest

from crypto import paillier
from crypto.integers import public_pow, secret_pow
from crypto.paillier import PublicKey

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "iso18033-6"


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    path = SHARED / "paillier.json"
    if not path.exists():
        pytest.skip("the published vectors (shared/vectors/iso18033-6) are not beside the project")
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def numbers(entry: dict[str, str]) -> dict[str, int]:
    return {name: int(value, 16) for name, value in entry.items()}


def test_encryption(published: dict[str, Any]) -> None:
    n = int(published["n"], 16)
    for case in map(numbers, published["cases"]):
        for power in (
            public_pow(case["r"], n, n * n),
            secret_pow(case["r"], n, n * n, exponent_bits=n.bit_length()),
        ):
            assert (1 + case["m"] * n) * power % (n * n) == case["c"]


def test_our_encryption_with_the_published_randomiser_as_base(published: dict[str, Any]) -> None:
    """h_s = rⁿ and exponent 1 give the published ciphertext through our own functions."""
    n = int(published["n"], 16)
    for case in map(numbers, published["cases"]):
        key = PublicKey(n, public_pow(case["r"], n, n * n))
        assert paillier.encrypt_uniform_with(key, case["m"], 1) == case["c"]


def test_sum_and_decryption(published: dict[str, Any]) -> None:
    n, p, q = (int(published[name], 16) for name in ("n", "p", "q"))
    key = PublicKey(n, 4)
    total = numbers(published["sum"])
    assert paillier.product(key, [int(c["c"], 16) for c in published["cases"]]) == total["c"]
    private = phe.PaillierPrivateKey(paillier.as_phe(key), p, q)
    assert private.raw_decrypt(total["c"]) == total["m"]
