"""Letters: what is refused, what state is left behind, what can be read from the disk.

Tests design.md 2.3.1 to 2.3.5, 2.3.15.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import AuthorizationServiceStub
from model.documents.authorization import Authorization, Grant
from model.identifiers import parse
from model.reasons import Reason
from registrar.authorizations import store
from registrar.authorizations.expiring import record_expired
from registrar.process import build_office
from runtime.transport.wire import signed_from_wire, signed_to_wire
from tests.unit.registrar.conftest import NUMBER, World, member, refused, resident

BAD_TERMS: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong check digit": (
        {"members": [member(1, "head").model_copy(update={"person": resident(1)[:-1] + "?"})]},
        "member 1:",
    ),
    "an identifier that is not in normal form": (
        {"members": [member(1, "head").model_copy(update={"person": "passport:usa-123456789"})]},
        "not in its normal form",
    ),
    "nobody is the head": ({"members": [member(1, "spouse")]}, "0 members are the head"),
    "two heads": ({"members": [member(1, "head"), member(2, "head")]}, "2 members are the head"),
    "a person twice": ({"members": [member(1, "head"), member(1, "child")]}, "twice"),
    "a guardian without a name": (
        {"members": [member(1, "head"), member(2, "child", "guardian")]},
        "member 2: a guardian is named",
    ),
    "a guardian who is not needed": (
        {"members": [member(1, "head"), member(2, "child", "self", resident(1))]},
        "member 2: a guardian is named",
    ),
    "their own guardian": (
        {"members": [member(1, "head"), member(2, "child", "guardian", resident(2))]},
        "cannot be their own guardian",
    ),
    "an end before the beginning": ({"valid_to": "2020-01-01"}, "valid_to is before"),
    "a department nobody serves": (
        {"grants": [Grant(department="taxx", resources=["tax.wages"])]},
        'Did you mean "tax"?',
    ),
    "a programme twice": ({"programmes": ["aid", "aid"]}, 'programme "aid" stands twice'),
}


@pytest.mark.parametrize(("terms", "words"), BAD_TERMS.values(), ids=BAD_TERMS.keys())
def test_a_bad_letter_is_refused_and_not_stored(
    world: World, terms: dict[str, Any], words: str
) -> None:
    detail = refused(Reason.MALFORMED, lambda: world.register(world.letter(**terms)))
    assert words in detail
    assert resident(1).removeprefix("resident:") not in detail
    with world.registrar.parts.database.read() as conn:
        assert store.get(conn, NUMBER) is None
    assert world.ledger()[-1].event == "authorization.refused"


def test_a_letter_comes_into_force_by_two_persons(world: World) -> None:
    letter = world.letter()
    assert world.register(letter).state == "draft"
    assert world.confirm(letter).state == "in-force"
    assert [entry.event for entry in world.ledger()][-2:] == [
        "authorization.registered",
        "authorization.given",
    ]


def test_each_step_twice_is_the_same_as_once(world: World) -> None:
    letter = world.give()
    size = len(world.ledger())
    assert world.register(letter).receipt.leaf == world.confirm(letter).receipt.leaf
    assert len(world.ledger()) == size


def _other_text(world: World, letter: Authorization) -> Any:
    return world.register(world.letter(valid_to=world.day(9)))


def _unsigned(world: World, letter: Authorization) -> Any:
    other = world.letter(number="N-2", members=[member(8, "head"), member(9, "other", "missing")])
    world.register(other)
    return world.confirm(other)


def _same_member(world: World, letter: Authorization) -> Any:
    return world.give(number="N-2", members=[member(7, "head"), member(2, "other")])


STEPS: dict[str, tuple[Callable[[World, Authorization], Any], Reason]] = {
    "another text under the same number": (_other_text, Reason.AUTHORIZATION_EXISTS),
    "a check of another text": (
        lambda w, x: w.confirm(x, digest="00" * 32),
        Reason.AUTHORIZATION_MISMATCH,
    ),
    "a number that nobody registered": (
        lambda w, x: w.confirm(w.letter(number="N-9")),
        Reason.AUTHORIZATION_UNKNOWN,
    ),
    "a member who has not signed": (_unsigned, Reason.MEMBER_NOT_SIGNED),
    "a member of another live letter": (_same_member, Reason.AUTHORIZATION_CONFLICT),
    "the coordinator may not": (
        lambda w, x: w.call(
            "coordinator",
            AuthorizationServiceStub,
            "GetAuthorization",
            pb.GetAuthorizationRequest(number=NUMBER),
        ),
        Reason.WRONG_ROLE,
    ),
    "a clerk's letter sent by another": (
        lambda w, x: w.call(
            "chen",
            AuthorizationServiceStub,
            "RegisterAuthorization",
            pb.RegisterAuthorizationRequest(
                authorization=signed_to_wire(w.signed(w.letter(number="N-3"), "li"))
            ),
        ),
        Reason.SIGNATURE_INVALID,
    ),
    "a letter that names another clerk": (
        lambda w, x: w.register(w.letter(number="N-3", clerk="li")),
        Reason.SIGNATURE_INVALID,
    ),
}


@pytest.mark.parametrize(("step", "reason"), STEPS.values(), ids=STEPS.keys())
def test_a_step_that_may_not_be_taken(
    world: World, step: Callable[[World, Authorization], Any], reason: Reason
) -> None:
    letter = world.give()
    refused(reason, lambda: step(world, letter))
    with world.registrar.parts.database.read() as conn:
        row = store.get(conn, NUMBER)
    assert row is not None
    assert (row.state, row.digest) == ("in-force", letter.digest)


def test_the_same_person_may_stand_in_another_programme(world: World) -> None:
    world.give()
    world.give(number="N-2", programmes=["means-only"])


def test_a_person_is_free_again_after_revocation_and_after_expiry(world: World) -> None:
    world.give(valid_to=world.day(0))
    second = world.letter(number="N-2")
    world.register(second)
    refused(Reason.AUTHORIZATION_CONFLICT, lambda: world.confirm(second))
    world.clock.move(days=2)
    assert world.confirm(second).state == "in-force"
    world.revoke("N-2")
    assert world.give(number="N-3").number == "N-3"


def test_a_person_under_protection_is_refused_before_anything_is_issued(world: World) -> None:
    office_tag = _protection_tag(world, resident(2))
    world.registrar.parts.writer.run(lambda tx: store.protect(tx.conn, office_tag))
    letter = world.letter()
    world.register(letter)
    refused(Reason.PERSON_PROTECTED, lambda: world.confirm(letter))


def _protection_tag(world: World, person: str) -> bytes:
    from registrar.process import build_office

    office = build_office(world.registrar.parts)
    office.pool.shutdown()
    return office.keys.protection_tag(parse(person))


def test_revocation_ends_it_once_and_for_all(world: World) -> None:
    letter = world.give()
    assert world.revoke().state == "revoked"
    size = len(world.ledger())
    assert world.revoke().state == "revoked"
    assert len(world.ledger()) == size
    refused(Reason.AUTHORIZATION_REVOKED, lambda: world.confirm(letter))


def test_reading_a_letter_is_ledgered_and_gives_what_the_clerk_signed(world: World) -> None:
    letter = world.give()
    request = pb.GetAuthorizationRequest(number=NUMBER)
    reply = world.call("li", AuthorizationServiceStub, "GetAuthorization", request)
    assert signed_from_wire(reply.authorization).body == letter.encode()
    assert reply.state == "in-force"
    assert world.ledger()[-1].event == "authorization.read"


def test_the_list_shows_numbers_and_states_alone(world: World) -> None:
    world.give()
    world.register(world.letter(number="N-2"))
    request = pb.ListAuthorizationsRequest(limit=500)
    reply = world.call("chen", AuthorizationServiceStub, "ListAuthorizations", request)
    rows = [(row.number, row.state, row.members) for row in reply.authorizations]
    assert rows == [(NUMBER, "in-force", 2), ("N-2", "draft", 2)]
    request = pb.ListAuthorizationsRequest(limit=1)
    page = world.call("chen", AuthorizationServiceStub, "ListAuthorizations", request)
    request = pb.ListAuthorizationsRequest(after=page.next)
    last = world.call("chen", AuthorizationServiceStub, "ListAuthorizations", request)
    assert ([row.number for row in last.authorizations], last.next) == (["N-2"], "")
    request = pb.ListAuthorizationsRequest(state="confirmed")
    refused(
        Reason.MALFORMED,
        lambda: world.call("chen", AuthorizationServiceStub, "ListAuthorizations", request),
    )


def test_nothing_personal_lies_in_database_ledger_or_log(world: World) -> None:
    world.give()
    world.revoke()
    world.register(world.letter(number="N-2"))
    folder = world.home / "registrar"
    needles = [resident(1)[9:], resident(2)[9:], "ab" * 32, "letter.pdf"]
    needles += [hashlib.sha256(n.encode()).hexdigest() for n in needles]
    for path in (p for name in ("data", "log", "run") for p in (folder / name).rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for needle in needles:
                assert needle.encode() not in data, path.name


def test_one_person_leaves_unrelated_commitments_in_two_entries(world: World) -> None:
    world.give()
    world.revoke()
    values = [
        value
        for entry in world.ledger()
        for name, value in entry.fields.items()
        if name in ("authorization", "clerk", "checker", "person", "roster")
    ]
    assert len(values) == len(set(values)) > 5


def test_a_letter_that_ran_out_is_ledgered_once_as_ended_like_any_other(world: World) -> None:
    world.give(valid_to=world.day(2))
    office = build_office(world.registrar.parts)
    record_expired(office)
    assert world.ledger()[-1].event == "authorization.given"
    given = len(world.ledger()) - 1
    world.clock.move(days=4)
    for _ in range(2):
        record_expired(office)
    assert world.ledger()[-1].event == "authorization.ended"
    assert world.ledger()[-1].fields["given"] == given
    assert len(world.ledger()) == given + 2
    refused(Reason.AUTHORIZATION_EXPIRED, lambda: world.issue(world.ask()))
    world.revoke()
    ended = world.ledger()[-1]
    assert (ended.event, "given" in ended.fields) == ("authorization.ended", False)
