"""A node that answers: what leaves, what is refused, what the ledger holds afterwards.

Tests design.md 2.4.1 to 2.4.4, 2.4.6 to 2.4.9, 2.4.17, 2.4.22, 2.3.11, 2.3.13.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crypto.commit import Reveal
from crypto.paillier import encrypt_with
from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import QueryServiceStub
from ledger import event, log, merkle
from ledger.signer import Receipt, verify_receipt
from model.documents.query import Answer, Coverage
from model.fields import format_time
from model.policy import compile_policy, parse
from model.reasons import Reason
from node.answering import store
from node.answering.encrypting import SealedCopy, unseal_copy
from runtime import errors
from runtime.documents import check_ciphertext
from tests.support.nodes import HOMES, WAGES, Case, World, person, run_node, unpack
from tests.support.postgres import ENGINES, database_for

ANN, BEN, CAT, DAN, NOBODY = (person(i) for i in (1, 2, 3, 4, 900))
WAGES_CSV = f"""id_no,month,amount
{ANN},2026-10,1200.50
{ANN},2026-04,99999
{BEN},2026-05,-3
{CAT},2026-10,
{DAN},2026-10,9000000
"""
HOMES_CSV = f"id_no,home,area\n{ANN},H1,70\n{BEN},H1,70\n{BEN},H2,31.55\n"


@pytest.fixture(scope="module", params=ENGINES)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    url = database_for(request.param, request)
    with run_node(tmp_path_factory.mktemp("node") / "home", database_url=url) as world:
        world.load(WAGES, WAGES_CSV)
        world.load(HOMES, HOMES_CSV)
        world.enrol()
        world.approve()
        yield world


def entries(world: World) -> list[event.Entry]:
    return [event.decode(leaf) for leaf in leaves(world)]


def leaves(world: World) -> list[bytes]:
    with world.service.parts.database.read() as conn:
        return list(log.entries(conn, 0, log.size(conn)))


def slots(world: World, answer: Answer, *programmes: str) -> list[int]:
    layout = compile_policy(parse(world.policy), list(programmes) or ["low-income"])
    return unpack(world.plaintext(answer), layout.width, len(layout.slots))


# income in fen, homes, area in 0.01 m², each with its flag behind it
HOUSEHOLDS = {
    "nobody is known here": ([NOBODY], [0, 0, 0, 0, 0, 0]),
    "rows outside the window do not count": ([ANN], [120050, 0, 1, 0, 7000, 0]),
    "a couple's one home counts once": ([ANN, BEN], [119750, 0, 2, 0, 10155, 0]),
    "a stranger among them changes nothing": ([ANN, BEN, NOBODY], [119750, 0, 2, 0, 10155, 0]),
    "an unreadable amount sets its own flag": ([ANN, CAT], [0, 1, 1, 0, 7000, 0]),
    "an amount out of bounds sets its own flag": ([DAN, BEN], [0, 1, 2, 0, 10155, 0]),
}


@pytest.mark.parametrize(("persons", "expected"), HOUSEHOLDS.values(), ids=HOUSEHOLDS.keys())
def test_the_plaintext_is_the_households_contribution(
    world: World, persons: list[str], expected: list[int]
) -> None:
    answer = world.answer(world.case(persons))
    assert slots(world, answer) == expected
    assert answer.data_dates == {"tax.homes": "2026-10-31", "tax.wages": "2026-10-31"}
    assert answer.coverage == {
        "tax.homes": Coverage(first="not stated", last="not stated"),
        "tax.wages": Coverage(first="2024-01-01", last="2026-10-31"),
    }


def test_only_the_programmes_of_the_manifest_are_computed(world: World) -> None:
    answer = world.answer(world.case([ANN], programmes=["income-only"]))
    assert slots(world, answer, "income-only") == [120050, 0]
    assert answer.data_dates == {"tax.wages": "2026-10-31"}


def test_the_proof_is_bound_to_manifest_and_department(world: World) -> None:
    case, key = world.case([ANN]), world.federation.joint_key.key.public
    answer = world.answer(case)
    check_ciphertext(answer, "tax", case.manifest.digest, key)
    for department, manifest in (("bank", case.manifest.digest), ("tax", "00" * 32)):
        with pytest.raises(errors.Refusal) as caught:
            check_ciphertext(answer, department, manifest, key)
        assert caught.value.reason is Reason.PROOF_INVALID


def test_received_stands_before_answered_and_the_receipt_proves_it(world: World) -> None:
    case = world.case([ANN, BEN])
    reply = world.ask(case)
    last = entries(world)[-2:]
    assert [entry.event for entry in last] == ["query.received", "query.answered"]
    assert last[1].fields["answer"] == world_digest(reply)
    got = reply.receipt
    receipt = Receipt(got.index, merkle.leaf_hash(got.leaf), tuple(got.path), got.checkpoint)
    verify_receipt(receipt, world.service.parts.signer.verifier)
    assert event.decode(got.leaf) == last[1]


def world_digest(reply: node_pb2.AnswerReply) -> str:
    from runtime.transport.wire import signed_from_wire

    return signed_from_wire(reply.answer).digest


def test_the_same_ticket_gets_the_same_bytes_and_no_new_entry(world: World) -> None:
    case = world.case([ANN])
    first = world.ask(case)
    size = len(leaves(world))
    renewed = replace(case, ticket=case.ticket.model_copy(update={"expires_at": later(world, 3)}))
    assert world.ask(case).answer == first.answer
    assert world.ask(renewed).answer == first.answer
    assert len(leaves(world)) == size


def test_a_manifest_is_answered_once(world: World) -> None:
    case = world.case([ANN])
    world.ask(case)
    second = replace(case, ticket=world.ticket(case.manifest, [BEN]))
    assert reason_of(lambda: world.ask(second)) is Reason.MANIFEST_SPENT


def test_the_node_can_recompute_its_ciphertext_from_the_sealed_copy(world: World) -> None:
    answer = world.answer(world.case([ANN]))
    parts, key = world.service.parts, world.federation.joint_key.key.public
    with parts.database.read() as conn:
        kept = store.sealed_answer(conn, answer.query)
    assert kept is not None
    copy = unseal_copy(key, parts.kek, SealedCopy(*kept), query=answer.query)
    assert encrypt_with(key, copy.plaintext, copy.randomness) == int(answer.ciphertext, 16)


def test_replies_leave_at_the_next_step(world: World) -> None:
    world.waits.clear()
    world.ask(world.case([ANN]))
    assert reason_of(lambda: world.ask(subset(world))) is Reason.TICKET_MISMATCH
    # The clock of this test stands still, so that a whole step is left to wait.
    assert world.waits == [0.2, 0.2]


# ------------------------------------------------------------------ what is refused, and ledgered


def reason_of(call: Callable[[], Any]) -> Reason:
    with pytest.raises(errors.Refused) as caught:
        call()
    return caught.value.reason


def later(world: World, hours: float) -> str:
    return format_time(world.clock.now() + timedelta(hours=hours))


def ticket(case: Case, **change: Any) -> Case:
    return replace(case, ticket=case.ticket.model_copy(update=change))


def manifest(world: World, case: Case, **change: Any) -> Case:
    """The case under another manifest, its ticket made to fit."""
    other = case.manifest.model_copy(update=change)
    return ticket(replace(case, manifest=other), manifest=other.digest)


def subset(world: World) -> Case:
    """A ticket about one member of a household of two."""
    case = world.case([ANN, BEN])
    return replace(case, ticket=world.ticket(case.manifest, [ANN]))


def twice(world: World) -> Case:
    """One member's pseudonym twice, for a household of two."""
    return ticket(world.case([ANN, BEN]), pseudonyms=[world.pseudonym(ANN)] * 2)


