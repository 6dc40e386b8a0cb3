"""Erasure: who may, when, and what is left in the database's files afterwards.

Tests design.md 4.6.
"""

import base64
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crypto.errors import OpenError
from crypto.sealing import open_at_rest
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import AuthorizationServiceStub
from ledger import log, merkle
from model.documents.authorization import Erasure
from model.reasons import Reason
from registrar.authorizations import erasing, store
from registrar.authorizations.expiring import record_expired
from registrar.authorizations.vault import open_letter
from registrar.manifests import store as manifests
from registrar.office import Office
from registrar.process import build_office
from runtime.errors import Refusal
from runtime.storage.salting import unseal
from runtime.storage.store import reveals_of
from runtime.transport.guard import Caller
from runtime.transport.wire import signed_to_wire
from tests.unit.registrar.conftest import NUMBER, World, member, refused, resident


@pytest.fixture
def office(world: World) -> Iterator[Office]:
    """The registrar's desk, for what no call shows."""
    office = build_office(world.registrar.parts)
    yield office
    office.pool.shutdown()


def erasure(world: World, by: str, reason: str, number: str = NUMBER, person: str = "") -> Any:
    wanted = Erasure.model_validate({"number": number, "reason": reason, "person": person or by})
    return world.signed(wanted, by)


def erase(world: World, by: str, reason: str = "requested", **more: str) -> Any:
    signed = signed_to_wire(erasure(world, by, reason, **more))
    request = pb.EraseAuthorizationRequest(erasure=signed)
    return world.call(by, AuthorizationServiceStub, "EraseAuthorization", request)


def as_caller(office: Office, name: str) -> Caller:
    member = office.federation.member(name)
    assert member is not None
    return Caller(member, member.certificate_sha256)


def stored(world: World, number: str = NUMBER) -> store.AuthorizationRow:
    with world.registrar.parts.database.read() as conn:
        row = store.get(conn, number)
    assert row is not None
    return row


def test_a_clerk_asks_a_checker_erases_and_each_is_ledgered(world: World) -> None:
    world.give()
    world.revoke()
    ended = stored(world).entry
    assert erase(world, "chen").state == "revoked"
    assert erase(world, "li").state == "erased"
    asked, erased = world.ledger()[-2:]
    assert (asked.event, asked.fields["reason"]) == ("erasure.asked", "requested")
    assert erased.event == "authorization.erased"
    assert (erased.fields["reason"], erased.fields["ended"]) == ("requested", ended)
    assert world.ledger()[ended].event == "authorization.ended"


def _before_its_end(world: World) -> None:
    world.give()
    erase(world, "chen")


def _a_draft(world: World) -> None:
    world.register(world.letter())
    erase(world, "chen")


def _alone(world: World) -> None:
    world.give()
    world.revoke()
    erase(world, "li")


def _for_another_reason(world: World) -> None:
    world.give()
    world.revoke()
    erase(world, "chen", "ordered")
    erase(world, "li", "requested")


def _too_early(world: World) -> None:
    world.give()
    world.revoke()
    erase(world, "chen", "retention-over")


def _twice(world: World) -> None:
    world.give()
    world.revoke()
    erase(world, "chen")
    erase(world, "li")
    erase(world, "li")


def _in_anothers_name(world: World) -> None:
    world.give()
    world.revoke()
    erase(world, "chen", person="li")


REFUSED: dict[str, tuple[Callable[[World], None], Reason]] = {
    "while it is in force": (_before_its_end, Reason.AUTHORIZATION_IN_FORCE),
    "a draft, which may yet come into force": (_a_draft, Reason.AUTHORIZATION_IN_FORCE),
    "a checker alone": (_alone, Reason.ERASURE_NOT_ASKED),
    "a checker for another reason": (_for_another_reason, Reason.ERASURE_NOT_ASKED),
    "before the time of keeping is over": (_too_early, Reason.RETENTION_NOT_OVER),
    "a second time": (_twice, Reason.AUTHORIZATION_ERASED),
    "in another's name": (_in_anothers_name, Reason.SIGNATURE_INVALID),
    "a number that nobody registered": (
        lambda w: erase(w, "chen", number="N-9"),
        Reason.AUTHORIZATION_UNKNOWN,
    ),
}


