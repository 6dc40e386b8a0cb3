"""RFC 9497's vectors for both suites and both modes, batched proofs included.

Tests design.md 2.2.2.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crypto import oprf

VECTORS = Path(__file__).resolve().parents[2].parent / "shared/vectors/rfc9497/allVectors.json"
SUITES = ("ristretto255-SHA512", "P256-SHA256")


def published() -> list[Any]:
    return list(_published())


def _published() -> Iterator[Any]:
    if not VECTORS.exists():
        reason = "the published vectors of RFC 9497 are not beside the project"
        yield pytest.param({}, {}, marks=pytest.mark.skip(reason=reason), id="absent")
        return
    for group in json.loads(VECTORS.read_text()):
        if group["identifier"] in SUITES and group["mode"] in (0, 1):
            for number, vector in enumerate(group["vectors"]):
                name = f"{group['identifier']}-mode{group['mode']}-{number}"
                yield pytest.param(group, vector, id=name)


def unhex(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split(",")]


def key_of(group: dict[str, Any]) -> oprf.PrivateKey:
    suite = oprf.suite(group["identifier"], mode=oprf.Mode(group["mode"]))
    return oprf.derive_key(suite, bytes.fromhex(group["seed"]), bytes.fromhex(group["keyInfo"]))


@pytest.mark.parametrize(("group", "vector"), published())
def test_published_key_and_tags(group: dict[str, Any], vector: dict[str, Any]) -> None:
    key = key_of(group)
    assert key.to_bytes().hex() == group["skSm"]
    assert (b"HashToGroup-" + key.suite.context).hex() == group["groupDST"]
    if group["mode"] == 1:
        assert key.public_key.to_bytes().hex() == group["pkSm"]


@pytest.mark.parametrize(("group", "vector"), published())
def test_published_transcript(group: dict[str, Any], vector: dict[str, Any]) -> None:
    key, inputs = key_of(group), unhex(vector["Input"])
    blinds, blinded = oprf.blind_with(key.suite, inputs, unhex(vector["Blind"]))
    assert blinded == unhex(vector["BlindedElement"])

    nonce = unhex(vector["Proof"]["r"])[0] if group["mode"] == 1 else b""
    evaluated, proof = oprf.blind_evaluate_with(key, blinded, nonce)
    assert evaluated == unhex(vector["EvaluationElement"])
    assert proof.hex() == (vector["Proof"]["proof"] if group["mode"] == 1 else "")

    outputs = oprf.finalize(key.public_key, blinds, evaluated, proof)
    assert outputs == unhex(vector["Output"])
    assert oprf.evaluate(key, inputs) == outputs


def test_every_published_vector_of_these_suites_is_run() -> None:
    if not VECTORS.exists():
        pytest.skip("the published vectors of RFC 9497 are not beside the project")
    assert len(published()) == 10  # 2 single in mode 0, 2 single and 1 batch in mode 1
