"""The transcripts in psi.json, verified by a second program: RFC 9496 and RFC 9497 in plain
integers, sharing nothing with the project; then replayed against the project's own code.

Tests design.md 11.5.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from crypto import oprf, psi
from crypto.errors import CryptoError

DOCUMENT = json.loads(Path(__file__).with_name("psi.json").read_text())
SESSION = bytes.fromhex(DOCUMENT["session"])
THEIRS = [item.encode() for item in DOCUMENT["sender"]]
OURS = [item.encode() for item in DOCUMENT["receiver"]]
VERIFIABLE = DOCUMENT["intersections"][1]

# --- ristretto255 in extended coordinates (RFC 9496, section 4) ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
I = pow(2, (P - 1) // 4, P)  # noqa: E741
Point = tuple[int, int, int, int]
ZERO: Point = (0, 1, 1, 0)


def sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    if check in (-u % P, -u * I % P):
        r = r * I % P
    return check in (u % P, -u % P), even(r)


def even(x: int) -> int:
    return x % P if x % P % 2 == 0 else -x % P


INVSQRT_A_MINUS_D = even(sqrt_ratio(1, (-1 - D) % P)[1])
SQRT_AD_MINUS_ONE = P - even(sqrt_ratio((-D - 1) % P, 1)[1])  # the RFC picks the odd root


def decode(data: bytes) -> Point:
    s = int.from_bytes(data, "little")
    if len(data) != 32 or s >= P or s & 1:
        raise ValueError("not canonical")
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-(D * u1 * u1) - u2 * u2) % P
    square, inverse = sqrt_ratio(1, v * u2 * u2 % P)
    inverse = even(inverse)
    den_x = inverse * u2 % P
    den_y = inverse * den_x * v % P
    x, y = even(2 * s * den_x), u1 * den_y % P
    if not square or x * y % P & 1 or y == 0:
        raise ValueError("not on the curve")
    return x, y, 1, x * y % P


def encode(point: Point) -> bytes:
    x0, y0, z0, t0 = point
    u1, u2 = (z0 + y0) * (z0 - y0) % P, x0 * y0 % P
    inverse = even(sqrt_ratio(1, u1 * u2 * u2 % P)[1])
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inverse = den1 * den2 * t0 % P
    if t0 * z_inverse % P & 1:
        x, y, den = y0 * I % P, x0 * I % P, den1 * INVSQRT_A_MINUS_D % P
    else:
        x, y, den = x0, y0, den2
    if x * z_inverse % P & 1:
        y = -y % P
    return even(den * (z0 - y)).to_bytes(32, "little")


def add(a: Point, b: Point) -> Point:
    aa, bb = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * D * a[3] * b[3], 2 * a[2] * b[2]
    e, f, g, h = bb - aa, d - c, d + c, bb + aa
    return e * f % P, g * h % P, f * g % P, e * h % P


def mul(k: int, point: Point) -> Point:
    total = ZERO
    for bit in bin(k % L)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def one_way(half: bytes) -> Point:
    t = int.from_bytes(half, "little") % 2**255 % P
    r = I * t * t % P
    u, v = (r + 1) * (1 - D * D) % P, (-1 - r * D) * (r + D) % P
    square, s = sqrt_ratio(u, v)
    s = even(s) if square else -even(s * t) % P
    c = -1 if square else r
    n = (c * (r - 1) * (D - 1) * (D - 1) - v) % P
    w0, w1 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P
    w2, w3 = (1 - s * s) % P, (1 + s * s) % P
    return w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P


BASE = decode(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))

# --- OPRF (RFC 9497) and tags ---


def expand(message: bytes, dst: bytes) -> bytes:
    tag = dst + bytes([len(dst)])
    b0 = hashlib.sha512(bytes(128) + message + b"\0\x40\0" + tag).digest()
    return hashlib.sha512(b0 + b"\1" + tag).digest()


def context(mode: int) -> bytes:
    return b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


def h1(item: bytes, mode: int) -> Point:
    uniform = expand(item, b"HashToGroup-" + context(mode))
    return add(one_way(uniform[:32]), one_way(uniform[32:]))


def to_scalar(message: bytes) -> int:
    return int.from_bytes(expand(message, b"HashToScalar-" + context(1)), "little") % L


def pre(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def prf(key: int, item: bytes, mode: int) -> bytes:
    issued = encode(mul(key, h1(item, mode)))
    return hashlib.sha512(pre(item) + pre(issued) + b"Finalize").digest()


def tag(label: bytes, mode: int, value: bytes) -> bytes:
    parts = (label, context(mode), SESSION, value)
    return hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts)).digest()[:16]


def split(text: str, size: int) -> list[bytes]:
    data = bytes.fromhex(text)
    return [data[at : at + size] for at in range(0, len(data), size)]


def proof_holds(public: bytes, blinded: list[bytes], reply: bytes) -> bool:
    """RFC 9497, section 2.2.2, composites written out with two sums."""
    if len(reply) != 32 * len(blinded) + 64:
        return False
    evaluated = [reply[at : at + 32] for at in range(0, len(reply) - 64, 32)]
    c, s = (int.from_bytes(part, "little") for part in (reply[-64:-32], reply[-32:]))
    seed = hashlib.sha512(pre(public) + pre(b"Seed-" + context(1))).digest()
    m = z = ZERO
    for index, (left, right) in enumerate(zip(blinded, evaluated, strict=True)):
        weight = to_scalar(
            pre(seed) + index.to_bytes(2, "big") + pre(left) + pre(right) + b"Composite"
        )
        m, z = add(m, mul(weight, decode(left))), add(z, mul(weight, decode(right)))
    t2 = add(mul(s, BASE), mul(c, decode(public)))
    t3 = add(mul(s, m), mul(c, z))
    parts = (public, *map(encode, (m, z, t2, t3)))
    return max(c, s) < L and to_scalar(b"".join(map(pre, parts)) + b"Challenge") == c


def accepts(vector: dict[str, Any], reply: bytes) -> bool:
    if bytes(32) in [reply[at : at + 32] for at in range(0, len(reply), 32)]:
        return False
    try:
        return proof_holds(bytes.fromhex(vector["public"]), split(vector["request"], 32), reply)
    except ValueError:
        return False


@pytest.mark.parametrize("vector", DOCUMENT["intersections"], ids=["OPRF", "VOPRF"])
def test_the_second_program_agrees_on_the_intersection(vector: dict[str, Any]) -> None:
    mode, key = vector["mode"], int.from_bytes(bytes.fromhex(vector["key"]), "little")
    label = b"hedui/psi/tag/v1"
    tags = sorted(tag(label, mode, prf(key, item, mode)) for item in THEIRS)
    assert split(vector["tags"], 16) == tags
    assert vector["public"] == encode(mul(key, BASE)).hex()

    requested, replied = split(vector["request"], 32), split(vector["reply"], 32)
    for item, blind, left, right in zip(
        OURS, vector["blinds"], requested, replied[: len(OURS)], strict=True
    ):
        b = int.from_bytes(bytes.fromhex(blind), "little")
        assert encode(mul(b, h1(item, mode))) == left
        assert encode(mul(key, decode(left))) == right
        unblinded = encode(mul(pow(b, -1, L), decode(right)))
        output = hashlib.sha512(pre(item) + pre(unblinded) + b"Finalize").digest()
        assert (tag(label, mode, output) in tags) == (item.decode() in vector["intersection"])
    assert set(vector["intersection"]) == set(DOCUMENT["sender"]) & set(DOCUMENT["receiver"])


def test_the_second_program_accepts_the_proof_and_no_bad_reply() -> None:
    assert accepts(VERIFIABLE, bytes.fromhex(VERIFIABLE["reply"]))
    assert len(DOCUMENT["bad_replies"]) == 8
    for reply in DOCUMENT["bad_replies"].values():
        assert not accepts(VERIFIABLE, bytes.fromhex(reply))


def test_the_second_program_agrees_on_the_cardinality() -> None:
    vector = DOCUMENT["cardinality"]
    key, mask = (int.from_bytes(bytes.fromhex(vector[name]), "little") for name in ("key", "mask"))
    label = b"hedui/psi/cardinality-tag/v1"
    tags = sorted(tag(label, 0, encode(mul(key, h1(item, 0)))) for item in THEIRS)
    assert split(vector["tags"], 16) == tags
    requested = split(vector["request"], 32)
    assert requested == [encode(mul(mask, h1(item, 0))) for item in OURS]
    replied = split(vector["reply"], 32)
    assert sorted(replied) == sorted(encode(mul(key, decode(data))) for data in requested)
    issued = [encode(mul(pow(mask, -1, L), decode(data))) for data in replied]
    assert sum(tag(label, 0, value) in tags for value in issued) == vector["count"] == 3


@pytest.mark.parametrize(
    "reply", DOCUMENT["bad_replies"].values(), ids=DOCUMENT["bad_replies"].keys()
)
def test_the_project_refuses_every_bad_reply(reply: str) -> None:
    suite = oprf.suite()
    public = oprf.PublicKey(suite, bytes.fromhex(VERIFIABLE["public"]))
    scalars = [bytes.fromhex(blind) for blind in VERIFIABLE["blinds"]]
    blinds, elements = oprf.blind_with(suite, OURS, scalars)
    assert b"".join(elements).hex() == VERIFIABLE["request"]
    tags = psi.Tags()
    tags.add(bytes.fromhex(VERIFIABLE["tags"]))
    with pytest.raises(CryptoError):
        psi.intersect(public, SESSION, tags, blinds, bytes.fromhex(reply))
    good = psi.intersect(public, SESSION, tags, blinds, bytes.fromhex(VERIFIABLE["reply"]))
    assert [item.decode() for item in good] == VERIFIABLE["intersection"]
