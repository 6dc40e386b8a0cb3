"""Slots: honest values never overflow, and what no honest party sends is refused.

Tests design.md 2.5.1, 2.5.3, 2.6.1.
"""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crypto import packing
from crypto.errors import InvalidInput
from crypto.packing import Layout
from crypto.rng import system_rng
from tests.support.smallkeys import small

KEY = small().joint.public
LAYOUT = Layout(value_bits=32, slots=6)
LARGEST = (1 << 32) - 1
VALUES = st.lists(st.integers(-LARGEST, LARGEST), min_size=6, max_size=6)


def test_widths_are_those_of_the_design() -> None:
    assert (LAYOUT.mask_bits, LAYOUT.slot_bits) == (73, 74)
    assert packing.capacity(KEY, 32) == (512 - 2) // 74


@given(VALUES)
def test_signed_values_return(values: list[int]) -> None:
    assert packing.unpack_signed(KEY, LAYOUT, packing.pack(KEY, LAYOUT, values)) == values


@given(st.lists(st.lists(st.integers(-(2**24), 2**24), min_size=6, max_size=6), max_size=20))
def test_plaintexts_add_slot_by_slot(nodes: list[list[int]]) -> None:
    total = sum(packing.pack(KEY, LAYOUT, values) for values in nodes) % KEY.n
    expected = [sum(values[j] for values in nodes) for j in range(6)]
    assert packing.unpack_signed(KEY, LAYOUT, total) == expected


@given(VALUES, VALUES, st.lists(st.integers(0, 2**73 - 1), min_size=6, max_size=6))
def test_a_masked_slot_is_value_plus_mask(
    values: list[int], limits: list[int], masks: list[int]
) -> None:
    assume(all(abs(x - t) < LARGEST for x, t in zip(values, limits, strict=True)))
    masked = packing.pack(KEY, LAYOUT, values) + packing.pack_masks(KEY, LAYOUT, limits, masks)
    opened = packing.unpack_masked(KEY, LAYOUT, masked % KEY.n)
    for z, x, t, r in zip(opened, values, limits, masks, strict=True):
        d = z - r
        assert d == x - t - 1 + 2**32
        assert 0 <= d < 2**33
        assert (d >> 32) == int(x > t)


@pytest.mark.parametrize("difference", [-LARGEST + 1, -1, 0, 1, LARGEST - 1])
@pytest.mark.parametrize("mask", [0, 2**73 - 1])
def test_the_bounds_fit_with_every_mask(difference: int, mask: int) -> None:
    layout = Layout(32, 2)
    low = min(0, difference)
    values, limits = [difference - low - LARGEST // 2] * 2, [-low - LARGEST // 2] * 2
    masked = packing.pack(KEY, layout, values) + packing.pack_masks(KEY, layout, limits, [mask] * 2)
    for z in packing.unpack_masked(KEY, layout, masked % KEY.n):
        assert (z - mask) >> 32 == int(difference > 0)


NOT_PACKED: dict[str, list[object]] = {
    "one too large": [LARGEST + 1, 0, 0, 0, 0, 0],
    "one too small": [0, 0, 0, 0, 0, -LARGEST - 1],
    "too few": [0] * 5,
    "too many": [0] * 7,
    "a float": [1.0, 0, 0, 0, 0, 0],
    "a boolean": [True, 0, 0, 0, 0, 0],
}


@pytest.mark.parametrize("values", NOT_PACKED.values(), ids=NOT_PACKED.keys())
def test_values_that_do_not_fit_are_refused(values: list[int]) -> None:
    with pytest.raises(InvalidInput):
        packing.pack(KEY, LAYOUT, values)
    with pytest.raises(InvalidInput):
        packing.pack_masks(KEY, LAYOUT, values, [0] * 6)


@pytest.mark.parametrize("mask", [-1, 1 << 73])
def test_masks_that_do_not_fit_are_refused(mask: int) -> None:
    with pytest.raises(InvalidInput):
        packing.pack_masks(KEY, LAYOUT, [0] * 6, [mask] + [0] * 5)


NOT_OPENED = {
    "bits above the last slot": 1 << (74 * 6),
    "a negative sum": KEY.n - 1,
    "the last slot beyond mask and value": ((1 << 73) + (1 << 33) - 1) << (74 * 5),
    "the first slot full": (1 << 74) - 1,
}


@pytest.mark.parametrize("plaintext", NOT_OPENED.values(), ids=NOT_OPENED.keys())
def test_openings_that_no_honest_parties_make_are_refused(plaintext: int) -> None:
    with pytest.raises(InvalidInput):
        packing.unpack_masked(KEY, LAYOUT, plaintext)


def test_the_largest_honest_slot_is_taken() -> None:
    largest = (1 << 73) - 1 + (1 << 33) - 1
    assert packing.unpack_masked(KEY, Layout(32, 1), largest) == [largest]


def test_more_slots_than_the_key_takes_are_refused() -> None:
    fits = packing.capacity(KEY, 32)
    packing.pack(KEY, Layout(32, fits), [LARGEST] * fits)
    with pytest.raises(InvalidInput, match="do not fit"):
        packing.pack(KEY, Layout(32, fits + 1), [0] * (fits + 1))


@pytest.mark.parametrize("terms", [(0, 1), (1, 0), (513, 1), (32, 65)])
def test_layouts_out_of_range_are_refused(terms: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput):
        Layout(*terms)


def test_masks_are_fresh_per_slot() -> None:
    masks = packing.draw_masks(LAYOUT, rng=system_rng)
    assert len(set(masks)) == 6
    assert max(m.bit_length() for m in masks) <= 73
