"""RFC 9497 beyond its vectors: wrong keys, bad elements, bad proofs, secrets.

Tests design.md 2.2.2.
"""

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import oprf
from crypto.errors import CryptoError, InvalidElement, InvalidInput, InvalidKey, ProofError
from crypto.group import RISTRETTO255
from crypto.rng import system_rng

INPUTS = [b"resident-id:11010119900307%04d" % number for number in range(5)]
SUITES = {
    f"{name} {mode.name}": oprf.suite(name, mode=mode)
    for name in (oprf.RISTRETTO255_SHA512, oprf.P256_SHA256)
    for mode in oprf.Mode
}
each_suite = pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES.keys())
VOPRF = oprf.suite()


def new_key(suite: oprf.Suite = VOPRF) -> oprf.PrivateKey:
    return oprf.PrivateKey.generate(suite, rng=system_rng)


@pytest.fixture(scope="module")
def key() -> oprf.PrivateKey:
    return new_key()


def asked(key: oprf.PrivateKey) -> tuple[oprf.Blinds, list[bytes], list[bytes], bytes]:
    blinds, blinded = oprf.blind(key.suite, INPUTS, rng=system_rng)
    evaluated, proof = oprf.blind_evaluate(key, blinded, rng=system_rng)
    return blinds, blinded, evaluated, proof


@each_suite
def test_the_oblivious_and_the_direct_evaluation_agree(suite: oprf.Suite) -> None:
    key = new_key(suite)
    blinds, _, evaluated, proof = asked(key)
    assert len(proof) == (suite.proof_bytes if suite.mode is oprf.Mode.VOPRF else 0)
    outputs = oprf.finalize(key.public_key, blinds, evaluated, proof)
    assert outputs == oprf.evaluate(key, INPUTS)
    assert {len(output) for output in outputs} == {64 if suite.hash_name == "sha512" else 32}
    assert set(outputs).isdisjoint(oprf.evaluate(new_key(suite), INPUTS))


def test_modes_and_suites_are_separate() -> None:
    seed = bytes(32)
    outputs = [oprf.evaluate(oprf.derive_key(s, seed, b""), [b"x"])[0] for s in SUITES.values()]
    assert len(set(outputs)) == len(SUITES)


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
}


@pytest.mark.parametrize("pool", EXECUTORS.values(), ids=EXECUTORS.keys())
def test_other_cores_change_nothing(pool: Callable[[], Executor]) -> None:
    key, inputs = new_key(), [b"%d" % number for number in range(200)]
    with pool() as executor:
        blinds, blinded = oprf.blind(VOPRF, inputs, rng=system_rng, executor=executor)
        evaluated, proof = oprf.blind_evaluate(key, blinded, rng=system_rng, executor=executor)
        outputs = oprf.finalize(key.public_key, blinds, evaluated, proof, executor=executor)
        assert outputs == oprf.evaluate(key, inputs, executor=executor)
    assert outputs == oprf.evaluate(key, inputs)
    oprf.verify_proof(key.public_key, blinded, evaluated, proof)


def test_the_same_input_is_blinded_differently_each_time() -> None:
    _, blinded = oprf.blind(VOPRF, [b"x", b"x"], rng=system_rng)
    assert blinded[0] != blinded[1]


def test_nothing_asked_nothing_answered(key: oprf.PrivateKey) -> None:
    blinds, blinded = oprf.blind(VOPRF, [], rng=system_rng)
    assert oprf.blind_evaluate(key, blinded, rng=system_rng) == ([], b"")
    assert oprf.finalize(key.public_key, blinds, [], b"") == []


def tampered(key: oprf.PrivateKey) -> dict[str, Any]:
    """Every way to answer with something else than the pinned key's evaluation."""
    blinds, blinded, good, proof = asked(key)
    other, other_proof = oprf.blind_evaluate(new_key(), blinded, rng=system_rng)
    _, _, _, stale = asked(key)
    size = RISTRETTO255.scalar_bytes
    return {
        "another key": (blinds, other, other_proof),
        "another key for one element": (blinds, [*good[:-1], other[-1]], proof),
        "another key behind the good proof": (blinds, other, proof),
        "two elements swapped": (blinds, [good[1], good[0], *good[2:]], proof),
        "the request sent back": (blinds, blinded, proof),
        "a proof of another batch": (blinds, good, stale),
        "challenge and response swapped": (blinds, good, proof[size:] + proof[:size]),
        "a proof of zeroes": (blinds, good, bytes(64)),
    }