def reopened(world: World, name: str, value: Any) -> Case:
    """An opening with another value than the manifest commits to."""
    case = world.case([ANN])
    return replace(
        case,
        reveals=[Reveal(o.field, value if o.field == name else o.value, o.salt)
                  for o in case.reveals],
    )  # fmt: skip


def revoked(world: World) -> Case:
    case = world.case([ANN])
    return replace(case, revocations=[world.revocations(case.ticket.query)])


def stale(world: World, **by: float) -> Case:
    issued = format_time(world.clock.now() + timedelta(**by))
    case = world.case([ANN])
    return replace(case, revocations=[world.revocations(issued_at=issued)])


def pages(world: World, *changes: dict[str, Any]) -> Case:
    """A list of these pages."""
    case = world.case([ANN])
    return replace(case, revocations=[world.revocations(**each) for each in changes])


BENT: dict[str, tuple[Callable[[World], Case], Reason]] = {
    "a ticket about one member of two": (subset, Reason.TICKET_MISMATCH),
    "one pseudonym twice": (twice, Reason.TICKET_MISMATCH),
    "a ticket for another department": (
        lambda w: ticket(w.case([ANN]), department="bank"), Reason.TICKET_MISMATCH),
    "a ticket of another manifest": (
        lambda w: ticket(w.case([ANN]), manifest="ab" * 32), Reason.TICKET_MISMATCH),
    "a ticket that outlives its manifest": (
        lambda w: ticket(w.case([ANN]), expires_at=later(w, 24 * 8)), Reason.TICKET_MISMATCH),
    "an expired ticket": (
        lambda w: ticket(w.case([ANN]), expires_at=later(w, 0)), Reason.TICKET_EXPIRED),
    "an expired manifest": (
        lambda w: manifest(w, w.case([ANN]), expires_at=later(w, 0)), Reason.MANIFEST_EXPIRED),
    "a manifest of another federation file": (
        lambda w: manifest(w, w.case([ANN]), federation="ab" * 32), Reason.MANIFEST_MISMATCH),
    "a manifest that does not ask this department": (
        lambda w: manifest(w, w.case([ANN]), departments=["bank"]), Reason.TICKET_MISMATCH),
    "a manifest that asks departments beside the policy's": (
        lambda w: manifest(w, w.case([ANN]), departments=["bank", "police", "tax"]),
        Reason.MANIFEST_MISMATCH),
    "a policy that nobody approved here": (
        lambda w: manifest(w, w.case([ANN]), policy="ab" * 32), Reason.POLICY_UNKNOWN),
    "a smaller household than was committed to": (
        lambda w: reopened(w, "members", 2), Reason.MANIFEST_MISMATCH),
    "another reference date": (
        lambda w: reopened(w, "reference_date", "2026-10-20"), Reason.MANIFEST_MISMATCH),
    "a programme that the policy does not have": (
        lambda w: w.case([ANN], programmes=["medical"]), Reason.MANIFEST_MISMATCH),
    "an opening too few": (
        lambda w: replace(c := w.case([ANN]), reveals=c.reveals[:3]), Reason.MANIFEST_MISMATCH),
    "another epoch": (lambda w: ticket(w.case([ANN]), epoch=2), Reason.EPOCH_UNKNOWN),
    "resources that were not granted": (
        lambda w: ticket(w.case([ANN]), resources=["tax.wages"]), Reason.RESOURCE_NOT_GRANTED),
    "a resource that is not here": (
        lambda w: ticket(w.case([ANN]), resources=["tax.homes", "tax.wages", "tax.yachts"]),
        Reason.RESOURCE_UNKNOWN),
    "a revoked ticket": (revoked, Reason.TICKET_REVOKED),
    "a revocation list of five minutes ago": (
        lambda w: stale(w, minutes=-5), Reason.REVOCATIONS_STALE),
    "a revocation list of the future": (
        lambda w: stale(w, minutes=5), Reason.REVOCATIONS_STALE),
    "a page of a list left out": (
        lambda w: pages(w, {"page": 1, "pages": 2}), Reason.REVOCATIONS_STALE),
    "a page of a list twice": (
        lambda w: pages(w, *[{"page": 1, "pages": 2}] * 2), Reason.REVOCATIONS_STALE),
    "pages of two lists": (
        lambda w: pages(w, {"page": 1, "pages": 2}, {"page": 2, "pages": 2, "number": 99}),
        Reason.REVOCATIONS_STALE),
    "a revoked ticket on the second page": (
        lambda w: replace(c := w.case([ANN]), revocations=[
            w.revocations(page=1, pages=2), w.revocations(c.ticket.query, page=2, pages=2)]),
        Reason.TICKET_REVOKED),
    "another department's list": (
        lambda w: pages(w, {"department": "bank"}), Reason.REVOCATIONS_STALE),
    "another coordinator's list": (
        lambda w: pages(w, {"requester": "housing"}), Reason.REVOCATIONS_STALE),
    "a manifest for another coordinator": (
        lambda w: manifest(w, w.case([ANN]), requester="housing"), Reason.MANIFEST_MISMATCH),
    "a manifest for a purpose that its coordinator may not ask for": (
        lambda w: manifest(w, w.case([ANN]), purpose="census"), Reason.MANIFEST_MISMATCH),
    "a manifest that another member signed": (
        lambda w: replace(w.case([ANN]), signer="coordinator"), Reason.SIGNATURE_INVALID),
}  # fmt: skip


