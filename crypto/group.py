"""Prime-order groups, and ristretto255: the only module that touches rbcl (libsodium).

Source: design.md 3.3;
RFC 9496 (encoding, decoding, one-way map); RFC 9497, section 4.1 (hash to group and to
scalar). Elements and scalars are the bytes of their standard encodings, so nothing is encoded
twice; scalars are reduced, 32 bytes, little-endian, and their arithmetic is libsodium's, which
takes the same time for every value. libsodium releases the GIL, so threads use every core.
Trusts: libsodium. Learns: nobody, here.
Not protected: copies of secret scalars in freed memory; Python's ``bytes`` cannot be wiped.

libsodium's scalar multiplication reports an identity result as an error; here it is the
identity, 32 zero bytes. Whether an identity may *arrive* is decided by ``decode_element``:
never. So ``x·A = B`` is tested by multiplying and comparing, never by subtracting.
libsodium 1.0.18, which rbcl bundles, also takes encodings whose highest bit is set, against
RFC 9496, section 4.3.1; every function here refuses them first.
"""

import contextlib
import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import rbcl
from rbcl._sodium import _sodium, lib_path

from crypto.errors import BackendError, InvalidElement, InvalidInput
from crypto.rng import Rng
from crypto.xmd import expand_message_xmd

# rbcl unpacks libsodium into a temporary file of its own in every process and leaves it there;
# once loaded the file is not needed (Windows keeps it open, and keeps it).
with contextlib.suppress(OSError):
    Path(lib_path).unlink()

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32

if rbcl.crypto_core_ristretto255_BYTES != ELEMENT_BYTES:  # set when rbcl starts libsodium
    raise BackendError("rbcl did not start libsodium with ristretto255; reinstall rbcl")


class Group(Protocol):
    """A group of prime order with canonical encodings; what the OPRF asks of one.

    Elements and scalars are bytes of fixed width. Methods other than ``decode_*`` expect what a
    ``decode_*`` or another method returned.
    """

    @property
    def name(self) -> str: ...
    @property
    def order(self) -> int: ...
    @property
    def element_bytes(self) -> int: ...
    @property
    def scalar_bytes(self) -> int: ...
    @property
    def generator(self) -> bytes: ...
    def decode_element(self, data: bytes) -> bytes: ...
    def decode_scalar(self, data: bytes) -> bytes: ...
    def scalar_from_int(self, value: int) -> bytes: ...
    def random_scalar(self, *, rng: Rng) -> bytes: ...
    def random_scalars(self, count: int, *, rng: Rng) -> list[bytes]: ...
    def hash_to_group(self, message: bytes, dst: bytes) -> bytes: ...
    def hash_to_group_each(self, messages: Sequence[bytes], dst: bytes) -> list[bytes]: ...
    def hash_to_scalar(self, message: bytes, dst: bytes) -> bytes: ...
    def scalar_add(self, a: bytes, b: bytes) -> bytes: ...
    def scalar_sub(self, a: bytes, b: bytes) -> bytes: ...
    def scalar_mul(self, a: bytes, b: bytes) -> bytes: ...
    def scalar_invert(self, a: bytes) -> bytes: ...
    def scalar_invert_each(self, scalars: Sequence[bytes]) -> list[bytes]: ...
    def add(self, a: bytes, b: bytes) -> bytes: ...
    def sub(self, a: bytes, b: bytes) -> bytes: ...
    def sum(self, elements: Sequence[bytes]) -> bytes: ...
    def mul(self, scalar: bytes, element: bytes) -> bytes: ...
    def mul_base(self, scalar: bytes) -> bytes: ...
    def mul_all(self, scalar: bytes, elements: Sequence[bytes]) -> list[bytes]: ...
    def mul_each(self, scalars: Sequence[bytes], elements: Sequence[bytes]) -> list[bytes]: ...
    def decode_mul_all(self, scalar: bytes, data: Sequence[bytes]) -> list[bytes]: ...
    def decode_mul_each(self, scalars: Sequence[bytes], data: Sequence[bytes]) -> list[bytes]: ...


