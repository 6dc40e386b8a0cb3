"""Manifests and tickets: who may ask what, and that everything in them comes from the letter.

Tests design.md 2.1.5, 2.3.6 to 2.3.10, 2.3.13, 2.3.14, 2.3.16.
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from crypto import oprf
from crypto.commit import verify_reveal
from crypto.errors import ProofError
from crypto.signing import VerifyKey
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.policy_pb2 import WithdrawPolicyRequest
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.documents.authorization import Grant
from model.documents.query import Manifest, OfficerRequest, Ticket
from model.fields import format_time, parse_time
from model.identifiers import parse
from model.pseudonym import oprf_input, pseudonym
from model.reasons import Reason
from runtime.documents import Revocations, open_revocations
from runtime.site.identity import load_kek
from runtime.site.joining import load_prf_key
from runtime.transport.wire import reveals_from_wire, signed_from_wire, signed_to_wire
from tests.unit.registrar.conftest import NUMBER, Issued, World, member, refused, resident


def test_the_manifest_is_derived_from_letter_and_policy(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    key = VerifyKey(bytes.fromhex(world.federation.registrar.verify_key))
    manifest = issued.signed.open(Manifest, key)
    assert manifest.departments == ["bank", "cars", "tax"]
    assert manifest.federation == world.federation.digest
    assert (manifest.sequence, manifest.level) == (1, "verdict")
    assert [t.department for t in issued.tickets] == manifest.departments
    assert [t.resources for t in issued.tickets] == [
        ["bank.deposits"],
        ["cars.cars"],
        ["tax.wages"],
    ]
    assert {t.manifest for t in issued.tickets} == {issued.signed.digest}
    for ticket in issued.signed_tickets:
        ticket.open(Ticket, key)


def test_the_openings_are_those_that_the_coordinator_needs_and_open(world: World) -> None:
    letter = world.give()
    issued = world.issue(world.ask())
    reveals = reveals_from_wire(list(issued.reveals.values()))
    values = {name: opening.value for name, opening in reveals.items()}
    assert values == {
        "members": 2,
        "reference_date": letter.reference_date,
        "region": "330212",
        "programmes": ["aid"],
    }
    commitments = issued.manifest.commitments.model_dump()
    for name, opening in reveals.items():
        verify_reveal(bytes.fromhex(commitments[name]), opening)
        other = copy.copy(opening.__class__(name, 3, opening.salt))
        with pytest.raises(ProofError):
            verify_reveal(bytes.fromhex(commitments[name]), other)
    assert len(set(commitments.values())) == len(commitments)


def test_pseudonyms_are_what_enrolment_gives_and_differ_by_department(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    folder = world.home / "registrar"
    kek = load_kek(folder, world.registrar.parts.settings)
    seen: set[str] = set()
    for ticket in issued.tickets:
        key = load_prf_key(folder / "keys", ticket.department, 1, kek, mode=oprf.Mode.VOPRF)
        inputs = [oprf_input(parse(resident(n))) for n in (1, 2)]
        blinds, blinded = oprf.blind(oprf.suite(), inputs, rng=world.registrar.parts.rng)
        evaluated, proof = oprf.blind_evaluate(key, blinded, rng=world.registrar.parts.rng)
        outputs = oprf.finalize(key.public_key, blinds, evaluated, proof)
        assert set(ticket.pseudonyms) == {pseudonym(output).hex() for output in outputs}
        assert not seen & set(ticket.pseudonyms)
        seen |= set(ticket.pseudonyms)


def test_the_order_of_pseudonyms_is_not_the_roster(world: World) -> None:
    members = [member(1, "head"), *(member(n, "child") for n in range(2, 6))]
    world.give(members=members)
    issued = world.issue(world.ask())
    again = world.issue(world.ask(again="objection"), countersigned_by="ma")
    pairs = zip(issued.tickets, again.tickets, strict=True)
    orders = [(a.pseudonyms, b.pseudonyms) for a, b in pairs]
    assert all(sorted(a) == sorted(b) for a, b in orders)
    # Each pair agrees with chance 1/120; all three by chance 1 in 1.7 million.
    assert any(a != b for a, b in orders)


def test_the_same_request_gives_the_same_bytes(world: World) -> None:
    world.give()
    request = world.ask()
    first, size = world.issue(request), len(world.ledger())
    second = world.issue(request)
    assert second.signed == first.signed
    assert second.signed_tickets == first.signed_tickets
    assert second.reveals == first.reveals
    assert len(world.ledger()) == size
    assert world.ledger()[-1].event == "manifest.issued"


Change = Callable[[World], Any]


def _draft(world: World) -> Any:
    world.register(world.letter())
    return world.ask()


def _unsigned_draft(world: World) -> Any:
    world.register(world.letter(members=[member(1, "head"), member(2, "other", "missing")]))
    return world.ask()


def _given(request: dict[str, Any] | None = None, **letter: Any) -> Change:
    def change(world: World) -> Any:
        world.give(**letter)
        return world.ask(**(request or {}))

    return change


def _revoked(world: World) -> Any:
    world.give()
    world.revoke()
    return world.ask()


def _expired(world: World) -> Any:
    world.give(valid_to=world.day(1))
    world.clock.move(days=2)
    return world.ask()


def _ended(world: World) -> Any:
    world.give()
    world.close_application(world.issue(world.ask()).signed.digest)
    return world.ask(again="objection")


def _too_many(world: World) -> Any:
    people = [member(1, "head"), *(member(n, "other") for n in range(2, 7))]
    world.give(members=people)
    return world.ask()


def _old(world: World) -> Any:
    world.give()
    return world.ask(at=format_time(world.clock.now().replace(year=2020)))


def _nonce_again(world: World) -> Any:
    world.give()
    first = world.ask()
    world.issue(first)
    return world.ask(nonce=first.nonce, again="objection")


def _withdrawn(world: World) -> Any:
    world.give()
    request = WithdrawPolicyRequest(digest=bytes.fromhex(world.ask().policy))
    world.call("zhao", PolicyServiceStub, "WithdrawPolicy", request)
    return world.ask()


_ONLY_TAX = [Grant(department="tax", resources=["tax.wages"])]

REFUSED: dict[str, tuple[Change, Reason]] = {
    "an unknown number": (lambda w: w.ask(authorization="N-9"), Reason.AUTHORIZATION_UNKNOWN),
    "not confirmed": (_draft, Reason.AUTHORIZATION_NOT_IN_FORCE),
    "not confirmed, a signature missing": (_unsigned_draft, Reason.MEMBER_NOT_SIGNED),
    "revoked": (_revoked, Reason.AUTHORIZATION_REVOKED),
    "expired": (_expired, Reason.AUTHORIZATION_EXPIRED),
    "ended": (_ended, Reason.AUTHORIZATION_ENDED),
    "another programme": (
        _given({"programmes": ["means-only"]}),
        Reason.PROGRAMME_NOT_GRANTED,
    ),
    "a programme twice": (_given({"programmes": ["aid", "aid"]}), Reason.MALFORMED),
    "totals": (_given({"level": "totals"}), Reason.LEVEL_NOT_GRANTED),
    "totals, which the policy forbids": (
        _given({"level": "totals"}, level="totals"),
        Reason.LEVEL_NOT_GRANTED,
    ),
    "a policy that is not approved": (_given({"policy": "00" * 32}), Reason.POLICY_UNKNOWN),
    "a policy that was withdrawn": (_withdrawn, Reason.POLICY_UNKNOWN),
    "a resource not granted": (_given(grants=_ONLY_TAX), Reason.RESOURCE_NOT_GRANTED),
    "a rule of one department that is not named": (
        _given(single_department_rules=[]),
        Reason.RESOURCE_NOT_GRANTED,
    ),
    "too many members": (_too_many, Reason.HOUSEHOLD_TOO_LARGE),
    "a reference date before the policy": (
        _given(reference_date="2019-12-31"),
        Reason.POLICY_INVALID,
    ),
    "signed long ago": (_old, Reason.MALFORMED),
    "a nonce used before": (_nonce_again, Reason.MALFORMED),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_is_refused_with_its_reason_and_ledgered(
    world: World, change: Change, reason: Reason
) -> None:
    request = change(world)
    refused(reason, lambda: world.issue(request))
    last = world.ledger()[-1]
    assert (last.event, last.fields["reason"]) == ("manifest.refused", str(reason))
    assert request.authorization not in str(last.fields)


SIGNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "a clerk": ("chen", {"officer": "chen"}),
    "a checker, in the officer's name": ("li", {}),
    "the coordinator itself": ("coordinator", {"officer": "coordinator"}),
}


@pytest.mark.parametrize(("signer", "change"), SIGNERS.values(), ids=SIGNERS.keys())
def test_only_an_officer_asks(world: World, signer: str, change: dict[str, Any]) -> None:
    world.give()
    request = world.ask(**change)
    refused(Reason.SIGNATURE_INVALID, lambda: world.issue(request, by=signer))


def test_a_changed_request_does_not_verify(world: World) -> None:
    world.give()
    signed = world.signed(world.ask(), "wang")
    other = signed.__class__(world.ask().encode(), signed.signature, "wang")
    message = pb.IssueManifestRequest(request=signed_to_wire(other))
    call = lambda: world.call("coordinator", ManifestServiceStub, "IssueManifest", message)  # noqa: E731
    refused(Reason.SIGNATURE_INVALID, call)


def test_a_second_manifest_needs_a_reason_and_a_checker(world: World) -> None:
    world.give()
    first = world.issue(world.ask())
    refused(Reason.MANIFEST_LIMIT, lambda: world.issue(world.ask()))
    again = world.ask(again="objection of 3 March")
    refused(Reason.MANIFEST_LIMIT, lambda: world.issue(again))
    refused(Reason.SIGNATURE_INVALID, lambda: world.issue(again, countersigned_by="wang"))
    no_reason = world.ask()
    refused(Reason.MANIFEST_LIMIT, lambda: world.issue(no_reason, countersigned_by="ma"))
    second = world.issue(again, countersigned_by="ma")
    assert second.manifest.sequence == 2
    assert second.signed.digest != first.signed.digest
    assert not {t.query for t in first.tickets} & {t.query for t in second.tickets}


def test_a_countersignature_over_another_request_does_not_count(world: World) -> None:
    world.give()
    world.issue(world.ask())
    mine, other = world.ask(again="a reason"), world.ask(again="another")
    message = pb.IssueManifestRequest(
        request=signed_to_wire(world.signed(mine, "wang")),
        countersigned=signed_to_wire(world.signed(other, "ma")),
    )
    call = lambda: world.call("coordinator", ManifestServiceStub, "IssueManifest", message)  # noqa: E731
    refused(Reason.MANIFEST_LIMIT, call)


def test_manifests_of_one_letter_are_limited(world: World) -> None:
    world.give()
    world.issue(world.ask())
    for count in range(2, 7):
        request = world.ask(again=f"time {count}")
        assert world.issue(request, countersigned_by="ma").manifest.sequence == count
    request = world.ask(again="once more")
    refused(Reason.MANIFEST_LIMIT, lambda: world.issue(request, countersigned_by="ma"))


def test_a_manifest_never_outlives_the_letter(world: World) -> None:
    world.give(valid_to=world.day(0))
    manifest = world.issue(world.ask()).manifest
    end = parse_time(manifest.expires_at)
    assert manifest.expires_at.endswith("T16:00:00Z")  # midnight in China
    assert world.clock.now() < end
    assert (end - world.clock.now()).days == 0


def _renew(world: World, issued: Issued, index: int = 0) -> Ticket:
    request = pb.RenewTicketRequest(ticket=signed_to_wire(issued.signed_tickets[index]))
    reply = world.call("coordinator", ManifestServiceStub, "RenewTicket", request)
    return Ticket.decode(signed_from_wire(reply.ticket).body)


def test_a_renewed_ticket_differs_in_its_expiry_alone(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    world.clock.move(hours=1)
    renewed = _renew(world, issued)
    before = issued.tickets[0]
    assert renewed.expires_at > before.expires_at
    assert renewed.model_copy(update={"expires_at": before.expires_at}) == before


def test_a_ticket_is_never_renewed_past_its_manifest(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    world.clock.moment = parse_time(issued.manifest.expires_at).replace()
    world.clock.move(minutes=-10)
    assert _renew(world, issued).expires_at == issued.manifest.expires_at
    world.clock.move(minutes=11)
    refused(Reason.MANIFEST_EXPIRED, lambda: _renew(world, issued))


def test_a_ticket_that_was_not_issued_here_is_not_renewed(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    forged = issued.tickets[0].model_copy(update={"pseudonyms": ["00" * 32]})
    signed = world.signed(forged, "coordinator")
    request = pb.RenewTicketRequest(ticket=signed_to_wire(signed))
    call = lambda: world.call("coordinator", ManifestServiceStub, "RenewTicket", request)  # noqa: E731
    refused(Reason.SIGNATURE_INVALID, call)


def _list(world: World, department: str = "tax") -> Revocations:
    request = pb.GetRevocationListRequest(department=department)
    reply = world.call("coordinator", ManifestServiceStub, "GetRevocationList", request)
    pages = [signed_from_wire(page) for page in reply.pages]
    return open_revocations(pages, department, "coordinator", world.federation)


def test_revoked_tickets_stand_in_the_list_until_they_expire(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    first = _list(world)
    assert first.queries == frozenset()
    world.revoke()
    for ticket in issued.tickets:
        second = _list(world, ticket.department)
        assert second.queries == {ticket.query}
        assert second.number > first.number
    refused(Reason.TICKET_REVOKED, lambda: _renew(world, issued))
    world.clock.move(hours=3)
    assert _list(world).queries == frozenset()


def test_a_renewed_ticket_stays_in_the_list_for_its_longer_life(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    world.clock.move(hours=1)
    renewed = _renew(world, issued)
    world.revoke()
    world.clock.move(hours=1, minutes=30)
    assert _list(world, renewed.department).queries == {renewed.query}


def test_closing_says_nothing_and_revokes_like_a_revocation(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    world.close_application(issued.signed.digest)
    world.close_application(issued.signed.digest)
    ended = [e for e in world.ledger() if e.event == "authorization.ended"]
    assert len(ended) == 1
    assert set(ended[0].fields) == {"authorization", "given"}
    assert all(len(_list(world, t.department).queries) == 1 for t in issued.tickets)
    world.give(number="N-2")


def test_nobody_but_the_coordinator_asks_for_manifests(world: World) -> None:
    world.give()
    message = pb.IssueManifestRequest(request=signed_to_wire(world.signed(world.ask(), "wang")))
    for name in ("wang", "zhao", "li"):
        call = lambda n=name: world.call(n, ManifestServiceStub, "IssueManifest", message)  # noqa: E731
        refused(Reason.WRONG_ROLE, call)


def test_requests_that_race_get_their_own_sequence_numbers(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    world.give()
    world.issue(world.ask())
    requests: list[OfficerRequest] = [world.ask(again=f"time {n}") for n in range(4)]
    world.identity("ma")
    with ThreadPoolExecutor(4) as pool:
        issued = list(pool.map(lambda r: world.issue(r, countersigned_by="ma"), requests))
    assert sorted(i.manifest.sequence for i in issued) == [2, 3, 4, 5]
    assert NUMBER not in str([e.fields for e in world.ledger()])


def test_the_ledger_leads_from_manifest_to_authorization_and_tickets_without_naming_anybody(
    world: World,
) -> None:
    world.give()
    issued = world.issue(world.ask())
    world.revoke()
    ledger = world.ledger()
    (entry,) = [e for e in ledger if e.event == "manifest.issued"]
    assert entry.fields["tickets"] == [ticket.query for ticket in issued.tickets]
    assert ledger[entry.fields["given"]].event == "authorization.given"
    assert ledger[-1].event == "authorization.ended"
    assert ledger[-1].fields["given"] == entry.fields["given"]
    commitments = [e.fields["authorization"] for e in ledger if "authorization" in e.fields]
    assert len(set(commitments)) == len(commitments)
