"""Sealing to a key and at rest: a second HPKE opens ours, and nothing else opens.

Tests design.md 2.6.12, 3.11.
"""

import hashlib
import hmac
import pickle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import InvalidInput, InvalidKey, OpenError
from crypto.labels import Label, join
from crypto.rng import system_rng
from crypto.sealing import (
    AtRestKey,
    SealingKey,
    SealingPublicKey,
    open_at_rest,
    seal_at_rest,
    unwrap_key,
    wrap_key,
)

SECRET = bytes(range(32))
_P = 2**255 - 19
WEAK_KEYS = {
    "zero": 0,
    "one": 1,
    "order 8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
    "order 8, other": (
        39382357235489614581723060781553021112529911719440698176882885853963445705823
    ),
    "p - 1": _P - 1,
    "p": _P,
    "p + 1": _P + 1,
    "highest bit set": 9 + 2**255,
}


@pytest.fixture(scope="module")
def key() -> SealingKey:
    return SealingKey.generate(rng=system_rng)


@pytest.fixture(scope="module")
def at_rest() -> AtRestKey:
    return AtRestKey.generate(rng=system_rng)


def rfc9180_open(secret: bytes, sealed: bytes, info: bytes, aad: bytes) -> bytes:
    """RFC 9180 again, from its text, on another library."""

    def extract(salt: bytes, suite: bytes, label: bytes, ikm: bytes) -> bytes:
        data = b"HPKE-v1" + suite + label + ikm
        return hmac.digest(salt or bytes(32), data, hashlib.sha256)

    def expand(prk: bytes, suite: bytes, label: bytes, context: bytes, size: int) -> bytes:
        data = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context + b"\1"
        return hmac.digest(prk, data, hashlib.sha256)[:size]

    private = X25519PrivateKey.from_private_bytes(secret)
    enc, kem = sealed[:32], b"KEM" + (0x20).to_bytes(2, "big")
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + private.public_key().public_bytes_raw()
    shared = expand(extract(b"", kem, b"eae_prk", shared), kem, b"shared_secret", context, 32)
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x20, 1, 2))
    context = (
        b"\0" + extract(b"", suite, b"psk_id_hash", b"") + extract(b"", suite, b"info_hash", info)
    )
    prk = extract(shared, suite, b"secret", b"")
    nonce = expand(prk, suite, b"base_nonce", context, 12)
    return AESGCM(expand(prk, suite, b"key", context, 32)).decrypt(nonce, sealed[32:], aad)


def test_a_second_implementation_opens_what_we_seal(key: SealingKey) -> None:
    sealed = key.public_key.seal(b"mask", label=Label.HOLDER_SEAL, aad_parts=[b"permit"])
    aad = join(Label.HOLDER_SEAL, (b"", b"permit"))
    info = join(Label.HOLDER_SEAL, ())
    assert rfc9180_open(key.to_bytes(), sealed, info, aad) == b"mask"
    assert key.open(sealed, label=Label.HOLDER_SEAL, aad_parts=[b"permit"]) == b"mask"


def test_padding_hides_the_length(key: SealingKey) -> None:
    def seal(text: bytes) -> bytes:
        return key.public_key.seal(text, label=Label.HOLDER_SEAL, pad_to=64)

    texts = [b"", b"\0", b"bit", b"\0" * 64]
    assert len({len(seal(text)) for text in texts}) == 1
    assert [key.open(seal(t), label=Label.HOLDER_SEAL, pad_to=64) for t in texts] == texts
    with pytest.raises(InvalidInput):
        seal(bytes(65))


OTHERWISE: dict[str, dict[str, Any]] = {
    "another label": {"label": Label.KEY_SHARE_SEAL},
    "another part": {"aad_parts": [b"permit 2"]},
    "parts split elsewhere": {"aad_parts": [b"per", b"mit"]},
    "no parts": {"aad_parts": []},
    "another padding": {"pad_to": 65},
    "no padding": {"pad_to": None},
}


