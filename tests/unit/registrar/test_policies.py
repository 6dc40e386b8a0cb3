"""PolicyService, as every process serves it: own people, sound policies, ledgered.

Tests design.md 2.4.1.
"""

from typing import Any

from hedui.v1 import policy_pb2 as pb
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from model.policy import policy_digest
from model.reasons import Reason
from tests.unit.registrar.conftest import World, refused
from tests.unit.registrar.policy import POLICY

OTHER = POLICY.replace('name = "small"', 'name = "other"')
DIGEST = policy_digest(OTHER.encode())


def _approve(world: World, text: str, by: str = "zhao") -> Any:
    request = pb.ApprovePolicyRequest(policy=text.encode())
    return world.call(by, PolicyServiceStub, "ApprovePolicy", request)


def _withdraw(world: World, digest: bytes = DIGEST) -> Any:
    request = pb.WithdrawPolicyRequest(digest=digest)
    return world.call("zhao", PolicyServiceStub, "WithdrawPolicy", request)


def _rows(world: World) -> dict[str, str]:
    reply = world.call("zhao", PolicyServiceStub, "ListPolicies", pb.ListPoliciesRequest())
    return {row.name: row.withdrawn_at for row in reply.policies}


def test_an_approved_policy_is_in_force_and_ledgered_once(world: World) -> None:
    reply = _approve(world, OTHER)
    assert reply.digest == DIGEST
    assert any("cars_allowed" in finding for finding in reply.findings)
    size = len(world.ledger())
    _approve(world, OTHER)
    assert len(world.ledger()) == size
    assert world.ledger()[-1].fields["policy"] == DIGEST.hex()
    assert _rows(world) == {"small": "", "other": ""}


def test_a_withdrawn_policy_is_out_of_force_until_approved_again(world: World) -> None:
    _approve(world, OTHER)
    _withdraw(world)
    assert _rows(world)["other"] != ""
    refused(Reason.POLICY_UNKNOWN, lambda: _withdraw(world))
    _approve(world, OTHER)
    assert _rows(world)["other"] == ""
    events = [e.event for e in world.ledger() if e.event.startswith("policy.")]
    assert events[1:] == [
        "policy.approved",
        "policy.withdrawn",
        "policy.refused",
        "policy.approved",
    ]


def test_an_unsound_policy_is_refused_in_words(world: World) -> None:
    unsound = OTHER.replace('max = "20"', 'max = "-1"')
    assert "measures.cars" in refused(Reason.POLICY_INVALID, lambda: _approve(world, unsound))
    refused(Reason.POLICY_INVALID, lambda: _approve(world, "not = [toml"))
    assert _rows(world) == {"small": ""}
    assert world.ledger()[-1].event == "policy.refused"


def test_only_registrar_officers_decide_here(world: World) -> None:
    refused(Reason.WRONG_ORGANISATION, lambda: _approve(world, OTHER, by="adam"))
    refused(Reason.WRONG_ORGANISATION, lambda: _approve(world, OTHER, by="wang"))
    refused(Reason.WRONG_ROLE, lambda: _approve(world, OTHER, by="coordinator"))
