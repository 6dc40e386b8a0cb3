"""Fixed-width integers, and powers: secret exponents in constant time, public ones fast.

Source: design.md 3.4, 3.9, 3.10. pycryptodome 4.4 knows two kinds of ``Integer``: ``nat``
(``Crypto.Math._nat``, C, constant-time for a given width, releases the GIL) and ``native``
(Python's own ``int``, not constant-time). The first is the "C arithmetic" that key-holding
processes insist on; there is no GMP kind any more, and gmpy2 here serves public values only.
Not protected: Python's own conversions between ``int`` and bytes, which take time by length.
"""

import gmpy2
from Crypto.Math import Numbers

from crypto.errors import BackendError, InvalidInput


def require_c_arithmetic() -> None:
    """Raise BackendError unless secret exponents run in pycryptodome's constant-time C code."""
    library = getattr(Numbers, "_implementation", {}).get("library")
    if library == "nat" and Numbers.Integer.__name__ == "IntegerNat":
        return
    raise BackendError(
        f"pycryptodome computes with {Numbers.Integer.__name__}, which is not constant-time C; "
        "unset PYCRYPTODOME_INTEGER, or install a pycryptodome >= 4.4 wheel that holds "
        "Crypto.Math._nat for this platform (pip install --force-reinstall --only-binary :all: "
        "pycryptodome)"
    )


def encode(value: int, width: int) -> bytes:
    """Return ``value`` in exactly ``width`` bytes, big-endian.

    Raises InvalidInput unless it is an ``int`` with ``0 <= value < 2^(8 width)``.
    """
    if type(value) is not int:
        raise InvalidInput(f"{type(value).__name__} is not an integer")
    if value < 0 or value.bit_length() > 8 * width:
        raise InvalidInput(f"integer does not fit {width} bytes")
    return value.to_bytes(width, "big")


def decode(data: bytes, width: int, *, below: int | None = None) -> int:
    """Read ``width`` bytes, big-endian; raises InvalidInput for another width or a value
    that is not less than ``below``."""
    if len(data) != width:
        raise InvalidInput(f"integer of {len(data)} bytes where {width} are due")
    value = int.from_bytes(data, "big")
    if below is not None and value >= below:
        raise InvalidInput("integer out of range")
    return value


def split(data: bytes, *widths: int) -> list[bytes]:
    """Cut ``data`` into pieces of these widths; raises InvalidInput unless they fill it."""
    if len(data) != sum(widths):
        raise InvalidInput(f"message of {len(data)} bytes where {sum(widths)} are due")
    pieces, at = [], 0
    for width in widths:
        pieces.append(data[at : at + width])
        at += width
    return pieces


def secret_pow(base: int, exponent: int, modulus: int, *, exponent_bits: int) -> int:
    """Return ``base^exponent mod modulus`` for a secret, non-negative exponent.

    Args:
        base: Any non-negative integer; public or secret.
        exponent: Below ``2^exponent_bits``; the running time depends on that width alone.
        modulus: Odd and public.
        exponent_bits: A public bound on the exponent's size.
    """
    require_c_arithmetic()
    if base < 0 or modulus < 3 or not modulus & 1:
        raise InvalidInput("secret_pow takes a non-negative base and an odd modulus")
    width = (exponent_bits + 7) // 8
    # from_bytes fixes the bound by the number of bytes, whatever leading zeros they hold
    power = Numbers.Integer.from_bytes(encode(exponent, width))
    reduced = Numbers.Integer.from_bytes(encode(base % modulus, (modulus.bit_length() + 7) // 8))
    return int(pow(reduced, power, Numbers.Integer(modulus)))


def public_pow(base: int, exponent: int, modulus: int) -> int:
    """Return ``base^exponent mod modulus`` for public values; the exponent may be negative."""
    return int(gmpy2.powmod(base, exponent, modulus))


def invert(value: int, modulus: int) -> int:
    """Return the inverse of a public value; raises InvalidInput if there is none."""
    try:
        return int(gmpy2.invert(value, modulus))
    except ZeroDivisionError:
        raise InvalidInput("not invertible") from None


def is_unit(value: int, modulus: int) -> bool:
    """Whether ``gcd(value, modulus) = 1``, for public values."""
    return bool(gmpy2.gcd(value, modulus) == 1)
