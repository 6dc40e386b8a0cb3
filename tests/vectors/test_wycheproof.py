"""Project Wycheproof's Ed25519 signatures and X25519 public keys, shown to what we put around them.

Where Wycheproof calls something "acceptable", an implementation may choose. Ours takes no key
outside the subgroup of prime order, and no X25519 key that is not canonical or of small order.

Tests design.md 3.2.
"""

import json
from pathlib import Path

import pytest

from crypto.errors import InvalidKey, SignatureError
from crypto.sealing import SealingPublicKey
from crypto.signing import VerifyKey

VECTORS = json.loads(Path(__file__).with_name("wycheproof.json").read_text())
SIGNATURES = [(pk, *test) for pk, tests in VECTORS["ed25519"].items() for test in tests]
REFUSED_KEYS = {"LowOrderPublic", "NonCanonicalPublic", "ZeroSharedSecret"}


@pytest.mark.parametrize(
    ("pk", "case", "flags", "result", "message", "signature"),
    SIGNATURES,
    ids=[f"{case[1]}-{case[2][0]}" for case in SIGNATURES],
)
def test_ed25519(
    pk: str, case: int, flags: list[str], result: str, message: str, signature: str
) -> None:
    data = bytes.fromhex(pk)
    if set(flags) & {"MixedOrderPublicKey", "SmallOrderPublicKey"}:
        with pytest.raises(InvalidKey):
            VerifyKey(data)
        return
    key = VerifyKey(data)
    if result == "valid":
        key.verify_raw(bytes.fromhex(signature), bytes.fromhex(message))
    else:
        with pytest.raises(SignatureError):
            key.verify_raw(bytes.fromhex(signature), bytes.fromhex(message))


def test_x25519_public_keys() -> None:
    refused = 0
    for case, flags, _, public in VECTORS["x25519_public"]:
        data = bytes.fromhex(public)
        if set(flags) & REFUSED_KEYS:
            refused += 1
            with pytest.raises(InvalidKey):
                SealingPublicKey(data)
        else:
            assert SealingPublicKey(data).to_bytes() == data, case
    assert refused > 40
