"""Hedui's own vectors, verified without crypto/: formulas from the ADRs, hashlib, libsodium.

``python tests/vectors/write_paillier_vectors.py`` wrote them. The last tests show the same file to
crypto/, so that neither side can change alone.

Tests design.md 2.4.6, 2.5.1, 2.6.3, 2.6.4, 3.1.
"""

import hashlib
import json
from math import gcd
from pathlib import Path
from typing import Any

import pytest
import rbcl

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("paillier.json").read_text())
KEY = VECTORS["key"]
P, Q = int(KEY["p"], 16), int(KEY["q"], 16)
N = P * Q
N2 = N * N
WIDTH = N.bit_length() // 8
PUBLIC = bytes.fromhex(KEY["public"])
JOINT = bytes.fromhex(KEY["joint"])
H_S = int.from_bytes(PUBLIC[2 + WIDTH :], "big")
T, HOLDERS = JOINT[0], JOINT[1]
DELTA = 6


def labelled(label: str, *parts: bytes) -> bytes:
    every = (label.encode(), *parts)
    return hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in every)).digest()


def number(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text), "big")


def is_ciphertext(data: bytes) -> bool:
    value = int.from_bytes(data, "big")
    return len(data) == 2 * WIDTH and 0 < value < N2 and gcd(value, N) == 1


# --- keys and openings ------------------------------------------------------------------------