def _function(name: str, arguments: int, *, keep_gil: bool = False) -> Callable[..., int]:
    # A prototype of our own: bytes, buffers and plain addresses are all taken as pointers, and
    # rbcl's own declarations stay as they are. Below 10 µs or so, handing the GIL over and
    # waiting to get it back costs more than it gains.
    kind = ctypes.PYFUNCTYPE if keep_gil else ctypes.CFUNCTYPE
    prototype = kind(ctypes.c_int, *([ctypes.c_void_p] * arguments))
    try:
        return prototype((name, _sodium))
    except AttributeError:
        raise BackendError(f"libsodium in rbcl lacks {name}; install rbcl 1.1 or newer") from None


_is_valid = _function("crypto_core_ristretto255_is_valid_point", 1, keep_gil=True)
_from_hash = _function("crypto_core_ristretto255_from_hash", 2)
_add = _function("crypto_core_ristretto255_add", 3)
_sub = _function("crypto_core_ristretto255_sub", 3)
_mul = _function("crypto_scalarmult_ristretto255", 3)
_mul_base = _function("crypto_scalarmult_ristretto255_base", 2)
_scalar_add = _function("crypto_core_ristretto255_scalar_add", 3, keep_gil=True)
_scalar_sub = _function("crypto_core_ristretto255_scalar_sub", 3, keep_gil=True)
_scalar_mul = _function("crypto_core_ristretto255_scalar_mul", 3, keep_gil=True)
_scalar_invert = _function("crypto_core_ristretto255_scalar_invert", 2)
_scalar_reduce = _function("crypto_core_ristretto255_scalar_reduce", 2, keep_gil=True)

_Buffer32 = ctypes.c_char * 32
_ZERO = bytes(32)


