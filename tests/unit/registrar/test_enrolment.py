"""Enrolment: evaluated under the pinned key, counted once, never beyond the budget.

Tests design.md 2.2.2 to 2.2.4, 2.2.6.
"""

from collections.abc import Callable
from typing import Any

import pytest

from crypto import oprf
from crypto.rng import system_rng
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import BudgetServiceStub, EnrolmentServiceStub
from model.identifiers import parse
from model.limits import MAX_BATCH
from model.pseudonym import oprf_input, pseudonym
from model.reasons import Reason
from tests.unit.registrar.conftest import World, refused, resident

SUITE = oprf.suite()


def _budget(world: World, method: str, officer: str, **changes: Any) -> str:
    kind = pb.ProposeBudgetRequest if method == "ProposeBudget" else pb.ApproveBudgetRequest
    terms: dict[str, Any] = {"department": "tax", "epoch": 1, "total": 10, "daily": 3} | changes
    return str(world.call(officer, BudgetServiceStub, method, kind(**terms)).state)


def _approved(world: World, **terms: Any) -> None:
    _budget(world, "ProposeBudget", "zhao", **terms)
    _budget(world, "ApproveBudget", "qian", **terms)


def _blinded(count: int) -> tuple[oprf.Blinds, list[bytes]]:
    inputs = [oprf_input(parse(resident(n))) for n in range(count)]
    return oprf.blind(SUITE, inputs, rng=system_rng)


def _evaluate(world: World, blinded: list[bytes], *, by: str = "tax", **changes: Any) -> Any:
    terms: dict[str, Any] = {
        "department": "tax",
        "epoch": 1,
        "blinded": blinded,
        "batch": system_rng(16),
    } | changes
    return world.call(by, EnrolmentServiceStub, "Evaluate", pb.EvaluateRequest(**terms))


def _pinned(world: World) -> oprf.PublicKey:
    department = world.federation.department("tax")
    assert department is not None
    return oprf.PublicKey(SUITE, bytes.fromhex(department.prf_keys[0].public_key))


def test_the_node_gets_what_tickets_will_hold(world: World) -> None:
    _approved(world)
    blinds, blinded = _blinded(3)
    reply = _evaluate(world, blinded)
    outputs = oprf.finalize(_pinned(world), blinds, list(reply.evaluated), reply.proof)
    world.give()
    [ticket] = [t for t in world.issue(world.ask()).tickets if t.department == "tax"]
    assert set(ticket.pseudonyms) == {pseudonym(o).hex() for o in outputs[1:3]}
    assert reply.budget_left == 10 - 3 + 3


def test_a_repeated_batch_is_answered_again_and_counted_once(world: World) -> None:
    _approved(world)
    blinds, blinded = _blinded(4)
    batch = system_rng(16)
    first = _evaluate(world, blinded, batch=batch)
    size = len(world.ledger())
    second = _evaluate(world, blinded, batch=batch)
    assert list(second.evaluated) == list(first.evaluated)
    assert second.budget_left == first.budget_left
    assert len(world.ledger()) == size
    oprf.finalize(_pinned(world), blinds, list(second.evaluated), second.proof)


def test_a_batch_id_does_not_serve_for_other_elements(world: World) -> None:
    _approved(world)
    batch = system_rng(16)
    _evaluate(world, _blinded(1)[1], batch=batch)
    refused(Reason.MALFORMED, lambda: _evaluate(world, _blinded(2)[1], batch=batch))


def test_total_then_daily_allowance_then_nothing_until_tomorrow(world: World) -> None:
    _approved(world)
    _evaluate(world, _blinded(9)[1])
    assert _evaluate(world, _blinded(3)[1]).budget_left == 1
    refused(Reason.BUDGET_EXHAUSTED, lambda: _evaluate(world, _blinded(2)[1]))
    assert _evaluate(world, _blinded(1)[1]).budget_left == 0
    world.clock.move(days=1)
    assert _evaluate(world, _blinded(3)[1]).budget_left == 0


def test_a_larger_budget_keeps_count_of_what_was_used(world: World) -> None:
    _approved(world)
    _evaluate(world, _blinded(10)[1])
    _approved(world, total=12, daily=0)
    assert _evaluate(world, _blinded(2)[1]).budget_left == 0
    refused(Reason.BUDGET_EXHAUSTED, lambda: _evaluate(world, _blinded(1)[1]))


def test_without_a_budget_nothing_is_evaluated(world: World) -> None:
    refused(Reason.BUDGET_MISSING, lambda: _evaluate(world, _blinded(1)[1]))
    _budget(world, "ProposeBudget", "zhao")
    refused(Reason.BUDGET_MISSING, lambda: _evaluate(world, _blinded(1)[1]))


BAD: dict[str, tuple[Callable[[World], Any], Reason]] = {
    "another department's key": (
        lambda w: _evaluate(w, _blinded(1)[1], by="bank"),
        Reason.WRONG_DEPARTMENT,
    ),
    "an epoch that is not pinned": (
        lambda w: _evaluate(w, _blinded(1)[1], epoch=2),
        Reason.EPOCH_UNKNOWN,
    ),
    "nothing": (lambda w: _evaluate(w, []), Reason.MALFORMED),
    "too much": (
        lambda w: _evaluate(w, _blinded(1)[1] * (MAX_BATCH + 1)),
        Reason.MALFORMED,
    ),
    "the identity": (lambda w: _evaluate(w, [bytes(32)]), Reason.MALFORMED),
    "no element of the group": (lambda w: _evaluate(w, [b"\xff" * 32]), Reason.MALFORMED),
    "a short batch id": (
        lambda w: _evaluate(w, _blinded(1)[1], batch=b"short"),
        Reason.MALFORMED,
    ),
    "the coordinator": (
        lambda w: _evaluate(w, _blinded(1)[1], by="coordinator"),
        Reason.WRONG_ROLE,
    ),
}


@pytest.mark.parametrize(("call", "reason"), BAD.values(), ids=BAD.keys())
def test_a_bad_batch_costs_nothing(
    world: World, call: Callable[[World], Any], reason: Reason
) -> None:
    _approved(world)
    refused(reason, lambda: call(world))
    assert not [e for e in world.ledger() if e.event == "enrolment.evaluated"]
    assert _evaluate(world, _blinded(10)[1]).budget_left == 3


def test_two_officers_decide_on_a_budget(world: World) -> None:
    refused(Reason.BUDGET_MISSING, lambda: _budget(world, "ApproveBudget", "qian"))
    assert _budget(world, "ProposeBudget", "zhao") == "proposed"
    refused(Reason.SAME_PERSON, lambda: _budget(world, "ApproveBudget", "zhao"))
    refused(Reason.BUDGET_MISMATCH, lambda: _budget(world, "ApproveBudget", "qian", total=11))
    assert _budget(world, "ApproveBudget", "qian") == "approved"
    refused(Reason.BUDGET_MISSING, lambda: _budget(world, "ApproveBudget", "qian"))


def test_the_ledger_counts_without_naming_a_number(world: World) -> None:
    _approved(world)
    _evaluate(world, _blinded(2)[1])
    [entry] = [e for e in world.ledger() if e.event == "enrolment.evaluated"]
    assert (entry.fields["department"], entry.fields["epoch"]) == ("tax", 1)
    assert len(entry.fields["count"]) == 64