def test_key_bytes() -> None:
    assert PUBLIC[:2] == N.bit_length().to_bytes(2, "big")
    assert int.from_bytes(PUBLIC[2 : 2 + WIDTH], "big") == N
    assert labelled("hedui/paillier-key/v1", PUBLIC).hex() == KEY["public_fingerprint"]
    assert labelled("hedui/paillier-key/v1", JOINT).hex() == KEY["joint_fingerprint"]
    assert JOINT[2 : 2 + len(PUBLIC)] == PUBLIC
    order = (P // 2) * (Q // 2)
    assert pow(H_S, 2 * order, N2) == 1
    assert pow(H_S, order, N2) == N2 - 1


def elements() -> list[int]:
    body = JOINT[2 + len(PUBLIC) :]
    return [int.from_bytes(body[at : at + WIDTH], "big") for at in range(0, len(body), WIDTH)]


def secret(index: int) -> int:
    data = bytes.fromhex(KEY["shares"][index - 1])
    assert data[0] == index
    assert data[1:33].hex() == KEY["joint_fingerprint"]
    return int.from_bytes(data[33:], "big")


def test_shares_lie_on_a_line_through_the_root_exponent() -> None:
    order = (P // 2) * (Q // 2)
    d = pow(N, -1, order)
    slope = (secret(1) - d) % order
    base, *checks = elements()
    for index in range(1, HOLDERS + 1):
        assert secret(index) == (d + slope * index) % order
        assert pow(base, secret(index), N) == checks[index - 1]


@pytest.mark.parametrize("case", VECTORS["openings"])
def test_openings(case: dict[str, Any]) -> None:
    m, r, root = (int(case[name], 16) for name in ("plaintext", "r", "root"))
    c = number(case["ciphertext"])
    assert c == (1 + m * N) * pow(H_S, r, N2) % N2 == (1 + m * N) * pow(root, N, N2) % N2
    for index, share in enumerate(map(number, case["shares"]), start=1):
        power = pow(c % N, 2 * DELTA * secret(index), N)
        assert share == min(power, N - power)
        assert len(case["shares"][index - 1]) == 2 * WIDTH


@pytest.mark.parametrize("case", VECTORS["openings"])
def test_share_proofs(case: dict[str, Any]) -> None:
    given = case["share_proof"]
    index, ciphertext = given["holder"], bytes.fromhex(case["ciphertext"])
    share = number(case["shares"][index - 1])
    x4d = pow(int.from_bytes(ciphertext, "big") % N, 4 * DELTA, N)
    base, *checks = elements()

    def holds(proof: bytes) -> bool:
        e, z = int.from_bytes(proof[:16], "big"), int.from_bytes(proof[16:], "big")
        first = pow(base, z, N) * pow(checks[index - 1], -e, N) % N
        second = pow(x4d, z, N) * pow(share * share, -e, N) % N
        hashed = labelled(
            "hedui/proof/share/v1",
            bytes.fromhex(KEY["joint_fingerprint"]),
            bytes.fromhex(given["context"]),
            bytes((index,)),
            ciphertext,
            *(v.to_bytes(WIDTH, "big") for v in (share, first, second)),
        )
        return hashed[:16] == proof[:16]

    assert holds(bytes.fromhex(given["proof"]))
    assert not any(holds(bytes.fromhex(bad)) for bad in given["bad"])


def test_refused_ciphertexts() -> None:
    for what, data in VECTORS["refused_ciphertexts"].items():
        assert not is_ciphertext(bytes.fromhex(data)), what


# --- proofs of plaintext knowledge --------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["proofs"], ids=lambda case: str(case["kind"]))
def test_plaintext_knowledge(case: dict[str, Any]) -> None:
    c, bits = number(case["ciphertext"]), N.bit_length()
    response = (bits // 2 if case["kind"] == "answer" else bits + 128) + 256

    def holds(proof: bytes) -> bool:
        if len(proof) != 16 + WIDTH + response // 8:
            return False
        e = int.from_bytes(proof[:16], "big")
        z_m = int.from_bytes(proof[16 : 16 + WIDTH], "big")
        z_r = int.from_bytes(proof[16 + WIDTH :], "big")
        commitment = (1 + z_m * N) * pow(H_S, z_r, N2) * pow(c, -e, N2) % N2
        hashed = labelled(
            "hedui/proof/plaintext-knowledge/v1",
            case["kind"].encode(),
            bytes.fromhex(KEY["public_fingerprint"]),
            bytes.fromhex(case["context"]),
            c.to_bytes(2 * WIDTH, "big"),
            commitment.to_bytes(2 * WIDTH, "big"),
        )
        return z_m < N and hashed[:16] == proof[:16]

    assert holds(bytes.fromhex(case["proof"]))
    assert not any(holds(bytes.fromhex(bad)) for bad in case["bad"])


# --- packing ----------------------------------------------------------------------------------


def test_packing() -> None:
    case = VECTORS["packing"]
    ell, slots = case["value_bits"], case["slots"]
    place = [1 << ((ell + 42) * j) for j in range(slots)]
    masks = [int(r, 16) for r in case["masks"]]
    answer = sum(y * at for y, at in zip(case["values"], place, strict=True)) % N
    offsets = [(1 << ell) - t - 1 + r for t, r in zip(case["limits"], masks, strict=True)]
    mask = sum(y * at for y, at in zip(offsets, place, strict=True)) % N
    opened = (answer + mask) % N
    assert [hex(answer), hex(mask), hex(opened)] == [case[k] for k in ("answer", "mask", "opened")]
    for j, (x, limit, r) in enumerate(zip(case["values"], case["limits"], masks, strict=True)):
        d = (opened // place[j]) % (1 << (ell + 42)) - r
        assert (0 <= d < 1 << (ell + 1), d >> ell) == (True, int(x > limit))


# --- comparison -------------------------------------------------------------------------------

ORDER = (1 << 252) + 27742317777372353535851937790883648493
ZERO = bytes(32)
DST = b"hedui-bit-proof-v1"


def scalar(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "little")


def times(value: int, element: bytes) -> bytes:
    if value % ORDER == 0 or element == ZERO:
        return ZERO
    return bytes(rbcl.crypto_scalarmult_ristretto255(scalar(value), element))


def base(value: int) -> bytes:
    if value % ORDER == 0:
        return ZERO
    return bytes(rbcl.crypto_scalarmult_ristretto255_base(scalar(value)))


def plus(*terms: bytes) -> bytes:
    total = ZERO
    for term in terms:
        total = bytes(rbcl.crypto_core_ristretto255_add(total, term))
    return total


def uniform(message: bytes) -> bytes:
    """expand_message_xmd with SHA-512 for 64 bytes: RFC 9380, section 5.3.1."""
    tail = DST + bytes((len(DST),))
    first = hashlib.sha512(bytes(128) + message + b"\0\x40\0" + tail).digest()
    return hashlib.sha512(first + b"\x01" + tail).digest()


def cut(data: bytes, width: int = 32) -> list[bytes]:
    return [data[at : at + width] for at in range(0, len(data), width)]


class Transcript:
    def __init__(self, *parts: bytes) -> None:
        self.state = labelled("hedui/proof/bit/v1", *parts)

    def challenge(self, *parts: bytes) -> int:
        self.state = labelled("hedui/proof/bit/v1", self.state, *parts)
        return int.from_bytes(uniform(self.state), "little") % ORDER


def bits_hold(request: bytes, ell: int, count: int, context: bytes) -> bool:
    """ADR 0011, equation by equation."""
    parts = cut(request)
    public, pairs, rest = parts[0], parts[1 : 1 + 2 * count], parts[1 + 2 * count :]
    firsts, seconds = pairs[::2], pairs[1::2]
    commits, raw = rest[:count], rest[count : 2 * count]
    responses = [int.from_bytes(f, "little") for f in raw]
    key_commit, c1, c0, *scalars = rest[2 * count :]
    v, z = (int.from_bytes(s, "little") for s in scalars)
    second_base = bytes(rbcl.crypto_core_ristretto255_from_hash(uniform(b"second base")))
    hashed = Transcript(
        context, ell.to_bytes(4, "big"), public, b"".join(firsts), b"".join(seconds)
    )
    weight, x = hashed.challenge(key_commit, *commits), hashed.challenge(c1, c0)
    above = [0 if (i + 1) % ell == 0 else responses[i + 1] for i in range(count)]
    f = [here - 2 * up for here, up in zip(responses, above, strict=True)]
    q = sum(pow(weight, i + 1, ORDER) * v * (x - v) for i, v in enumerate(f))
    if plus(times(x, c1), c0) != plus(base(q), times(z, second_base)):
        return False
    if base(v) != plus(times(x, public), key_commit):
        return False
    return all(
        plus(times(here, public), times(v, r)) == plus(times(x, s), d)
        for here, r, s, d in zip(responses, firsts, seconds, commits, strict=True)
    )


def test_comparison() -> None:
    case = VECTORS["comparison"]
    ell, masked, masks = case["value_bits"], case["masked"], case["masks"]
    request, reply = bytes.fromhex(case["request"]), bytes.fromhex(case["reply"])
    y = int.from_bytes(bytes.fromhex(case["secret"]), "little")
    pairs = cut(request)[1 : 1 + 2 * ell * len(masked)]
    assert base(y) == request[:32]
    for at, z in enumerate(masked):
        for i in range(ell):
            first, second = pairs[2 * (at * ell + i) :][:2]
            prefix = (z % (1 << ell)) >> i
            assert second == times(y, plus(first, base(prefix)))
    terms = cut(reply, 48)
    for at, (z, r) in enumerate(zip(masked, masks, strict=True)):
        zeros = 0
        for term in terms[at * (ell + 1) : (at + 1) * (ell + 1)]:
            tag = labelled("hedui/comparison-term/v1", times(y, term[:32]))[:16]
            zeros += tag == term[32:]
        coin = case["flips"][at] ^ (r >> ell & 1)
        assert zeros == (int(z % (1 << ell) < r % (1 << ell)) ^ coin)
        assert case["blinded"][at] == (z >> ell & 1) ^ zeros
        assert case["bits"][at] == case["blinded"][at] ^ case["flips"][at] == (z - r) >> ell


def test_bit_proof() -> None:
    case = VECTORS["comparison"]
    ell, context = case["value_bits"], bytes.fromhex(case["context"])
    count = ell * len(case["masked"])
    assert bits_hold(bytes.fromhex(case["request"]), ell, count, context)
    assert not bits_hold(bytes.fromhex(case["request"]), ell, count, b"another permit")
    for what, bad in case["bad_requests"].items():
        assert not bits_hold(bytes.fromhex(bad), ell, count, context), what


# --- the same file, shown to crypto/ ------------------------------------------------------------


def test_crypto_takes_the_good_and_refuses_the_bad() -> None:
    from crypto import comparison, knowledge, paillier, threshold
    from crypto.errors import InvalidInput, ProofError
    from crypto.packing import Layout, unpack_masked
    from crypto.rng import system_rng

    joint = threshold.JointKey.from_bytes(JOINT, minimum_bits=512)
    key = joint.public
    for case in VECTORS["openings"]:
        c = paillier.decode_ciphertext(key, bytes.fromhex(case["ciphertext"]))
        shares = [threshold.decode_share(joint, bytes.fromhex(s)) for s in case["shares"]]
        opened = threshold.combine(joint, c, {2: shares[1], 3: shares[2]})
        assert (hex(opened.plaintext), hex(opened.root)) == (case["plaintext"], case["root"])
        given = case["share_proof"]
        index, context = given["holder"], bytes.fromhex(given["context"])
        proved = (joint, index, c, shares[index - 1])
        threshold.verify_share(*proved, bytes.fromhex(given["proof"]), context=context)
        for bad in given["bad"]:
            with pytest.raises(ProofError):
                threshold.verify_share(*proved, bytes.fromhex(bad), context=context)
    for case in VECTORS["proofs"]:
        verify = knowledge.verify if case["kind"] == "answer" else knowledge.verify_mask
        c, context = number(case["ciphertext"]), bytes.fromhex(case["context"])
        verify(key, c, bytes.fromhex(case["proof"]), context=context)
        for bad in case["bad"]:
            with pytest.raises(ProofError):
                verify(key, c, bytes.fromhex(bad), context=context)
    for data in VECTORS["refused_ciphertexts"].values():
        with pytest.raises(InvalidInput):
            paillier.decode_ciphertext(key, bytes.fromhex(data))
    layout = Layout(VECTORS["packing"]["value_bits"], VECTORS["packing"]["slots"])
    for data in VECTORS["packing"]["refused"].values():
        with pytest.raises(InvalidInput):
            unpack_masked(key, layout, int(data, 16))
    case = VECTORS["comparison"]
    agreed = comparison.Comparison(
        Layout(case["value_bits"], len(case["masks"])), bytes.fromhex(case["context"])
    )
    comparison.masker_respond(agreed, case["masks"], bytes.fromhex(case["request"]), rng=system_rng)
    for bad in case["bad_requests"].values():
        with pytest.raises(ProofError):
            comparison.masker_respond(agreed, case["masks"], bytes.fromhex(bad), rng=system_rng)


def test_the_vectors_are_of_the_size_that_they_claim() -> None:
    assert (T, HOLDERS) == (2, 3)
    assert N.bit_length() == 512