class Ristretto255:
    """The group of RFC 9496: order 2^252 + 27742…8493, elements and scalars of 32 bytes."""

    name: Final = "ristretto255"
    order: Final = (1 << 252) + 27742317777372353535851937790883648493
    element_bytes: Final = ELEMENT_BYTES
    scalar_bytes: Final = SCALAR_BYTES
    identity: Final = _ZERO
    generator: Final = bytes.fromhex(
        "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
    )

    def decode_element(self, data: bytes) -> bytes:
        """Return ``data`` if it is the canonical encoding of an element, not of the identity.

        Raises InvalidElement. RFC 9496, section 4.3.1; RFC 9497, section 2.1.
        """
        if data == _ZERO or _is_valid(_element(data)) != 1:
            raise InvalidElement("not the canonical encoding of a non-identity element")
        return data

    def decode_scalar(self, data: bytes) -> bytes:
        """Return ``data`` if it is 32 bytes, little-endian, below the order; else InvalidInput."""
        if type(data) is not bytes or len(data) != SCALAR_BYTES:
            raise InvalidInput("a scalar of ristretto255 is 32 bytes")
        if int.from_bytes(data, "little") >= self.order:
            raise InvalidInput("a scalar of ristretto255 is below the order of the group")
        return data

    def scalar_from_int(self, value: int) -> bytes:
        """Return ``value`` mod the order as a scalar; negative integers are welcome."""
        return (value % self.order).to_bytes(SCALAR_BYTES, "little")

    def scalar_to_int(self, scalar: bytes) -> int:
        """Return the scalar as an integer in ``[0, order)``."""
        return int.from_bytes(scalar, "little")

    def random_scalar(self, *, rng: Rng) -> bytes:
        """Return a uniform scalar other than zero: 64 random bytes mod the order."""
        while True:
            scalar = self._reduce(rng(64))
            if scalar != _ZERO:
                return scalar

    def random_scalars(self, count: int, *, rng: Rng) -> list[bytes]:
        """Return ``count`` uniform scalars other than zero, from one draw of 64·count bytes."""
        uniform = rng(64 * count)
        drawn = [self._reduce(uniform[at : at + 64]) for at in range(0, 64 * count, 64)]
        return [scalar if scalar != _ZERO else self.random_scalar(rng=rng) for scalar in drawn]

    def hash_to_group(self, message: bytes, dst: bytes) -> bytes:
        """Return the element that ``message`` hashes to. RFC 9497, 4.1; RFC 9380, appendix B."""
        uniform = expand_message_xmd(message, dst, 64, hash_name="sha512")
        return self.from_uniform_bytes(uniform)

    def hash_to_group_each(self, messages: Sequence[bytes], dst: bytes) -> list[bytes]:
        """``hash_to_group`` of each; all Python first, so that threads rarely wait for it."""
        uniform = [expand_message_xmd(m, dst, 64, hash_name="sha512") for m in messages]
        return [self.from_uniform_bytes(block) for block in uniform]

    def from_uniform_bytes(self, uniform: bytes) -> bytes:
        """Map 64 uniform bytes to an element. RFC 9496, section 4.3.4."""
        if len(uniform) != 64:
            raise InvalidInput("the one-way map of ristretto255 takes 64 bytes")
        out = _Buffer32()
        _from_hash(out, uniform)
        return out.raw

    def hash_to_scalar(self, message: bytes, dst: bytes) -> bytes:
        """Return the scalar that ``message`` hashes to. RFC 9497, section 4.1."""
        return self._reduce(expand_message_xmd(message, dst, 64, hash_name="sha512"))

    def scalar_add(self, a: bytes, b: bytes) -> bytes:
        """Return a + b mod the order."""
        return _call(_scalar_add, a, b)

    def scalar_sub(self, a: bytes, b: bytes) -> bytes:
        """Return a - b mod the order."""
        return _call(_scalar_sub, a, b)

    def scalar_mul(self, a: bytes, b: bytes) -> bytes:
        """Return a·b mod the order."""
        return _call(_scalar_mul, a, b)

    def scalar_invert(self, a: bytes) -> bytes:
        """Return a⁻¹ mod the order. Raises InvalidInput for zero."""
        if a == _ZERO:
            raise InvalidInput("zero has no inverse")
        return _call(_scalar_invert, a)

    def scalar_invert_each(self, scalars: Sequence[bytes]) -> list[bytes]:
        """Invert all at the price of one inversion and three products each (Montgomery)."""
        if not scalars:
            return []
        if _ZERO in scalars:
            raise InvalidInput("zero has no inverse")
        products = [scalars[0]]
        for scalar in scalars[1:]:
            products.append(_call(_scalar_mul, products[-1], scalar))
        return _unwind(scalars, products, _call(_scalar_invert, products[-1]))

    def add(self, a: bytes, b: bytes) -> bytes:
        """Return a + b; the identity is taken and returned as 32 zero bytes."""
        return _call_checked(_add, a, b)

    def sub(self, a: bytes, b: bytes) -> bytes:
        """Return a - b; the identity is taken and returned as 32 zero bytes."""
        return _call_checked(_sub, a, b)

    def sum(self, elements: Sequence[bytes]) -> bytes:
        """Return the sum of all elements; of none, the identity."""
        total = _ZERO
        for element in elements:
            total = _call_checked(_add, total, element)
        return total

    def mul(self, scalar: bytes, element: bytes) -> bytes:
        """Return scalar·element. Raises InvalidElement where ``element`` is not an encoding."""
        out = _Buffer32()
        if _mul(out, _wide(scalar), _element(element)):
            return _identity_or_raise(element, strict=False)
        return out.raw

    def mul_base(self, scalar: bytes) -> bytes:
        """Return scalar·G, from libsodium's fixed-base table: a third of the price of ``mul``."""
        out = _Buffer32()
        _mul_base(out, _wide(scalar))  # fails for zero only, and leaves zeroes: the identity
        return out.raw

    def mul_all(self, scalar: bytes, elements: Sequence[bytes]) -> list[bytes]:
        """Return scalar·element for each, with nothing but the C call inside the loop."""
        return _mul_loop(_wide(scalar), 0, elements, strict=False)

    def mul_each(self, scalars: Sequence[bytes], elements: Sequence[bytes]) -> list[bytes]:
        """Return scalar·element for each pair; as many scalars as elements."""
        _same_length(scalars, elements)
        return _mul_loop(b"".join(map(_wide, scalars)), SCALAR_BYTES, elements, strict=False)

    def decode_mul_all(self, scalar: bytes, data: Sequence[bytes]) -> list[bytes]:
        """``mul_all`` of what arrived, decoded once: libsodium decodes strictly as it multiplies.

        Raises InvalidElement where any is not canonical or is the identity, and for a scalar
        of zero; nothing is returned then.
        """
        return _mul_loop(_wide(scalar), 0, data, strict=True)

    def decode_mul_each(self, scalars: Sequence[bytes], data: Sequence[bytes]) -> list[bytes]:
        """``mul_each`` of what arrived; refuses as ``decode_mul_all`` does."""
        _same_length(scalars, data)
        return _mul_loop(b"".join(map(_wide, scalars)), SCALAR_BYTES, data, strict=True)

    def _reduce(self, uniform: bytes) -> bytes:
        if len(uniform) != 64:
            raise InvalidInput("64 uniform bytes are reduced to a scalar")
        out = _Buffer32()
        _scalar_reduce(out, uniform)
        return out.raw