@pytest.mark.parametrize(("act", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_be_erased_is_refused_and_ledgered(
    world: World, act: Callable[[World], None], reason: Reason
) -> None:
    refused(reason, lambda: act(world))
    assert world.ledger()[-1].fields["reason"] == reason
    with world.registrar.parts.database.read() as conn:
        row = store.get(conn, NUMBER)
    assert row is None or row.state == "erased" or len(row.data_key) > 32


@pytest.mark.parametrize("ends", ["revoked", "expired"])
def test_without_a_reason_it_is_kept_for_three_years_from_its_end(
    world: World, office: Office, ends: str
) -> None:
    world.give(valid_to=world.day(2))
    if ends == "revoked":
        world.clock.move(days=2)
        world.revoke()
    else:
        world.clock.move(days=4)
        record_expired(office)
        world.clock.move(days=-2)
    world.clock.move(days=1_095)
    signed, caller = erasure(world, "chen", "retention-over"), as_caller(office, "chen")
    with pytest.raises(Refusal) as early:
        erasing.erase(office, signed, caller)
    assert early.value.reason is Reason.RETENTION_NOT_OVER
    assert "kept until" in early.value.detail
    world.clock.move(days=1)
    erasing.erase(office, signed, caller)
    done = erasing.erase(office, erasure(world, "li", "retention-over"), as_caller(office, "li"))
    assert done.state == "erased"


def test_a_letter_that_ran_out_is_not_erased_before_the_ledger_says_so(
    world: World, office: Office
) -> None:
    world.give(valid_to=world.day(1))
    world.clock.move(days=3)
    detail = refused(Reason.AUTHORIZATION_IN_FORCE, lambda: erase(world, "chen"))
    assert "ask again in an hour" in detail
    record_expired(office)
    assert erase(world, "chen").state == "expired"
    assert erase(world, "li").state == "erased"


def test_after_the_erasure_nothing_can_be_read_issued_or_registered_again(world: World) -> None:
    letter = world.give()
    issued = world.issue(world.ask())
    world.revoke()
    erase(world, "chen")
    erase(world, "li")
    request = pb.GetAuthorizationRequest(number=NUMBER)
    read = AuthorizationServiceStub, "GetAuthorization", request
    refused(Reason.AUTHORIZATION_ERASED, lambda: world.call("li", *read))
    refused(Reason.AUTHORIZATION_ERASED, lambda: world.issue(world.ask()))
    refused(Reason.AUTHORIZATION_ERASED, lambda: world.confirm(letter))
    refused(Reason.AUTHORIZATION_EXISTS, lambda: world.register(letter))
    assert world.revoke().state == "erased"
    # The coordinator may still say that the application ended, as of any other.
    size = len(world.ledger())
    world.close_application(issued.signed.digest)
    assert len(world.ledger()) == size


def test_revoked_tickets_stay_on_the_revocation_list(world: World) -> None:
    world.give()
    issued = world.issue(world.ask())
    world.revoke()
    erase(world, "chen")
    erase(world, "li")
    with world.registrar.parts.database.read() as conn:
        listed = [
            manifests.revoked_queries(
                conn, ticket.department, "coordinator", now="2000-01-01T00:00:00Z", limit=100
            )
            for ticket in issued.tickets
        ]
    assert listed == [[ticket.query] for ticket in issued.tickets]


def test_an_erased_person_is_free_for_a_new_letter(world: World) -> None:
    world.give()
    world.revoke()
    erase(world, "chen")
    erase(world, "li")
    assert world.give(number="N-2").number == "N-2"


def _files(world: World) -> dict[str, bytes]:
    folder = world.home / "registrar"
    paths = (p for name in ("data", "log", "run") for p in (folder / name).rglob("*"))
    return {p.name: p.read_bytes() for p in paths if p.is_file()}


def _sealed_of(world: World, number: str) -> dict[str, bytes]:
    """Everything that lies sealed for one letter, by what it is."""
    row = stored(world, number)
    found = {"data key": row.data_key, "letter": row.letter, "confirmation": row.confirmation}
    path = next((world.home / "registrar" / "data").glob("*.db"))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        queries = {
            "opening": "select sealed from ledger_opening where owner = ?",
            "ticket": "select sealed from ticket where number = ?",
            "openings": "select openings from manifest where number = ?",
            "tag": "select tag from live_tag where number = ?",
        }
        for what, query in queries.items():
            for place, (value,) in enumerate(conn.execute(query, (number,))):
                found[f"{what} {place}"] = value
    return found


def test_the_person_cannot_be_recovered_from_the_registrars_files(
    world: World, office: Office
) -> None:
    for serial in range(3, 40):
        world.give(number=f"N-{serial}", members=[member(serial, "head")])
    world.give()
    world.issue(world.ask())
    sealed = _sealed_of(world, NUMBER) | {"digest": stored(world).digest.encode()}
    world.revoke()
    sealed |= {f"later {what}": value for what, value in _sealed_of(world, NUMBER).items()}
    assert len(sealed) > 15
    before = stored(world)
    letter = open_letter(office, before)
    assert letter.terms.members[0].person == resident(1)
    erase(world, "chen")
    erase(world, "li")
    files = _files(world)
    for what, value in sealed.items():
        left = [name for name, data in files.items() if value in data or value[-32:] in data]
        assert left == [], f"{what} is still there"
    for person in (resident(1), resident(2), resident(1)[9:], resident(2)[9:], "letter.pdf"):
        raw = person.encode()
        spelled = (
            raw,
            raw.hex().encode(),
            base64.b64encode(raw)[:-4],
            raw.decode().encode("utf-16-le"),
        )
        assert not [n for n, data in files.items() for form in spelled if form in data]
    with pytest.raises(Refusal):
        open_letter(office, stored(world))
    # And a sealed letter that somebody kept, without its key: neither the registrar's own key
    # nor another letter's opens it.
    other = open_letter(office, stored(world, "N-3")).key
    for key in (office.parts.kek, other):
        with pytest.raises(OpenError):
            open_at_rest(key, before.letter, aad=[b"letter", NUMBER.encode()])


def test_other_letters_and_the_whole_tree_are_as_before(world: World, office: Office) -> None:
    world.give(number="N-3", members=[member(3, "head")])
    world.give()
    world.revoke()
    database = world.registrar.parts.database
    with database.read() as conn:
        size = log.size(conn)
        before = list(log.entries(conn, 0, size))
        root = log.root(conn, size)
    erase(world, "chen")
    erase(world, "li")
    with database.read() as conn:
        assert list(log.entries(conn, 0, size)) == before
        assert log.root(conn, size) == root
        now = log.size(conn)
        for index in range(now):
            leaf = merkle.leaf_hash(log.leaf(conn, index))
            path = log.inclusion(conn, index, now)
            merkle.verify_inclusion(leaf, index, now, path, log.root(conn, now))
        own = reveals_of(conn, now - 1)
    assert open_letter(office, stored(world, "N-3")).terms.number == "N-3"
    # Who erased, and which number, can be shown to a reviewer: it names no applicant.
    assert own is not None
    shown = {opening.field: opening.value for opening in unseal(office.parts.kek, own)}
    assert shown == {"authorization": NUMBER, "clerk": "chen", "checker": "li"}


def test_without_overwriting_deleted_bytes_stay_in_the_file(tmp_path: Path) -> None:
    """Why the database is opened with secure_delete, and its log cut."""
    left = {}
    for mode in ("OFF", "ON"):
        path = tmp_path / f"{mode}.db"
        with closing(sqlite3.connect(path)) as conn:
            conn.execute(f"PRAGMA secure_delete={mode}")
            conn.execute("create table t (n integer primary key, b blob)")
            conn.executemany(
                "insert into t (b) values (?)", [(bytes([i]) * 60,) for i in range(99)]
            )
            conn.commit()
            conn.execute("update t set b = x'' where n = 7")
            conn.commit()
        left[mode] = bytes([6]) * 60 in path.read_bytes()
    assert left == {"OFF": True, "ON": False}