@pytest.mark.parametrize("changed", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_opens_in_its_own_context_only(key: SealingKey, changed: dict[str, Any]) -> None:
    context: dict[str, Any] = {
        "label": Label.HOLDER_SEAL,
        "aad_parts": [b"permit"],
        "pad_to": 64,
    }
    sealed = key.public_key.seal(b"mask", **context)
    assert key.open(sealed, **context) == b"mask"
    with pytest.raises(OpenError):
        key.open(sealed, **(context | changed))
    with pytest.raises(OpenError):
        SealingKey.generate(rng=system_rng).open(sealed, **context)


def test_bad_padding_does_not_open(key: SealingKey) -> None:
    rule = (8).to_bytes(4, "big")
    for body in (
        (9).to_bytes(4, "big") + bytes(8),
        (1).to_bytes(4, "big") + b"a" + b"\1" + bytes(6),
        (1).to_bytes(4, "big") + b"a",
        b"",
    ):
        # Sealed without padding but in the context of a padded message, by whoever has the key.
        from Crypto.Protocol import HPKE

        receiver = key.public_key._key
        context = HPKE.new(
            receiver_key=receiver,
            aead_id=HPKE.AEAD.AES256_GCM,
            info=join(Label.HOLDER_SEAL, ()),
        )
        sealed = context.enc + context.seal(body, join(Label.HOLDER_SEAL, (rule,)))
        with pytest.raises(OpenError):
            key.open(sealed, label=Label.HOLDER_SEAL, pad_to=8)


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=120))
def test_arbitrary_bytes_do_not_open(key: SealingKey, at_rest: AtRestKey, data: bytes) -> None:
    with pytest.raises(OpenError):
        key.open(data, label=Label.HOLDER_SEAL)
    with pytest.raises(OpenError):
        open_at_rest(at_rest, data, aad=[])
    with pytest.raises(OpenError):
        unwrap_key(at_rest, data, aad=[])


@pytest.mark.parametrize("value", WEAK_KEYS.values(), ids=WEAK_KEYS.keys())
def test_weak_and_non_canonical_keys_are_refused(key: SealingKey, value: int) -> None:
    data = value.to_bytes(32, "little")
    with pytest.raises(InvalidKey):
        SealingPublicKey(data)
    with pytest.raises(OpenError):
        key.open(data + bytes(40), label=Label.HOLDER_SEAL)


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=40) | st.binary(min_size=32, max_size=32))
def test_arbitrary_bytes_are_a_canonical_key_or_none(data: bytes) -> None:
    try:
        key = SealingPublicKey(data)
    except InvalidKey:
        return
    assert key.to_bytes() == data


def test_at_rest(at_rest: AtRestKey) -> None:
    sealed = seal_at_rest(at_rest, b"evidence", aad=[b"authorization 7"], rng=system_rng)
    assert open_at_rest(at_rest, sealed, aad=[b"authorization 7"]) == b"evidence"
    assert sealed != seal_at_rest(at_rest, b"evidence", aad=[b"authorization 7"], rng=system_rng)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(OpenError):
            open_at_rest(at_rest, bytes(changed), aad=[b"authorization 7"])
    for aad in ([b"authorization 8"], [], [b"authorization", b" 7"]):
        with pytest.raises(OpenError):
            open_at_rest(at_rest, sealed, aad=aad)


def test_a_wrapped_key_opens_only_as_itself(at_rest: AtRestKey) -> None:
    data_key = AtRestKey.generate(rng=system_rng)
    wrapped = wrap_key(at_rest, data_key, aad=[b"7"], rng=system_rng)
    assert len(wrapped) == 60
    assert unwrap_key(at_rest, wrapped, aad=[b"7"]).secret_bytes() == data_key.secret_bytes()
    with pytest.raises(OpenError):
        unwrap_key(at_rest, wrapped, aad=[b"8"])
    with pytest.raises(OpenError):
        open_at_rest(at_rest, wrapped, aad=[b"7"])  # sealed data is not a wrapped key
    short = seal_at_rest(at_rest, bytes(31), aad=[b"7"], rng=system_rng, label=Label.DATA_KEY)
    with pytest.raises(OpenError):
        unwrap_key(at_rest, short, aad=[b"7"])


def test_destroying_the_data_key_is_the_erasure() -> None:
    data_key = AtRestKey.generate(rng=system_rng)
    sealed = seal_at_rest(data_key, b"name", aad=[], rng=system_rng)
    data_key.wipe()
    with pytest.raises(OpenError, match="destroyed"):
        open_at_rest(data_key, sealed, aad=[])


SECRETS: dict[str, Any] = {"sealing": SealingKey(SECRET), "at rest": AtRestKey(SECRET)}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_secrets_do_not_print_or_pickle(secret: Any) -> None:
    assert SECRET.hex() not in repr(secret) + str(secret)
    assert repr(SECRET) not in repr(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("make", [SealingKey, AtRestKey])
def test_keys_have_32_bytes(make: Any) -> None:
    with pytest.raises(InvalidInput):
        make(bytes(31))