TAMPERED = [
    "another key",
    "another key for one element",
    "another key behind the good proof",
    "two elements swapped",
    "the request sent back",
    "a proof of another batch",
    "challenge and response swapped",
    "a proof of zeroes",
]


@pytest.mark.parametrize("how", TAMPERED)
def test_a_server_that_tags_the_client_is_refused(key: oprf.PrivateKey, how: str) -> None:
    blinds, evaluated, proof = tampered(key)[how]
    with pytest.raises(ProofError):
        oprf.finalize(key.public_key, blinds, evaluated, proof)
    assert len(blinds.scalars()) == len(INPUTS)  # the right answer may still come


def malformed(key: oprf.PrivateKey) -> dict[str, Any]:
    blinds, _, good, proof = asked(key)
    order = RISTRETTO255.order.to_bytes(32, "little")
    twin = good[0][:31] + bytes([good[0][31] | 0x80])
    return {
        "an element missing": (blinds, good[:-1], proof),
        "an element too many": (blinds, [*good, good[0]], proof),
        "the identity": (blinds, [bytes(32), *good[1:]], proof),
        "a second encoding": (blinds, [twin, *good[1:]], proof),
        "a short element": (blinds, [good[0][:-1], *good[1:]], proof),
        "a proof of no bytes": (blinds, good, b""),
        "a long proof": (blinds, good, proof + b"\0"),
        "a challenge of the order": (blinds, good, order + proof[32:]),
        "a response of the order": (blinds, good, proof[:32] + order),
    }


MALFORMED = [
    "an element missing",
    "an element too many",
    "the identity",
    "a second encoding",
    "a short element",
    "a proof of no bytes",
    "a long proof",
    "a challenge of the order",
    "a response of the order",
]


@pytest.mark.parametrize("how", MALFORMED)
def test_malformed_answers_are_refused(key: oprf.PrivateKey, how: str) -> None:
    blinds, evaluated, proof = malformed(key)[how]
    with pytest.raises(InvalidInput):
        oprf.finalize(key.public_key, blinds, evaluated, proof)


def test_the_tables_above_name_every_case(key: oprf.PrivateKey) -> None:
    assert list(tampered(key)) == TAMPERED
    assert list(malformed(key)) == MALFORMED


@each_suite
def test_bad_elements_are_refused_and_none_is_evaluated(suite: oprf.Suite) -> None:
    key = new_key(suite)
    _, blinded, _, _ = asked(key)
    width = suite.group.element_bytes
    for bad in (bytes(width), b"\xff" * width, b"", blinded[0] + b"\0", blinded[0][:-1]):
        with pytest.raises(InvalidElement):
            oprf.blind_evaluate(key, [*blinded, bad], rng=system_rng)


def test_mode_oprf_takes_no_proof_and_no_bad_element() -> None:
    key = new_key(oprf.suite(mode=oprf.Mode.OPRF))
    blinds, _, evaluated, _ = asked(key)
    with pytest.raises(InvalidInput):
        oprf.finalize(key.public_key, blinds, evaluated, bytes(64))
    with pytest.raises(InvalidElement):
        oprf.finalize(key.public_key, blinds, [bytes(32), *evaluated[1:]], b"")


def test_a_proof_needs_elements(key: oprf.PrivateKey) -> None:
    with pytest.raises(ProofError):
        oprf.verify_proof(key.public_key, [], [], bytes(64))


def test_bounds_of_inputs_and_batches(key: oprf.PrivateKey) -> None:
    assert oprf.evaluate(key, [bytes(65535)])
    for step in (
        lambda: oprf.evaluate(key, [bytes(65536)]),
        lambda: oprf.blind(VOPRF, [bytes(65536)], rng=system_rng),
        lambda: oprf.blind(VOPRF, [b""] * 65536, rng=system_rng),
        lambda: oprf.blind_evaluate(key, [b""] * 65536, rng=system_rng),
    ):
        with pytest.raises(InvalidInput):
            step()


