"""Opening permits: one per manifest, holders in the fixed order, asked by the registrar itself.

Tests design.md 2.3.10, 2.6.6, 2.6.7, 2.6.18.
"""

from functools import partial
from typing import Any

from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.documents.opening import Permit, holder_order
from model.documents.signed import Signed
from model.reasons import Reason
from runtime.documents import open_permit
from tests.support.ceremony import DEPARTMENTS
from tests.unit.registrar.conftest import Issued, World, refused

ALL = tuple(DEPARTMENTS)


def _issued(world: World) -> Issued:
    world.give()
    return world.issue(world.ask())


def _order(world: World, issued: Issued) -> list[str]:
    return holder_order(issued.manifest.nonce, world.federation.digest, ALL)


def _read(world: World, issued: Issued, permit: Signed) -> Permit:
    return open_permit(permit, issued.signed, world.federation, world.clock.now())


def test_the_first_two_of_the_order_mask_and_evaluate(world: World) -> None:
    issued = _issued(world)
    holders = {name: world.start_holder(name) for name in ALL}
    permit = _read(world, issued, world.permit(issued.signed.digest))
    order = _order(world, issued)
    assert (permit.masker, permit.evaluator) == (order[0], order[1])
    assert permit.skips == []
    assert permit.answering == issued.manifest.departments
    assert holders[order[0]].asked == ["masker"]
    assert holders[order[1]].asked == ["evaluator"]
    assert holders[order[2]].asked == []


def test_a_holder_that_is_down_is_skipped_and_named(world: World) -> None:
    issued = _issued(world)
    order = _order(world, issued)
    for name in order[1:]:
        world.start_holder(name)
    permit = _read(world, issued, world.permit(issued.signed.digest))
    assert permit.holders == order[1:]
    assert [(s.holder, s.reason) for s in permit.skips] == [(order[0], "unreachable")]
    last = world.ledger()[-1]
    assert (last.event, last.fields["skipped"]) == ("permit.issued", [f"{order[0]}:unreachable"])


def test_a_holder_that_refuses_or_signs_something_else_is_skipped(world: World) -> None:
    issued = _issued(world)
    order = _order(world, issued)
    world.start_holder(order[0], lies="sharer")
    world.start_holder(order[1])
    world.start_holder(order[2])
    permit = _read(world, issued, world.permit(issued.signed.digest))
    assert [(s.holder, s.reason) for s in permit.skips] == [(order[0], "message_invalid")]


def test_too_few_holders_leave_no_permit_and_it_goes_on_when_they_come(world: World) -> None:
    issued = _issued(world)
    order = _order(world, issued)
    world.start_holder(order[0])
    world.start_holder(order[1], refuses=Reason.ALREADY_OPENED)
    detail = refused(Reason.HOLDERS_UNAVAILABLE, lambda: world.permit(issued.signed.digest))
    assert f"{order[1]} (already_opened)" in detail
    world.start_holder(order[2])
    permit = _read(world, issued, world.permit(issued.signed.digest))
    assert permit.holders == [order[0], order[2]]


def test_the_same_question_gets_the_same_permit_and_another_none(world: World) -> None:
    issued = _issued(world)
    holders = [world.start_holder(name) for name in ALL]
    digest = issued.signed.digest
    first = world.permit(digest)
    assert world.permit(digest) == first
    assert sum(len(holder.asked) for holder in holders) == 2
    refused(Reason.PERMIT_SECOND, lambda: world.permit(digest, answers="22" * 32))
    last = world.ledger()[-1]
    assert (last.event, last.fields["reason"]) == ("permit.refused", "permit_second")


def test_no_permit_after_revocation_even_the_stored_one(world: World) -> None:
    issued = _issued(world)
    for name in ALL:
        world.start_holder(name)
    digest = issued.signed.digest
    world.permit(digest)
    world.revoke()
    refused(Reason.AUTHORIZATION_REVOKED, lambda: world.permit(digest))


def test_no_permit_while_too_few_departments_serve_a_rule(world: World) -> None:
    issued = _issued(world)
    holders = [world.start_holder(name) for name in ALL]
    digest = issued.signed.digest
    refused(Reason.TOO_FEW_DEPARTMENTS, lambda: world.permit(digest, silent=["tax"]))
    refused(Reason.TOO_FEW_DEPARTMENTS, lambda: world.permit(digest, silent=["cars"]))
    assert [holder.asked for holder in holders] == [[], [], []]


def test_nobody_is_called_silent_on_the_coordinators_word_alone(world: World) -> None:
    issued = _issued(world)
    holders = [world.start_holder(name) for name in ALL]
    departments = issued.manifest.departments
    assert len(departments) > 2
    for department in departments:
        ask = partial(world.permit, issued.signed.digest, silent=[department])
        refused(Reason.TOO_FEW_DEPARTMENTS, ask)
    assert [holder.asked for holder in holders] == [[], [], []]


def test_silent_departments_must_be_of_the_manifest_and_each_once(world: World) -> None:
    digest = _issued(world).signed.digest
    refused(Reason.ANSWER_SET_INVALID, lambda: world.permit(digest, silent=["moon"]))
    refused(Reason.ANSWER_SET_INVALID, lambda: world.permit(digest, silent=["tax", "tax"]))


def test_an_unknown_manifest_and_an_unknown_kind_are_refused(world: World) -> None:
    digest = _issued(world).signed.digest
    refused(Reason.MANIFEST_UNKNOWN, lambda: world.permit("00" * 32))

    def totals() -> Any:
        request = pb.IssuePermitRequest(
            manifest=bytes.fromhex(digest), kind="totals", answers=bytes(32)
        )
        return world.call("coordinator", ManifestServiceStub, "IssuePermit", request)

    refused(Reason.MALFORMED, totals)


def test_an_expired_manifest_gets_no_permit(world: World) -> None:
    issued = _issued(world)
    for name in ALL:
        world.start_holder(name)
    world.clock.move(days=8)
    refused(Reason.MANIFEST_EXPIRED, lambda: world.permit(issued.signed.digest))


def test_a_ticket_is_not_renewed_once_the_permit_stands(world: World) -> None:
    from runtime.transport.wire import signed_to_wire

    issued = _issued(world)
    for name in ALL:
        world.start_holder(name)
    world.permit(issued.signed.digest)
    request = pb.RenewTicketRequest(ticket=signed_to_wire(issued.signed_tickets[0]))
    refused(
        Reason.MANIFEST_SPENT,
        lambda: world.call("coordinator", ManifestServiceStub, "RenewTicket", request),
    )
