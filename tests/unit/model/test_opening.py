"""Who stands in a permit: departments in the manifest's order, holders in the nonce's.

Tests design.md 2.6.7, 2.6.9.
"""

import pytest

from model.documents.opening import Permit, Skip, holder_order
from model.documents.query import Commitments, Manifest
from model.opening import Holders, MismatchError, check_holders, check_split

DEPARTMENTS = ["banks", "education", "tax"]
HOLDERS = ["audit-office", "banks", "tax", "vehicles"]
ANY = "11" * 32
MANIFEST = Manifest(
    suite="hedui-v1:paillier-threshold-root,ristretto255-SHA512,ed25519,sha256",
    federation="22" * 32,
    sequence=1,
    nonce="33" * 32,
    commitments=Commitments(**dict.fromkeys(Commitments.model_fields, ANY)),
    departments=DEPARTMENTS,
    policy=ANY,
    level="verdict",
    purpose="social-assistance",
    issued_at="2026-11-23T08:00:00Z",
    expires_at="2026-11-30T08:00:00Z",
)
ORDER = holder_order(MANIFEST.nonce, MANIFEST.federation, HOLDERS)


def permit(**changed: object) -> Permit:
    fields: dict[str, object] = {
        "permit": "44" * 16,
        "manifest": ANY,
        "kind": "rules",
        "answers": ANY,
        "answering": DEPARTMENTS,
        "silent": [],
        "holders": ORDER[:2],
        "skips": [],
        "issued_at": "2026-11-23T08:00:00Z",
        "expires_at": "2026-11-23T09:00:00Z",
    }
    return Permit.model_validate(fields | changed)


SPLITS = {
    "all answer": (DEPARTMENTS, []),
    "one is silent": (["banks", "tax"], ["education"]),
    "two are silent": (["education"], ["tax", "banks"]),
}


@pytest.mark.parametrize(("answering", "silent"), SPLITS.values(), ids=SPLITS.keys())
def test_a_split_of_the_manifests_departments_is_taken(
    answering: list[str], silent: list[str]
) -> None:
    check_split(MANIFEST, permit(answering=answering, silent=silent))


BAD_SPLITS = {
    "in another order": (["tax", "banks"], ["education"], "order"),
    "the last two swapped": (["banks", "tax", "education"], [], "order"),
    "one left out": (["banks", "tax"], [], "not together"),
    "one that was never asked": ([*DEPARTMENTS, "vehicles"], [], "not together"),
    "one on both sides": (DEPARTMENTS, ["tax"], "not together"),
    "one answers twice": (["banks", "banks", "education", "tax"], [], "twice"),
    "one is silent twice": (["banks", "tax"], ["education", "education"], "twice"),
}


@pytest.mark.parametrize(
    ("answering", "silent", "word"), BAD_SPLITS.values(), ids=BAD_SPLITS.keys()
)
def test_any_other_is_refused(answering: list[str], silent: list[str], word: str) -> None:
    with pytest.raises(MismatchError, match=word):
        check_split(MANIFEST, permit(answering=answering, silent=silent))


def test_holders_follow_the_order_of_the_nonce_less_those_skipped() -> None:
    check_holders(MANIFEST, permit(), Holders(HOLDERS, 2))
    first = Skip(holder=ORDER[0], reason="unreachable")
    check_holders(MANIFEST, permit(holders=ORDER[1:3], skips=[first]), Holders(HOLDERS, 2))


BAD_HOLDERS = {
    "masker and evaluator swapped": ORDER[1::-1],
    "one passed over without a skip": [ORDER[0], ORDER[2]],
    "more than t": ORDER[:3],
    "nobody's": [ORDER[0], "registrar"],
    "one twice": [ORDER[0], ORDER[0]],
}


@pytest.mark.parametrize("holders", BAD_HOLDERS.values(), ids=BAD_HOLDERS.keys())
def test_holders_out_of_order_are_refused(holders: list[str]) -> None:
    with pytest.raises(MismatchError):
        check_holders(MANIFEST, permit(holders=holders), Holders(HOLDERS, 2))


def test_fewer_holders_than_t_are_refused_whoever_was_skipped() -> None:
    skips = [Skip(holder=h, reason="unreachable") for h in ORDER[:2]]
    with pytest.raises(MismatchError):
        check_holders(MANIFEST, permit(holders=ORDER[2:], skips=skips), Holders(HOLDERS, 3))