def test_a_proof_draws_a_fresh_nonce(key: oprf.PrivateKey) -> None:
    _, blinded, _, first = asked(key)
    _, second = oprf.blind_evaluate(key, blinded, rng=system_rng)
    assert first != second


def test_blinds_are_used_once(key: oprf.PrivateKey) -> None:
    blinds, _, evaluated, proof = asked(key)
    oprf.finalize(key.public_key, blinds, evaluated, proof)
    with pytest.raises(InvalidInput, match="used"):
        oprf.finalize(key.public_key, blinds, evaluated, proof)


def test_secrets_do_not_print_or_pickle() -> None:
    key = new_key()
    blinds, *_ = asked(key)
    for secret, hidden in ((key, [key.to_bytes()]), (blinds, [*blinds.scalars(), *INPUTS])):
        for data in hidden:
            assert data.hex() not in repr(secret) and repr(data)[2:-1] not in str(secret)
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    key.wipe()
    with pytest.raises(InvalidInput):
        oprf.evaluate(key, [b"x"])


@each_suite
def test_bad_keys_are_refused(suite: oprf.Suite) -> None:
    for scalar in (bytes(32), b"\xff" * 32, b"\1" * 31):
        with pytest.raises(InvalidInput):
            oprf.PrivateKey(suite, scalar)
    for element in (bytes(suite.group.element_bytes), b"\xff" * suite.group.element_bytes, b""):
        with pytest.raises(InvalidKey):
            oprf.PublicKey(suite, element)


def test_unknown_suites_and_seeds_are_refused() -> None:
    with pytest.raises(InvalidInput, match="P256-SHA256"):
        oprf.suite("P384-SHA384")
    with pytest.raises(InvalidInput):
        oprf.derive_key(VOPRF, bytes(31), b"")
    with pytest.raises(InvalidInput):
        oprf.derive_key(VOPRF, bytes(32), bytes(65536))


@settings(max_examples=60, deadline=None)
@given(
    elements=st.lists(st.binary(max_size=34) | st.binary(min_size=32, max_size=32), max_size=3),
    proof=st.binary(max_size=70) | st.binary(min_size=64, max_size=64),
)
def test_arbitrary_bytes_never_pass(
    key: oprf.PrivateKey, elements: list[bytes], proof: bytes
) -> None:
    blinds, _ = oprf.blind(VOPRF, [b"x"] * max(1, len(elements)), rng=system_rng)
    with pytest.raises(CryptoError):
        oprf.finalize(key.public_key, blinds, elements, proof)


def test_an_evaluation_of_known_inputs_is_proved_and_gives_what_blinding_gives() -> None:
    key = oprf.PrivateKey.generate(oprf.suite(), rng=system_rng)
    inputs = [b"ann", b"ben"]
    evaluated, proof = oprf.prove_evaluation(key, inputs, rng=system_rng)
    outputs = oprf.verify_evaluation(key.public_key, inputs, evaluated, proof)
    assert outputs == oprf.evaluate(key, inputs)
    other = oprf.PrivateKey.generate(oprf.suite(), rng=system_rng)
    for public, asked in (
        (other.public_key, inputs),
        (key.public_key, [b"ann", b"bob"]),
        (key.public_key, [b"ben", b"ann"]),
        (key.public_key, [b"ann"]),
    ):
        with pytest.raises(ProofError):
            oprf.verify_evaluation(public, asked, evaluated, proof)


def test_an_evaluation_without_inputs_or_proof_is_not_proved() -> None:
    for mode, inputs in ((oprf.Mode.VOPRF, []), (oprf.Mode.OPRF, [b"ann"])):
        key = oprf.PrivateKey.generate(oprf.suite(mode=mode), rng=system_rng)
        with pytest.raises(InvalidInput):
            oprf.prove_evaluation(key, inputs, rng=system_rng)
