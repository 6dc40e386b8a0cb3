"""NIST P-256 with compressed encodings, for the OPRF's second suite.

Source: RFC 9380, sections 6.6.2 (simplified SWU), 8.2 (P256_XMD:SHA-256_SSWU_RO_); RFC 9497,
section 4.3 (encodings: 33 and 32 bytes, big-endian; scalars hashed with 48 bytes each).
Trusts: pycryptodome's curve (C, blinded multiplication). Learns: nobody, here.
Not protected: time. Scalar arithmetic and the map to the curve are Python integers: whoever can
time them closely may learn about inputs. The default suite does not have this.

``crypto.oprf`` calls it for the suite P256-SHA256. A federation file may name that suite for a PRF
key; the ceremony deals ristretto255 alone until a federation is bound to standardised curves. A
national suite will stand beside it in ``oprf``, with another curve of the same shape.
"""

from collections.abc import Sequence
from typing import Final

from Crypto.PublicKey.ECC import EccPoint  # type: ignore[attr-defined] # documented there

from crypto.errors import InvalidElement, InvalidInput
from crypto.rng import Rng, random_below
from crypto.xmd import expand_message_xmd

_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_A: Final = _P - 3
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_Z: Final = _P - 10
_HASH_BYTES: Final = 48

_GENERATOR: Final = bytes.fromhex(
    "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
)


class NistP256:
    """The group of P-256; elements of 33 bytes (SEC 1, compressed), scalars of 32."""

    name: Final = "P-256"
    order: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    element_bytes: Final = 33
    scalar_bytes: Final = 32
    identity: Final = bytes(33)
    """Not an encoding of SEC 1: a value inside, never accepted by ``decode_element``."""
    generator: Final = _GENERATOR

    def decode_element(self, data: bytes) -> bytes:
        """Return ``data`` if it is a compressed point. Raises InvalidElement."""
        _decompress(data)
        return data

    def decode_scalar(self, data: bytes) -> bytes:
        """Return ``data`` if it is 32 bytes, big-endian, below the order; else InvalidInput."""
        if type(data) is not bytes or len(data) != self.scalar_bytes:
            raise InvalidInput("a scalar of P-256 is 32 bytes")
        if int.from_bytes(data, "big") >= self.order:
            raise InvalidInput("a scalar of P-256 is below the order of the group")
        return data

    def scalar_from_int(self, value: int) -> bytes:
        """Return ``value`` mod the order as a scalar."""
        return (value % self.order).to_bytes(32, "big")

    def random_scalar(self, *, rng: Rng) -> bytes:
        """Return a uniform scalar other than zero."""
        return self.scalar_from_int(1 + random_below(self.order - 1, rng=rng))

    def random_scalars(self, count: int, *, rng: Rng) -> list[bytes]:
        """Return ``count`` uniform scalars other than zero."""
        return [self.random_scalar(rng=rng) for _ in range(count)]

    def hash_to_group(self, message: bytes, dst: bytes) -> bytes:
        """hash_to_curve of RFC 9380, section 3: the sum of two mapped field elements."""
        uniform = expand_message_xmd(message, dst, 2 * _HASH_BYTES, hash_name="sha256")
        u = [int.from_bytes(uniform[at : at + _HASH_BYTES], "big") % _P for at in (0, _HASH_BYTES)]
        return _compress(_map_to_curve(u[0]) + _map_to_curve(u[1]))

    def hash_to_group_each(self, messages: Sequence[bytes], dst: bytes) -> list[bytes]:
        """``hash_to_group`` of each."""
        return [self.hash_to_group(message, dst) for message in messages]

    def hash_to_scalar(self, message: bytes, dst: bytes) -> bytes:
        """hash_to_field modulo the order. RFC 9497, section 4.3."""
        uniform = expand_message_xmd(message, dst, _HASH_BYTES, hash_name="sha256")
        return self.scalar_from_int(int.from_bytes(uniform, "big"))

    def scalar_add(self, a: bytes, b: bytes) -> bytes:
        """Return a + b mod the order."""
        return self.scalar_from_int(_int(a) + _int(b))

    def scalar_sub(self, a: bytes, b: bytes) -> bytes:
        """Return a - b mod the order."""
        return self.scalar_from_int(_int(a) - _int(b))

    def scalar_mul(self, a: bytes, b: bytes) -> bytes:
        """Return a·b mod the order."""
        return self.scalar_from_int(_int(a) * _int(b))

    def scalar_invert(self, a: bytes) -> bytes:
        """Return a⁻¹ mod the order. Raises InvalidInput for zero."""
        if not any(a):
            raise InvalidInput("zero has no inverse")
        return self.scalar_from_int(pow(_int(a), -1, self.order))

    def scalar_invert_each(self, scalars: Sequence[bytes]) -> list[bytes]:
        """Return the inverse of each."""
        return [self.scalar_invert(scalar) for scalar in scalars]

    def add(self, a: bytes, b: bytes) -> bytes:
        """Return a + b."""
        return _compress(_point(a) + _point(b))

    def sub(self, a: bytes, b: bytes) -> bytes:
        """Return a - b."""
        return _compress(_point(a) + -_point(b))

    def sum(self, elements: Sequence[bytes]) -> bytes:
        """Return the sum of all elements; of none, the identity."""
        total = _point(self.identity)
        for element in elements:
            total += _point(element)
        return _compress(total)

    def mul(self, scalar: bytes, element: bytes) -> bytes:
        """Return scalar·element."""
        return _compress(_point(element) * _int(scalar))

    def mul_base(self, scalar: bytes) -> bytes:
        """Return scalar·G."""
        return self.mul(scalar, self.generator)

    def mul_all(self, scalar: bytes, elements: Sequence[bytes]) -> list[bytes]:
        """Return scalar·element for each."""
        return [self.mul(scalar, element) for element in elements]

    def mul_each(self, scalars: Sequence[bytes], elements: Sequence[bytes]) -> list[bytes]:
        """Return scalar·element for each pair; as many scalars as elements."""
        if len(scalars) != len(elements):
            raise InvalidInput(f"{len(scalars)} scalars for {len(elements)} elements")
        return [self.mul(s, e) for s, e in zip(scalars, elements, strict=True)]

    def decode_mul_all(self, scalar: bytes, data: Sequence[bytes]) -> list[bytes]:
        """``mul_all`` of what arrived; InvalidElement for the identity and for bad encodings."""
        return self.decode_mul_each([scalar] * len(data), data)

    def decode_mul_each(self, scalars: Sequence[bytes], data: Sequence[bytes]) -> list[bytes]:
        """``mul_each`` of what arrived; refuses as ``decode_mul_all`` does."""
        if len(scalars) != len(data):
            raise InvalidInput(f"{len(scalars)} scalars for {len(data)} elements")
        points = [_decompress(element) for element in data]
        return [_compress(p * _int(s)) for s, p in zip(scalars, points, strict=True)]


