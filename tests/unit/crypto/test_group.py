"""Both groups: laws, the identity, scalars, and decoders against arbitrary bytes.

Tests design.md 3.3.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.errors import InvalidElement, InvalidInput
from crypto.group import RISTRETTO255, Group
from crypto.p256 import P256
from crypto.rng import system_rng
from crypto.xmd import expand_message_xmd

GROUPS: dict[str, Any] = {"ristretto255": RISTRETTO255, "P-256": P256}
each_group = pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS.keys())


def integers(group: Group) -> list[int]:
    return [0, 1, 2, 3, group.order - 1, group.order // 2, 2**128 + 1, -5]


@each_group
def test_scalar_arithmetic_agrees_with_integers(group: Any) -> None:
    encode = group.scalar_from_int
    for a, b in pairwise(integers(group)):
        assert group.scalar_add(encode(a), encode(b)) == encode(a + b)
        assert group.scalar_sub(encode(a), encode(b)) == encode(a - b)
        assert group.scalar_mul(encode(a), encode(b)) == encode(a * b)


@each_group
def test_inverses_one_by_one_and_together(group: Any) -> None:
    scalars = group.random_scalars(7, rng=system_rng)
    inverses = group.scalar_invert_each(scalars)
    assert inverses == [group.scalar_invert(scalar) for scalar in scalars]
    one = group.scalar_from_int(1)
    assert all(group.scalar_mul(a, b) == one for a, b in zip(scalars, inverses, strict=True))
    assert group.scalar_invert_each([]) == []


@each_group
def test_zero_has_no_inverse(group: Any) -> None:
    zero = group.scalar_from_int(0)
    with pytest.raises(InvalidInput):
        group.scalar_invert(zero)
    with pytest.raises(InvalidInput):
        group.scalar_invert_each([group.scalar_from_int(1), zero])


@each_group
def test_multiplication_distributes(group: Any) -> None:
    a, b = group.random_scalars(2, rng=system_rng)
    p = group.mul_base(a)
    assert group.add(group.mul(a, p), group.mul(b, p)) == group.mul(group.scalar_add(a, b), p)
    assert group.sub(group.mul(a, p), group.mul(b, p)) == group.mul(group.scalar_sub(a, b), p)
    assert group.mul_all(a, [p, group.generator]) == [group.mul(a, p), p]
    assert group.mul_each([a, b], [p, p]) == [group.mul(a, p), group.mul(b, p)]
    assert group.decode_mul_all(a, [p]) == group.mul_all(a, [p])


@each_group
def test_identity_inside_is_a_value_and_outside_is_refused(group: Any) -> None:
    zero, p = group.scalar_from_int(0), group.mul_base(group.random_scalar(rng=system_rng))
    identity = group.sub(p, p)
    assert identity == group.identity == group.sum([])
    assert group.mul(zero, p) == group.mul_base(zero) == identity
    assert group.mul_all(zero, [p]) == group.mul_each([zero], [p]) == [identity]
    assert group.add(identity, p) == p
    assert group.mul(group.scalar_from_int(7), identity) == identity
    with pytest.raises(InvalidElement):
        group.decode_element(identity)
    with pytest.raises(InvalidElement):
        group.decode_mul_all(group.scalar_from_int(7), [p, identity])


@each_group
def test_scalars_are_reduced_and_of_one_width(group: Any) -> None:
    largest = group.scalar_from_int(group.order - 1)
    assert group.decode_scalar(largest) == largest
    for value in (group.order, 2**256 - 1):
        encoded = value.to_bytes(32, "big")
        with pytest.raises(InvalidInput):
            group.decode_scalar(encoded[::-1] if group is RISTRETTO255 else encoded)
    for data in (b"", largest[:-1], largest + b"\0", bytearray(largest)):
        with pytest.raises(InvalidInput):
            group.decode_scalar(data)


@each_group
def test_as_many_scalars_as_elements(group: Any) -> None:
    one = group.scalar_from_int(1)
    for multiply in (group.mul_each, group.decode_mul_each):
        with pytest.raises(InvalidInput):
            multiply([one], [group.generator, group.generator])


SHORT: dict[str, Callable[[bytes], Any]] = {
    "multiplied": lambda bad: RISTRETTO255.mul(RISTRETTO255.scalar_from_int(2), bad),
    "as a scalar": lambda bad: RISTRETTO255.mul(bad, RISTRETTO255.generator),
    "in a batch": lambda bad: RISTRETTO255.mul_all(RISTRETTO255.scalar_from_int(2), [bad]),
    "as a batch's scalar": lambda bad: RISTRETTO255.mul_all(bad, [RISTRETTO255.generator]),
    "as one of the scalars": lambda bad: RISTRETTO255.mul_each([bad], [RISTRETTO255.generator]),
    "added": lambda bad: RISTRETTO255.add(bad, RISTRETTO255.generator),
    "summed": lambda bad: RISTRETTO255.sum([bad]),
    "as a summand of scalars": lambda bad: RISTRETTO255.scalar_add(bad, bad),
    "inverted": lambda bad: RISTRETTO255.scalar_invert(bad),
    "inverted with others": lambda bad: RISTRETTO255.scalar_invert_each([bad, bad]),
    "mapped": lambda bad: RISTRETTO255.from_uniform_bytes(bad),
}


@pytest.mark.parametrize("door", SHORT.values(), ids=SHORT.keys())
@pytest.mark.parametrize("size", [0, 31, 33])
def test_c_is_never_handed_a_buffer_of_another_size(door: Any, size: int) -> None:
    with pytest.raises(InvalidInput):
        door(b"\1" * size)


@each_group
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=40) | st.binary(min_size=32, max_size=33))
def test_whatever_decodes_is_canonical(group: Any, data: bytes) -> None:
    try:
        element = group.decode_element(data)
    except InvalidElement:
        return
    assert group.mul(group.scalar_from_int(1), element) == data


@settings(max_examples=60, deadline=None)
@given(prefix=st.sampled_from([b"\2", b"\3"]), x=st.binary(min_size=32, max_size=32))
def test_whatever_decodes_on_p256_is_on_the_curve(prefix: bytes, x: bytes) -> None:
    data = prefix + x
    try:
        element = P256.decode_element(data)
    except InvalidElement:
        return
    assert P256.mul(P256.scalar_from_int(1), element) == data
    assert P256.mul(P256.scalar_from_int(P256.order), element) == P256.identity


BAD_P256 = {
    "uncompressed": b"\4" + P256.generator[1:] + bytes(32),
    "x as large as the field": b"\2" + (2**256 - 1).to_bytes(32, "big"),
    "x of 5, plus the field's prime": b"\2"
    + (2**256 - 2**224 + 2**192 + 2**96 - 1 + 5).to_bytes(32, "big"),
    "identity of SEC 1": b"\0",
    "identity of ours": P256.identity,
    "not on the curve": b"\2" + (1).to_bytes(32, "big"),
    "unknown prefix": b"\5" + P256.generator[1:],
}


@pytest.mark.parametrize("data", BAD_P256.values(), ids=BAD_P256.keys())
def test_bad_encodings_of_p256_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidElement):
        P256.decode_element(data)


def test_hash_to_curve_of_rfc_9380_appendix_j_1_1() -> None:
    dst = b"QUUX-V01-CS02-with-P256_XMD:SHA-256_SSWU_RO_"
    expected = "2c15230b26dbc6fc9a37051158c95b79656e17a1a920b11394ca91c44247d3e4"
    assert P256.hash_to_group(b"", dst).hex() == "03" + expected


def test_expand_message_of_rfc_9380_appendix_k_1() -> None:
    dst = b"QUUX-V01-CS02-with-expander-SHA256-128"
    expected = "68a985b87eb6b46952128911f2a4412bbc302a9d759667f87f7a21d803f07235"
    assert expand_message_xmd(b"", dst, 32, hash_name="sha256").hex() == expected


@pytest.mark.parametrize(("dst", "count"), [(b"", 32), (b"x" * 256, 32), (b"x", 0), (b"x", 16321)])
def test_expand_message_refuses_what_the_rfc_does_not_define(dst: bytes, count: int) -> None:
    with pytest.raises(InvalidInput):
        expand_message_xmd(b"", dst, count, hash_name="sha512")


def test_random_scalars_ask_for_fresh_bytes_and_skip_zero() -> None:
    drawn: list[int] = []

    def rng(count: int) -> bytes:
        drawn.append(count)
        return bytes(count) if len(drawn) == 1 else b"\1" * count

    scalars = RISTRETTO255.random_scalars(2, rng=rng)
    assert drawn == [128, 64, 64]
    assert all(any(scalar) for scalar in scalars)
