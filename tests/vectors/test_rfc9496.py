"""RFC 9496, appendix A: encodings of ristretto255, good and bad.

Tests design.md 3.3.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crypto.errors import InvalidElement
from crypto.group import RISTRETTO255 as R

VECTORS = Path(__file__).resolve().parents[2].parent / "shared/vectors/rfc9496/ristretto255.json"


DOORS: dict[str, Callable[[bytes, bytes], Any]] = {
    "decoded": lambda k, bad: R.decode_element(bad),
    "multiplied": lambda k, bad: R.mul(k, bad),
    "multiplied with others": lambda k, bad: R.mul_all(k, [R.generator, bad]),
    "multiplied pairwise": lambda k, bad: R.mul_each([k, k], [R.generator, bad]),
    "decoded and multiplied": lambda k, bad: R.decode_mul_all(k, [R.generator, bad]),
    "decoded and multiplied pairwise": lambda k, bad: R.decode_mul_each([k], [bad]),
    "added": lambda k, bad: R.add(R.generator, bad),
    "subtracted from": lambda k, bad: R.sub(bad, R.generator),
    "summed": lambda k, bad: R.sum([bad]),
}


@pytest.fixture(scope="module")
def published() -> Any:
    if not VECTORS.exists():
        pytest.skip("the published vectors of RFC 9496 are not beside the project")
    return json.loads(VECTORS.read_text())


def test_multiples_of_the_generator(published: Any) -> None:
    multiples = [bytes.fromhex(text) for text in published["generator_multiples"]]
    assert len(multiples) == 16
    for factor, expected in enumerate(multiples):
        scalar = R.scalar_from_int(factor)
        assert R.mul_base(scalar) == expected
        assert R.mul(scalar, R.generator) == expected
        assert R.mul_each([scalar], [R.generator]) == [expected]
        assert R.sum([R.generator] * factor) == expected
        if factor:
            assert R.decode_element(expected) == expected


def test_all_29_bad_encodings_are_refused_by_every_door(published: Any) -> None:
    bad = [bytes.fromhex(h) for kind in published["invalid_encodings"].values() for h in kind]
    assert len(bad) == 29
    for data in bad:
        for door in DOORS.values():
            with pytest.raises(InvalidElement):
                door(R.scalar_from_int(2), data)


def test_one_way_map(published: Any) -> None:
    derived = published["element_derivation"]
    assert len(derived) == 11
    for vector in derived:
        uniform, expected = (bytes.fromhex(vector[name]) for name in ("input", "output"))
        assert R.from_uniform_bytes(uniform) == expected


def test_the_highest_bit_is_refused_although_libsodium_ignores_it(published: Any) -> None:
    two = R.scalar_from_int(2)
    for text in published["generator_multiples"][1:]:
        good = bytes.fromhex(text)
        twin = good[:31] + bytes([good[31] | 0x80])
        for door in DOORS.values():
            with pytest.raises(InvalidElement):
                door(two, twin)
