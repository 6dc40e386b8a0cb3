"""Fixed widths, and the backend that secret exponents insist on.

Tests design.md 3.4, 3.9.
"""

import os
import subprocess
import sys

import pytest
from Crypto.Math import Numbers
from hypothesis import given
from hypothesis import strategies as st

from crypto import integers
from crypto.errors import InvalidInput

MODULUS = (1 << 127) - 1


@given(st.integers(0, 2**64 - 1))
def test_encoding_keeps_its_width_and_returns(value: int) -> None:
    data = integers.encode(value, 8)
    assert len(data) == 8
    assert integers.decode(data, 8) == value


NOT_ENCODED: dict[str, object] = {
    "negative": -1,
    "one bit too long": 1 << 64,
    "a boolean": True,
    "a float": 1.0,
}


@pytest.mark.parametrize("value", NOT_ENCODED.values(), ids=NOT_ENCODED.keys())
def test_encode_refuses(value: int) -> None:
    with pytest.raises(InvalidInput):
        integers.encode(value, 8)


@pytest.mark.parametrize("width", [0, 7, 9])
def test_decode_refuses_another_width(width: int) -> None:
    with pytest.raises(InvalidInput, match="8 are due"):
        integers.decode(bytes(width), 8)


def test_decode_refuses_the_bound_itself() -> None:
    assert integers.decode(b"\x09", 1, below=10) == 9
    with pytest.raises(InvalidInput):
        integers.decode(b"\x0a", 1, below=10)


def test_split_takes_the_whole_message_or_nothing() -> None:
    assert integers.split(b"abcd", 1, 3) == [b"a", b"bcd"]
    for message in (b"abc", b"abcde"):
        with pytest.raises(InvalidInput):
            integers.split(message, 1, 3)


@given(st.integers(0, 2**200), st.integers(0, 2**128 - 1))
def test_secret_and_public_powers_agree(base: int, exponent: int) -> None:
    expected = pow(base, exponent, MODULUS)
    assert integers.secret_pow(base, exponent, MODULUS, exponent_bits=128) == expected
    assert integers.public_pow(base, exponent, MODULUS) == expected


def test_secret_powers_are_those_of_the_constant_time_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def used(*_: object) -> object:
        raise AssertionError("pycryptodome's Integer was used")

    monkeypatch.setattr(Numbers.Integer, "__pow__", used)
    with pytest.raises(AssertionError, match="Integer"):
        integers.secret_pow(2, 5, MODULUS, exponent_bits=128)
    assert integers.public_pow(2, 5, MODULUS) == 32


def test_secret_pow_refuses_an_exponent_beyond_its_bound() -> None:
    with pytest.raises(InvalidInput):
        integers.secret_pow(2, 1 << 128, MODULUS, exponent_bits=128)


def test_an_even_modulus_is_refused() -> None:
    with pytest.raises(InvalidInput, match="odd"):
        integers.secret_pow(2, 3, 10, exponent_bits=8)


def test_a_value_without_inverse_is_refused() -> None:
    with pytest.raises(InvalidInput):
        integers.invert(6, 9)


def test_this_installation_has_c_arithmetic() -> None:
    integers.require_c_arithmetic()


def test_python_arithmetic_is_refused_and_the_mend_is_named() -> None:
    """pycryptodome falls back to Python silently; a process with keys must not."""
    program = "from crypto.integers import require_c_arithmetic; require_c_arithmetic()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYCRYPTODOME_INTEGER": "native"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "BackendError" in done.stderr
    assert "unset PYCRYPTODOME_INTEGER" in done.stderr