P256: Final = NistP256()


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _point(data: bytes) -> EccPoint:
    if data == NistP256.identity:
        return EccPoint(0, 0, "p256")
    return _decompress(data)


def _decompress(data: bytes) -> EccPoint:
    if type(data) is not bytes or len(data) != 33 or data[0] not in (2, 3):
        raise InvalidElement("an element of P-256 is 33 bytes and begins with 2 or 3")
    x = _int(data[1:])
    square = _curve(x)
    y = _root(square)
    if x >= _P or y * y % _P != square:
        raise InvalidElement("not the encoding of a point of P-256")
    return EccPoint(x, y if y & 1 == data[0] & 1 else _P - y, "p256")


def _compress(point: EccPoint) -> bytes:
    if point.is_point_at_infinity():
        return NistP256.identity
    x, y = map(int, point.xy)
    return bytes([2 + (y & 1)]) + x.to_bytes(32, "big")


def _curve(x: int) -> int:
    return (x * x * x + _A * x + _B) % _P


def _root(square: int) -> int:
    # p ≡ 3 mod 4; the caller checks that a root exists.
    return pow(square, (_P + 1) // 4, _P)


def _map_to_curve(u: int) -> EccPoint:
    """Simplified SWU for a·b ≠ 0, RFC 9380, section 6.6.2, with Z = -10."""
    zu2 = _Z * u * u % _P
    tv = (zu2 * zu2 + zu2) % _P
    tv = pow(tv, -1, _P) if tv else 0
    x = -_B * pow(_A, -1, _P) * (1 + tv) % _P if tv else _B * pow(_Z * _A, -1, _P) % _P
    y = _root(_curve(x))
    if y * y % _P != _curve(x):
        x = zu2 * x % _P
        y = _root(_curve(x))
    return EccPoint(x, y if y & 1 == u & 1 else _P - y, "p256")
