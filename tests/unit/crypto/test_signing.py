"""Ed25519 over labelled parts: RFC 8032's vectors, weak keys, and what must not verify.

Tests design.md 2.0.3.
"""

import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import InvalidInput, InvalidKey, SignatureError
from crypto.labels import Label, join
from crypto.rng import system_rng
from crypto.signing import SigningKey, VerifyKey

RFC8032 = {
    "test 1, empty": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    "test 2, one byte": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
}

WEAK_KEYS = {
    "identity": "01" + "00" * 31,
    "order 2": "ec" + "ff" * 30 + "7f",
    "order 4": "00" * 32,
    "order 4, other sign": "00" * 31 + "80",
    "order 8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "order 8, other": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "identity, sign bit set": "01" + "00" * 30 + "80",
    "y = p + 1": "ee" + "ff" * 30 + "7f",
    "y = p": "ed" + "ff" * 30 + "7f",
    "not on the curve": "02" + "00" * 31,
    "short": "00" * 31,
    "long": "00" * 33,
}


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate(rng=system_rng)


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"), RFC8032.values(), ids=RFC8032.keys()
)
def test_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.verify_key.to_bytes().hex() == public
    assert key.sign_raw(bytes.fromhex(message)).hex() == signature
    key.verify_key.verify_raw(bytes.fromhex(signature), bytes.fromhex(message))


def test_a_second_implementation_accepts(key: SigningKey) -> None:
    signature = key.sign(Label.TICKET, b"a", b"b")
    other = Ed25519PublicKey.from_public_bytes(key.verify_key.to_bytes())
    other.verify(signature, join(Label.TICKET, (b"a", b"b")))


@pytest.mark.parametrize("data", WEAK_KEYS.values(), ids=WEAK_KEYS.keys())
def test_weak_and_malformed_keys_are_refused(data: str) -> None:
    with pytest.raises(InvalidKey):
        VerifyKey(bytes.fromhex(data))


def test_a_key_of_mixed_order_is_refused(key: SigningKey) -> None:
    from Crypto.Signature import eddsa

    small = eddsa.import_public_key(bytes.fromhex(WEAK_KEYS["order 8"])).pointQ
    good = eddsa.import_public_key(key.verify_key.to_bytes()).pointQ
    x, y = (good + small).xy
    encoded = (int(y) | (int(x) & 1) << 255).to_bytes(32, "little")
    with pytest.raises(InvalidKey, match="prime order"):
        VerifyKey(encoded)


def test_only_the_same_label_and_parts_verify(key: SigningKey) -> None:
    signature = key.sign(Label.TICKET, b"ab", b"c")
    key.verify_key.verify(signature, Label.TICKET, b"ab", b"c")
    stranger = SigningKey.generate(rng=system_rng).verify_key
    for verify_key, label, parts in (
        (key.verify_key, Label.PERMIT, (b"ab", b"c")),
        (key.verify_key, Label.TICKET, (b"a", b"bc")),
        (key.verify_key, Label.TICKET, (b"abc",)),
        (key.verify_key, Label.TICKET, (b"ab", b"c", b"")),
        (stranger, Label.TICKET, (b"ab", b"c")),
    ):
        with pytest.raises(SignatureError):
            verify_key.verify(signature, label, *parts)


def test_s_is_below_the_order(key: SigningKey) -> None:
    signature = key.sign(Label.TICKET, b"x")
    order = (1 << 252) + 27742317777372353535851937790883648493
    s = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(SignatureError):
        key.verify_key.verify(signature[:32] + s.to_bytes(32, "little"), Label.TICKET, b"x")


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=80))
def test_arbitrary_bytes_are_no_signature(key: SigningKey, data: bytes) -> None:
    with pytest.raises(SignatureError):
        key.verify_key.verify(data, Label.TICKET, b"x")


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=40) | st.binary(min_size=32, max_size=32))
def test_arbitrary_bytes_are_a_canonical_key_or_none(data: bytes) -> None:
    try:
        key = VerifyKey(data)
    except InvalidKey:
        return
    assert key.to_bytes() == data


def test_secrets_do_not_print_pickle_or_survive_a_wipe() -> None:
    key = SigningKey(bytes(range(32)))
    assert bytes(range(32)).hex() not in repr(key) + str(key) + repr(vars(key.verify_key))
    with pytest.raises(TypeError):
        pickle.dumps(key)
    key.wipe()
    assert key.to_seed() == bytes(32)
    with pytest.raises(AttributeError):
        key.sign(Label.TICKET, b"x")


def test_a_seed_has_32_bytes() -> None:
    with pytest.raises(InvalidInput):
        SigningKey(bytes(31))


def test_key_id_is_short_and_equal_keys_are_equal(key: SigningKey) -> None:
    twin = VerifyKey(key.verify_key.to_bytes())
    assert twin == key.verify_key and hash(twin) == hash(key.verify_key)
    assert len(twin.key_id) == 16