@pytest.mark.parametrize(("bend", "reason"), BENT.values(), ids=BENT.keys())
def test_a_bent_query_is_refused_and_ledgered(
    world: World, bend: Callable[[World], Case], reason: Reason
) -> None:
    case, size = bend(world), len(leaves(world))
    assert reason_of(lambda: world.ask(case)) is reason
    added = entries(world)[size:]
    assert [entry.event for entry in added] == ["query.refused"]
    assert added[0].fields["reason"] == str(reason)
    with world.service.parts.database.read() as conn:
        assert store.by_query(conn, case.ticket.query) is None


def test_an_older_revocation_list_is_refused_once_a_newer_was_seen(world: World) -> None:
    world.revocation_number += 5
    world.ask(world.case([ANN]))
    world.revocation_number -= 1
    assert reason_of(lambda: world.ask(world.case([ANN]))) is Reason.REVOCATIONS_STALE
    world.revocation_number += 1


BROKEN: dict[str, tuple[Callable[[node_pb2.AnswerRequest], None], Reason]] = {
    "a changed byte of the manifest": (
        lambda r: setattr(r.manifest, "body", r.manifest.body[:-1] + b" "),
        Reason.SIGNATURE_INVALID,
    ),
    "a ticket signed as a manifest": (
        lambda r: r.ticket.CopyFrom(r.manifest),
        Reason.SIGNATURE_INVALID,
    ),
    "no revocation list": (lambda r: r.ClearField("revocations"), Reason.REVOCATIONS_STALE),
    "an opening twice": (lambda r: r.reveals.append(r.reveals[0]), Reason.MALFORMED),
}


@pytest.mark.parametrize(("damage", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_damaged_request_is_refused_and_ledgered(
    world: World, damage: Callable[[node_pb2.AnswerRequest], None], reason: Reason
) -> None:
    request = world.request(world.case([ANN]))
    damage(request)
    assert reason_of(lambda: world.ask(request)) is reason
    last = entries(world)[-1]
    assert (last.event, last.fields["reason"]) == ("query.refused", str(reason))


def test_nobody_but_the_coordinator_may_ask(world: World) -> None:
    request = world.request(world.case([ANN]))
    with world.dialer("olga") as dialer, pytest.raises(errors.Refused) as caught:
        dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=20)
    assert caught.value.reason is Reason.WRONG_ROLE
