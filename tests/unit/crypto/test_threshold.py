"""Threshold roots: any t open, t - 1 do not, and who sends a wrong share is named.

Tests design.md 2.6.3.
"""

from itertools import combinations

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import paillier, threshold
from crypto.errors import InvalidCiphertext, InvalidInput, InvalidKey, ProofError, ShareError
from crypto.rng import random_below, system_rng
from crypto.threshold import JointKey, KeyShare
from tests.support.smallkeys import SMALL_BITS, SMALL_PRIMES, small

SIZES = [(2, 3), (3, 5), (5, 9)]
DEALT = small(2, 3)
JOINT, SHARES, KEY = DEALT.joint, DEALT.shares, DEALT.joint.public
P, Q = SMALL_PRIMES[:2]


def encryption(joint: JointKey, plaintext: int) -> int:
    return paillier.encrypt(joint.public, plaintext, rng=system_rng).ciphertext


def shares_of(dealt: threshold.Dealt, ciphertext: int, *indices: int) -> dict[int, int]:
    return {i: threshold.share(dealt.joint, dealt.shares[i - 1], ciphertext) for i in indices}


@pytest.mark.parametrize(("t", "count"), SIZES)
def test_any_t_holders_open(t: int, count: int) -> None:
    dealt = small(t, count)
    c = encryption(dealt.joint, 1234567)
    every = shares_of(dealt, c, *range(1, count + 1))
    roots = set()
    for chosen in combinations(range(1, count + 1), t):
        opened = threshold.combine(dealt.joint, c, {i: every[i] for i in chosen})
        assert opened.plaintext == 1234567
        roots.add(opened.root)
    assert len(roots) == 1
    root, n = roots.pop(), dealt.joint.public.n
    assert (1 + 1234567 * n) * pow(root, n, n * n) % (n * n) == c


CLASSES = {
    "residue": (1, 1),
    "no square mod p": (-1, 1),
    "no square mod q": (1, -1),
    "neither": (-1, -1),
}


@pytest.mark.parametrize("signs", CLASSES.values(), ids=CLASSES.keys())
def test_every_unit_opens_whatever_its_quadratic_class(signs: tuple[int, int]) -> None:
    while True:
        x = random_below(KEY.n, rng=system_rng)
        if (gmpy2.legendre(x, P), gmpy2.legendre(x, Q)) == signs:
            break
    c = (1 + 99 * KEY.n) * pow(x, KEY.n, KEY.n2) % KEY.n2
    opened = threshold.combine(JOINT, c, shares_of(DEALT, c, 1, 3))
    assert (opened.plaintext, opened.root) == (99, x)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, KEY.n - 1))
def test_every_plaintext_opens(plaintext: int) -> None:
    c = encryption(JOINT, plaintext)
    assert threshold.combine(JOINT, c, shares_of(DEALT, c, 2, 3)).plaintext == plaintext


@pytest.mark.parametrize(("t", "count"), SIZES)
def test_fewer_than_t_do_not_open(t: int, count: int) -> None:
    """Neither by themselves nor with a guessed share, nor as if t were smaller."""
    dealt = small(t, count)
    c = encryption(dealt.joint, 5)
    few = shares_of(dealt, c, *range(1, t))
    with pytest.raises(ShareError, match="due"):
        threshold.combine(dealt.joint, c, few)
    with pytest.raises(ShareError, match="root"):
        threshold.combine(dealt.joint, c, {**few, count: 4})
    x = c % dealt.joint.public.n
    root = threshold._root(dealt.joint, x, few)
    assert pow(root, dealt.joint.public.n, dealt.joint.public.n) != x


# --- wrong shares -----------------------------------------------------------------------------


def test_a_flipped_sign_is_harmless() -> None:
    """A share counts up to its sign: the negative of every share combines to the same root."""
    c = encryption(JOINT, 8)
    good = shares_of(DEALT, c, 1, 2)
    flipped = {1: KEY.n - good[1], 2: good[2]}
    assert threshold._root(JOINT, c % KEY.n, flipped) == threshold._root(JOINT, c % KEY.n, good)
    # ... and the wire knows only one of the two
    with pytest.raises(InvalidInput):
        threshold.check_share(JOINT, flipped[1])


C1 = encryption(JOINT, 1)
C2 = encryption(JOINT, 2)
GOOD = shares_of(DEALT, C1, 1, 2)
FOREIGN = small(2, 3, other=True)

