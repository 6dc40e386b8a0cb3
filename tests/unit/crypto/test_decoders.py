"""Decoders of the Paillier side: any bytes are taken canonically or refused by one error tree.

Tests design.md 3.4, 3.5.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import comparison, knowledge, paillier, threshold
from crypto.comparison import Comparison, EvaluatorState
from crypto.errors import CryptoError
from crypto.packing import Layout
from crypto.paillier import PublicKey
from crypto.rng import system_rng
from crypto.threshold import JointKey, KeyShare
from tests.support.smallkeys import SMALL_BITS, small

DEALT = small(2, 3)
JOINT, KEY = DEALT.joint, DEALT.joint.public
AGREED = Comparison(Layout(2, 1), b"permit")
STATE, REQUEST = comparison.evaluator_start(AGREED, [5], rng=system_rng)
REPLY = comparison.masker_respond(AGREED, [3], REQUEST, rng=system_rng)
MADE = paillier.encrypt(KEY, 1, rng=system_rng)
PROOF = knowledge.prove(KEY, MADE, 1, context=b"", rng=system_rng)

Decoder = Callable[[bytes], object]
DECODERS: dict[str, tuple[Decoder, bytes]] = {
    "public key": (lambda d: PublicKey.from_bytes(d, minimum_bits=SMALL_BITS), KEY.to_bytes()),
    "joint key": (lambda d: JointKey.from_bytes(d, minimum_bits=SMALL_BITS), JOINT.to_bytes()),
    "key share": (lambda d: KeyShare.from_bytes(d, JOINT), DEALT.shares[0].to_bytes(JOINT)),
    "share": (
        lambda d: threshold.decode_share(JOINT, d),
        threshold.encode_share(JOINT, threshold.share(JOINT, DEALT.shares[0], MADE.ciphertext)),
    ),
    "evaluator's state": (lambda d: EvaluatorState.from_bytes(d, AGREED), STATE.to_bytes()),
    "request": (
        lambda d: comparison.masker_respond(AGREED, [3], d, rng=system_rng),
        REQUEST,
    ),
    "reply": (lambda d: comparison.evaluator_finish(AGREED, STATE, d), REPLY.message),
    "proof": (lambda d: knowledge.verify(KEY, MADE.ciphertext, d, context=b""), PROOF),
}


@pytest.mark.parametrize(("decode", "good"), DECODERS.values(), ids=DECODERS.keys())
def test_the_good_one_is_taken(decode: Decoder, good: bytes) -> None:
    decode(good)


@pytest.mark.parametrize(("decode", "good"), DECODERS.values(), ids=DECODERS.keys())
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_anything_else_is_refused_by_our_errors_alone(
    decode: Decoder, good: bytes, data: st.DataObject
) -> None:
    """Random bytes, and the good message cut, lengthened or with some bytes changed."""
    start = data.draw(st.integers(0, len(good)))
    length = data.draw(st.sampled_from([0, 1, 8, 32]))
    middle = data.draw(st.binary(min_size=length, max_size=length))
    changed = data.draw(
        st.sampled_from(
            [good[:start], good + middle, good[:start] + middle + good[start + length :], middle]
        )
    )
    try:
        decode(changed)
    except CryptoError:
        return
    # What is taken has the same width: nothing is cut off or padded.
    assert len(changed) == len(good)
