"""Comparison: exhaustive where small, by properties at full width, equality and bounds always.

Tests design.md 2.6.4, 2.5.3.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import comparison as compare
from crypto import packing
from crypto.comparison import Comparison, EvaluatorState
from crypto.errors import CryptoError, InvalidInput, ProofError
from crypto.group import RISTRETTO255 as GROUP
from crypto.packing import Layout
from crypto.rng import system_rng

CONTEXT = b"permit 1"


def run(agreed: Comparison, masked: list[int], masks: list[int]) -> list[int]:
    state, request = compare.evaluator_start(agreed, masked, rng=system_rng)
    assert len(request) == agreed.request_bytes
    reply = compare.masker_respond(agreed, masks, request, rng=system_rng)
    assert len(reply.message) == agreed.reply_bytes
    kept = EvaluatorState.from_bytes(state.to_bytes(), agreed)
    assert kept == state
    return compare.reveal(compare.evaluator_finish(agreed, kept, reply.message), reply.flips)


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_every_difference_and_mask_of_small_width(bits: int) -> None:
    """All d in [0, 2^(ℓ+1)) and all r mod 2^(ℓ+1), many slots to an exchange; d ≥ 2^ℓ is asked."""
    pairs = [(d, r) for d in range(2 << bits) for r in range(2 << bits)]
    for at in range(0, len(pairs), 64):
        chunk = pairs[at : at + 64]
        agreed = Comparison(Layout(bits, len(chunk)), CONTEXT, bit_proofs=False)
        result = run(agreed, [d + r for d, r in chunk], [r for _, r in chunk])
        assert result == [d >> bits for d, _ in chunk]


def test_both_coins_answer_alike() -> None:
    """Equality included: z = r mod 2^ℓ asks z ≥ r on one coin and z < r on the other."""
    agreed = Comparison(Layout(3, 8), CONTEXT, bit_proofs=False)
    masks = list(range(8))
    for fixed in (0, 255):
        coins = [bytes((fixed,))] * 8  # drawn first, a byte each

        def rng(count: int, coins: list[bytes] = coins) -> bytes:
            return coins.pop() if coins else system_rng(count)

        state, request = compare.evaluator_start(agreed, masks, rng=system_rng)
        reply = compare.masker_respond(agreed, masks, request, rng=rng)
        blinded = compare.evaluator_finish(agreed, state, reply.message)
        assert compare.reveal(blinded, reply.flips) == [0] * 8  # d = 0
        assert set(reply.flips) == {fixed & 1}


LIMIT = (1 << 32) - 2
NUMBERS = st.integers(-LIMIT // 2, LIMIT // 2)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 2**73 - 1)), min_size=1, max_size=3))
def test_full_width_with_proofs(slots: list[tuple[int, int, int]]) -> None:
    agreed = Comparison(Layout(32, len(slots)), CONTEXT)
    masked = [x - t - 1 + 2**32 + r for x, t, r in slots]
    assert run(agreed, masked, [r for _, _, r in slots]) == [int(x > t) for x, t, _ in slots]


EXTREMES = {
    "equal to the limit": (5000, 5000),
    "one fen above": (5001, 5000),
    "one fen below": (4999, 5000),
    "both zero": (0, 0),
    "negative, equal": (-7, -7),
    "the largest difference": (LIMIT // 2, -LIMIT // 2),
    "the smallest difference": (-LIMIT // 2, LIMIT // 2),
}


@pytest.mark.parametrize(("x", "t"), EXTREMES.values(), ids=EXTREMES.keys())
def test_equality_and_both_bounds_with_extreme_masks(x: int, t: int) -> None:
    masks = [0, 1, 2**32 - 1, 2**32, 2**73 - 1, 2**73 - 2**32]
    agreed = Comparison(Layout(32, len(masks)), CONTEXT, bit_proofs=False)
    masked = [x - t - 1 + 2**32 + r for r in masks]
    assert run(agreed, masked, masks) == [int(x > t)] * len(masks)


def test_through_packing() -> None:
    from tests.support.smallkeys import small

    key, layout = small().joint.public, Layout(40, 5)
    values, limits = [3, -3, 10**12, -(10**11), 0], [2, -3, 10**11, 9 * 10**11, 1]
    masks = packing.draw_masks(layout, rng=system_rng)
    total = packing.pack(key, layout, values) + packing.pack_masks(key, layout, limits, masks)
    masked = packing.unpack_masked(key, layout, total % key.n)
    assert run(Comparison(layout, CONTEXT), masked, masks) == [1, 0, 1, 0, 0]


# --- messages ---------------------------------------------------------------------------------

AGREED = Comparison(Layout(4, 2), CONTEXT)
STATE, REQUEST = compare.evaluator_start(AGREED, [21, 7], rng=system_rng)
MASKS = [5, 9]
REPLY = compare.masker_respond(AGREED, MASKS, REQUEST, rng=system_rng)


def at(data: bytes, place: int, part: bytes) -> bytes:
    return data[:place] + part + data[place + len(part) :]


BAD_REQUESTS = {
    "empty": b"",
    "cut short": REQUEST[:-1],
    "too long": REQUEST + b"\0",
    "identity as key": at(REQUEST, 0, bytes(32)),
    "identity as ciphertext": at(REQUEST, 96, bytes(32)),
    "not canonical": at(REQUEST, 64, b"\xff" * 32),
    "another key": at(REQUEST, 0, GROUP.generator),
    "ciphertexts exchanged": at(REQUEST, 32, REQUEST[96:160] + REQUEST[32:96]),
    "a commitment changed": at(REQUEST, 32 + 8 * 64, GROUP.generator),
    "last scalar changed": REQUEST[:-32] + bytes((REQUEST[-32] ^ 1,)) + REQUEST[-31:],
    "a scalar not reduced": REQUEST[:-32] + b"\xff" * 32,
    "no proof": REQUEST[: 32 + 8 * 64] + bytes(len(REQUEST) - 32 - 8 * 64),
}


@pytest.mark.parametrize("request_", BAD_REQUESTS.values(), ids=BAD_REQUESTS.keys())
def test_the_masker_refuses(request_: bytes) -> None:
    with pytest.raises(CryptoError):
        compare.masker_respond(AGREED, MASKS, request_, rng=system_rng)


def test_a_proof_of_another_permit_is_refused() -> None:
    other = Comparison(AGREED.layout, b"permit 2")
    with pytest.raises(ProofError):
        compare.masker_respond(other, MASKS, REQUEST, rng=system_rng)


def test_every_byte_of_the_request_counts() -> None:
    for place in range(0, len(REQUEST), 7):
        changed = at(REQUEST, place, bytes((REQUEST[place] ^ 4,)))
        with pytest.raises(CryptoError):
            compare.masker_respond(AGREED, MASKS, changed, rng=system_rng)


TERM = compare.TERM_BYTES
BAD_REPLIES = {
    "empty": b"",
    "cut short": REPLY.message[:-1],
    "too long": REPLY.message + b"\0",
    "identity": at(REPLY.message, TERM, bytes(32)),
    "not canonical": at(REPLY.message, TERM, b"\xff" * 32),
    "two zeros in a slot": (GROUP.generator + compare._tag(GROUP.mul_base(STATE.secret))) * 10,
}


@pytest.mark.parametrize("message", BAD_REPLIES.values(), ids=BAD_REPLIES.keys())
def test_the_evaluator_refuses(message: bytes) -> None:
    with pytest.raises(InvalidInput):
        compare.evaluator_finish(AGREED, STATE, message)


@pytest.mark.parametrize("numbers", [[1], [1, 2, 3], [1, -1], [1, 1 << 46], [1, True]])
def test_numbers_that_do_not_fit_are_refused(numbers: list[int]) -> None:
    with pytest.raises(InvalidInput):
        compare.evaluator_start(AGREED, numbers, rng=system_rng)
    with pytest.raises(InvalidInput):
        compare.masker_respond(AGREED, numbers, REQUEST, rng=system_rng)


@pytest.mark.parametrize(
    "data",
    [b"", bytes(33), STATE.to_bytes() + b"\0", STATE.secret + b"\2\0"],
    ids=["nothing", "a secret of zero", "too long", "a top bit of 2"],
)
def test_a_state_of_another_comparison_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        EvaluatorState.from_bytes(data, AGREED)


@pytest.mark.parametrize(("blinded", "flips"), [([0], [0, 1]), ([2], [0]), ([0], [-1])])
def test_reveal_takes_bits_alone(blinded: list[int], flips: list[int]) -> None:
    with pytest.raises(InvalidInput):
        compare.reveal(blinded, flips)


def test_secrets_do_not_print() -> None:
    assert STATE.secret.hex() not in repr(STATE)
    assert repr(STATE.secret) not in repr(STATE)
    assert "flips" not in repr(REPLY)


def test_length_of_messages_depends_on_the_layout_alone() -> None:
    for numbers in ([0, 0], [2**46 - 1, 2**46 - 1]):
        _, request = compare.evaluator_start(AGREED, numbers, rng=system_rng)
        reply = compare.masker_respond(AGREED, numbers, request, rng=system_rng)
        assert (len(request), len(reply.message)) == (len(REQUEST), len(REPLY.message))


def test_one_value_of_32_bits_takes_a_third_of_the_bytes_of_tno() -> None:
    agreed = Comparison(Layout(32, 1), CONTEXT)
    assert agreed.request_bytes + agreed.reply_bytes < 18_900 / 3