WRONG_SHARES = {
    "a random unit": 123456789,
    "one": 1,
    "replayed from another ciphertext": threshold.share(JOINT, SHARES[1], C2),
    "another holder's": threshold.share(JOINT, SHARES[2], C1),
    "the first holder's own": GOOD[1],
    "squared": min(GOOD[2] ** 2 % KEY.n, -(GOOD[2] ** 2) % KEY.n),
    "doubled": min(2 * GOOD[2] % KEY.n, -2 * GOOD[2] % KEY.n),
    "of a foreign key": threshold.share(
        FOREIGN.joint, FOREIGN.shares[1], C1 % FOREIGN.joint.public.n2
    )
    % (KEY.n // 2),
}


@pytest.mark.parametrize("value", WRONG_SHARES.values(), ids=WRONG_SHARES.keys())
def test_a_wrong_share_is_detected_and_its_sender_named(value: int) -> None:
    sent = {1: GOOD[1], 2: value}
    with pytest.raises(ShareError):
        threshold.combine(JOINT, C1, sent)
    proofs = {
        i: (
            threshold.prove_share(JOINT, SHARES[i - 1], C1, context=b"p%d" % i, rng=system_rng),
            b"p%d" % i,
        )
        for i in (1, 2)
    }
    assert threshold.blame(JOINT, C1, sent, proofs) == [2]
    assert threshold.blame(JOINT, C1, sent, {1: proofs[1]}) == [2]
    assert threshold.blame(JOINT, C1, GOOD, proofs) == []


NO_SHARES = {
    "zero": 0,
    "negative": -5,
    "above n/2": KEY.n - 1,
    "n": KEY.n,
    "a multiple of p": P,
    "a boolean": True,
}


@pytest.mark.parametrize("value", NO_SHARES.values(), ids=NO_SHARES.keys())
def test_what_is_no_share_is_refused_and_its_sender_named(value: int) -> None:
    with pytest.raises(InvalidInput):
        threshold.check_share(JOINT, value)
    with pytest.raises(ShareError) as caught:
        threshold.combine(JOINT, C1, {1: GOOD[1], 2: value})
    assert caught.value.holder == 2


@pytest.mark.parametrize("index", [0, 4, -1])
def test_a_share_of_no_holder_is_refused(index: int) -> None:
    with pytest.raises(ShareError, match="no holder") as caught:
        threshold.combine(JOINT, C1, {1: GOOD[1], index: GOOD[2]})
    assert caught.value.holder == index


def test_shares_have_one_width() -> None:
    data = threshold.encode_share(JOINT, GOOD[1])
    assert len(data) == JOINT.share_bytes
    assert threshold.decode_share(JOINT, data) == GOOD[1]
    for wrong in (data[1:], data + b"\0", bytes(len(data)), b"\xff" * len(data)):
        with pytest.raises(InvalidInput):
            threshold.decode_share(JOINT, wrong)


@pytest.mark.parametrize("ciphertext", [0, KEY.n, 7 * KEY.n, KEY.n2, P, -1])
def test_a_holder_refuses_what_is_no_ciphertext(ciphertext: int) -> None:
    with pytest.raises(InvalidCiphertext):
        threshold.share(JOINT, SHARES[0], ciphertext)
    with pytest.raises(InvalidCiphertext):
        threshold.combine(JOINT, ciphertext, GOOD)


def test_a_holder_refuses_another_key() -> None:
    with pytest.raises(InvalidKey):
        threshold.share(JOINT, FOREIGN.shares[0], C1)


# --- share proofs -----------------------------------------------------------------------------

PROOF = threshold.prove_share(JOINT, SHARES[0], C1, context=b"permit", rng=system_rng)


def test_a_share_proof_verifies_and_has_one_width() -> None:
    assert len(PROOF) == JOINT.proof_bytes
    threshold.verify_share(JOINT, 1, C1, GOOD[1], PROOF, context=b"permit")


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


BAD_PROOFS = {
    "of another session": (1, C1, GOOD[1], PROOF, b"other"),
    "of another holder": (2, C1, GOOD[1], PROOF, b"permit"),
    "of another ciphertext": (1, C2, GOOD[1], PROOF, b"permit"),
    "of another share": (1, C1, GOOD[2], PROOF, b"permit"),
    "challenge changed": (1, C1, GOOD[1], _flip(PROOF, 0), b"permit"),
    "response changed": (1, C1, GOOD[1], _flip(PROOF, len(PROOF) - 1), b"permit"),
    "cut short": (1, C1, GOOD[1], PROOF[:-1], b"permit"),
    "too long": (1, C1, GOOD[1], PROOF + b"\0", b"permit"),
    "empty": (1, C1, GOOD[1], b"", b"permit"),
    "no such holder": (9, C1, GOOD[1], PROOF, b"permit"),
}


@pytest.mark.parametrize(
    ("index", "c", "value", "proof", "context"), BAD_PROOFS.values(), ids=BAD_PROOFS.keys()
)
def test_bad_share_proofs_are_refused(
    index: int, c: int, value: int, proof: bytes, context: bytes
) -> None:
    with pytest.raises(ProofError):
        threshold.verify_share(JOINT, index, c, value, proof, context=context)


# --- keys -------------------------------------------------------------------------------------


def test_keys_return_from_their_bytes() -> None:
    assert JointKey.from_bytes(JOINT.to_bytes(), minimum_bits=SMALL_BITS) == JOINT
    for share in SHARES:
        assert KeyShare.from_bytes(share.to_bytes(JOINT), JOINT) == share


def test_a_share_does_not_print() -> None:
    assert str(SHARES[0].secret) not in f"{SHARES[0]!r} {SHARES[0]!s} {DEALT!r}"


def test_a_key_share_that_does_not_match_is_refused() -> None:
    data = SHARES[0].to_bytes(JOINT)
    bad = {
        "cut short": data[:-1],
        "index changed": b"\x02" + data[1:],
        "index out of range": b"\x07" + data[1:],
        "fingerprint changed": _flip(data, 5),
        "secret changed": _flip(data, len(data) - 1),
    }
    for what, changed in bad.items():
        with pytest.raises(InvalidKey):
            KeyShare.from_bytes(changed, JOINT)
            pytest.fail(what)


BAD_JOINT = {
    "empty": b"",
    "cut short": JOINT.to_bytes()[:-1],
    "too long": JOINT.to_bytes() + b"\0",
    "t = 1": b"\x01" + JOINT.to_bytes()[1:],
    "t > l": b"\x04" + JOINT.to_bytes()[1:],
    "a verification key of 0": JOINT.to_bytes()[: -KEY.plaintext_bytes]
    + bytes(KEY.plaintext_bytes),
}


@pytest.mark.parametrize("data", BAD_JOINT.values(), ids=BAD_JOINT.keys())
def test_bad_joint_keys_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidKey):
        JointKey.from_bytes(data, minimum_bits=SMALL_BITS)