RISTRETTO255: Final = Ristretto255()


def _call(function: Callable[..., int], *arguments: bytes) -> bytes:
    out = _Buffer32()
    function(out, *map(_wide, arguments))
    return out.raw


def _call_checked(function: Callable[..., int], a: bytes, b: bytes) -> bytes:
    out = _Buffer32()
    if function(out, _element(a), _element(b)):
        raise InvalidElement("not the canonical encoding of an element")
    return out.raw


def _mul_loop(
    scalars: bytes, stride: int, elements: Sequence[bytes], *, strict: bool
) -> list[bytes]:
    # Plain addresses into three buffers: about 1 µs of Python around each 60 µs of C.
    joined = b"".join(map(_element, elements))
    secrets = ctypes.create_string_buffer(scalars, max(1, len(scalars)))
    source = ctypes.create_string_buffer(joined, max(1, len(joined)))
    target = ctypes.create_string_buffer(max(1, len(joined)))
    factor, read, write = map(ctypes.addressof, (secrets, source, target))
    try:
        for index in range(len(elements)):
            at = index * ELEMENT_BYTES
            if _mul(write + at, factor + index * stride, read + at):
                identity = _identity_or_raise(elements[index], strict=strict)
                ctypes.memmove(write + at, identity, ELEMENT_BYTES)
    finally:
        ctypes.memset(secrets, 0, len(scalars))
    raw = target.raw
    return [raw[at : at + ELEMENT_BYTES] for at in range(0, len(joined), ELEMENT_BYTES)]


def _identity_or_raise(element: bytes, *, strict: bool) -> bytes:
    # libsodium has refused: either the encoding is bad, or the result is the identity.
    if strict or _is_valid(element) != 1:
        raise InvalidElement("not the canonical encoding of a non-identity element")
    return _ZERO


def _same_length(scalars: Sequence[bytes], elements: Sequence[bytes]) -> None:
    if len(scalars) != len(elements):
        raise InvalidInput(f"{len(scalars)} scalars for {len(elements)} elements")


def _element(data: bytes) -> bytes:
    # libsodium 1.0.18 ignores the highest bit, which would give every element two encodings.
    if type(data) is not bytes or len(data) != ELEMENT_BYTES or data[31] & 0x80:
        raise InvalidElement("an element of ristretto255 is 32 bytes below 2^255")
    return data


def _wide(data: bytes) -> bytes:
    # C reads 32 bytes whatever it is given: a shorter string would be read past its end.
    if type(data) is not bytes or len(data) != 32:
        raise InvalidInput("elements and scalars of ristretto255 are 32 bytes")
    return data


def _unwind(scalars: Sequence[bytes], products: list[bytes], inverse: bytes) -> list[bytes]:
    result: list[Any] = [b""] * len(scalars)
    for index in range(len(scalars) - 1, 0, -1):
        result[index] = _call(_scalar_mul, inverse, products[index - 1])
        inverse = _call(_scalar_mul, inverse, scalars[index])
    result[0] = inverse
    return result