BAD_DEALS = {
    "short in production": dict(bits=1024, threshold=2, holders=3),
    "odd length": dict(bits=2050, threshold=2, holders=3),
    "t = 1": dict(bits=2048, threshold=1, holders=1),
    "two groups could open": dict(bits=2048, threshold=2, holders=4),
    "t > l": dict(bits=2048, threshold=4, holders=3),
    "too many holders": dict(bits=2048, threshold=10, holders=17),
}


@pytest.mark.parametrize("terms", BAD_DEALS.values(), ids=BAD_DEALS.keys())
def test_bad_deals_are_refused_before_any_search(terms: dict[str, int]) -> None:
    def no_rng(count: int) -> bytes:
        raise AssertionError("randomness was asked for")

    with pytest.raises(InvalidKey):
        threshold.deal(
            bits=terms["bits"], threshold=terms["threshold"], holders=terms["holders"], rng=no_rng
        )


def _next_safe(p: int) -> int:
    q = p // 2 + 1
    while not (gmpy2.is_prime(q) and gmpy2.is_prime(2 * q + 1)):
        q += 1
    return 2 * q + 1


BAD_PRIMES = {
    "one twice": (P, P),
    "close together": (P, _next_safe(P)),
    "not safe": (P, int(gmpy2.next_prime(Q))),
    "composite": (P, P // 2 * 2 + 3),
    "of two lengths": (P, 0x5EB7 * 2 + 1),
}


@pytest.mark.parametrize("pair", BAD_PRIMES.values(), ids=BAD_PRIMES.keys())
def test_bad_primes_are_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(InvalidKey):
        threshold.deal_from_primes(
            *pair, threshold=2, holders=3, rng=system_rng, minimum_bits=SMALL_BITS
        )


def test_the_randomiser_base_generates_the_residues_with_jacobi_symbol_one() -> None:
    """ADR 0010: order 2 p'q', so ρ is uniform among all units of the product's Jacobi symbol."""
    order = 2 * (P // 2) * (Q // 2)
    h = KEY.h_s % KEY.n
    assert pow(KEY.h_s, order, KEY.n2) == 1
    for factor in (2, P // 2, Q // 2):
        assert pow(h, order // factor, KEY.n) != 1
    assert gmpy2.jacobi(h, KEY.n) == 1
