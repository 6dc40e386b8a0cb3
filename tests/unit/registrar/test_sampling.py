"""Drawing and opening at the registrar: who may, what is ledgered, and who can read it.

Tests design.md 1.5, 4.13.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crypto.rng import system_rng
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import SampleServiceStub
from ledger import event
from model.disclosure import EntryDisclosure, Granted, open_granted, sample_parts
from model.documents.sampling import SampleGrant
from model.documents.signed import DocumentError
from model.reasons import Reason
from registrar.manifests import store as manifests
from registrar.sampling import store
from runtime.documents import open_signed
from runtime.storage.store import reveals_of
from tests.unit.registrar.conftest import NUMBER, World, refused, resident
from tests.unit.registrar.test_erasing import erase


def index_of(world: World, name: str) -> int:
    """The newest entry of an event."""
    return max(i for i, entry in enumerate(world.ledger()) if entry.event == name)


def draw(
    world: World, *entries: int, of: int = 1, named: bool = False, by: str = "sun"
) -> pb.DrawSampleReply:
    request = pb.DrawSampleRequest(entries=entries, of=of, named=named)
    reply: pb.DrawSampleReply = world.call(by, SampleServiceStub, "DrawSample", request)
    return reply


def open_sealed(world: World, sample: str, entry: int, *, by: str = "sun") -> bytes:
    request = pb.DiscloseSampleRequest(sample=sample, entry=entry)
    sealed: bytes = world.call(by, SampleServiceStub, "DiscloseSample", request).sealed
    return sealed


def unsealed(world: World, sealed: bytes, sample: str, entry: int, *, by: str = "sun") -> Granted:
    key = world.identity(by).seal_key
    assert key is not None
    return open_granted(sealed, key, sample_parts(sample, entry, by))


def opened(world: World) -> tuple[Granted, int, str]:
    """One household, drawn and opened to sun."""
    world.give()
    world.issue(world.ask())
    entry = index_of(world, "manifest.issued")
    sample = draw(world, entry).sample
    return unsealed(world, open_sealed(world, sample, entry), sample, entry), entry, sample


def test_drawing_and_opening_stand_in_the_ledger_before_anything_is_shown(world: World) -> None:
    granted, entry, sample = opened(world)
    drawn, shown = world.ledger()[-2:]
    assert (drawn.event, drawn.fields["entries"], drawn.fields["of"]) == (
        "sample.drawn", [entry], 1,
    )  # fmt: skip
    assert drawn.fields["named"] is False
    assert (shown.event, shown.fields["sample"], shown.fields["entry"]) == (
        "sample.opened", sample, entry,
    )  # fmt: skip
    assert shown.fields["grant"] == granted.grant.signed.digest
    open_sealed(world, sample, entry)
    assert world.ledger()[-1].event == "sample.opened"
    assert world.ledger()[-1].fields["grant"] != shown.fields["grant"]


def test_the_grant_names_reviewer_manifest_queries_and_what_was_opened(world: World) -> None:
    granted, entry, sample = opened(world)
    registrar = world.federation.registrar
    grant = open_signed(granted.grant.signed, SampleGrant, registrar)
    fields = world.ledger()[entry].fields
    assert (grant.reviewer, grant.entry, grant.sample) == ("sun", entry, sample)
    assert (grant.manifest, grant.queries) == (fields["manifest"], fields["tickets"])
    assert grant.opened == granted.digest


def test_no_entry_about_a_sample_holds_personal_data(world: World) -> None:
    _, entry, sample = opened(world)
    refused(Reason.SAMPLE_NOT_DRAWN, lambda: open_sealed(world, sample, entry, by="song"))
    said = [e for e in world.ledger() if e.event.startswith("sample.")]
    assert [e.event for e in said] == ["sample.drawn", "sample.opened", "sample.refused"]
    for each in said:
        leaf = event.encode(each.event, each.fields, at=each.at).decode()
        for word in ("sun", "song", NUMBER, "wang", resident(1), resident(1).partition(":")[2]):
            assert word not in leaf
    commitments = [e.fields["reviewer"] for e in said]
    assert len(set(commitments)) == len(commitments)


def test_what_was_opened_is_readable_to_its_reviewer_alone(world: World) -> None:
    granted, entry, sample = opened(world)
    sealed = open_sealed(world, sample, entry)
    person = resident(1).partition(":")[2].encode()
    assert person in granted.encode()
    assert person not in sealed and NUMBER.encode() not in sealed
    for other in ("song", "coordinator", "tax"):
        with pytest.raises(DocumentError):
            unsealed(world, sealed, sample, entry, by=other)
    key = world.identity("sun").seal_key
    assert key is not None
    for parts in (sample_parts(sample, entry + 1, "sun"), sample_parts("0" * 32, entry, "sun")):
        with pytest.raises(DocumentError):
            open_granted(sealed, key, parts)


def test_the_reviewers_commitment_stays_openable_by_the_registrar(world: World) -> None:
    opened(world)
    with world.registrar.parts.database.read() as conn:
        kept = reveals_of(conn, index_of(world, "sample.opened"))
    assert kept is not None and kept.owner == ""


def test_a_further_query_is_opened_with_the_checkers_signature(world: World) -> None:
    world.give()
    world.issue(world.ask())
    request = world.ask(again="objection")
    world.issue(request, countersigned_by="ma")
    entry = index_of(world, "manifest.issued")
    sample = draw(world, entry, of=2).sample
    granted = unsealed(world, open_sealed(world, sample, entry), sample, entry)
    found = EntryDisclosure.decode(granted.opened.encode())
    assert found.countersigned is not None
    assert (found.countersigned.signer, found.request.signer) == ("ma", "wang")
    assert found.countersigned.body == found.request.body == request.encode().decode()


def test_a_letter_that_ended_meanwhile_is_opened_all_the_same(world: World) -> None:
    world.give()
    world.issue(world.ask())
    world.revoke()
    entry = index_of(world, "manifest.issued")
    sample = draw(world, entry).sample
    assert unsealed(world, open_sealed(world, sample, entry), sample, entry)


def test_an_erased_letter_is_named_with_its_erasure_and_opened_never(world: World) -> None:
    world.give()
    world.issue(world.ask())
    entry = index_of(world, "manifest.issued")
    before = draw(world, entry).sample
    world.revoke()
    erase(world, "chen")
    erase(world, "li")
    (row,) = draw(world, entry).entries
    assert row.erased_by == index_of(world, "authorization.erased")
    refused(Reason.AUTHORIZATION_ERASED, lambda: open_sealed(world, before, entry))
    with world.registrar.parts.database.read() as conn:
        found = manifests.manifest(conn, str(world.ledger()[entry].fields["manifest"]))
    assert found is not None
    assert (found.reveals, found.asked, found.countersigned) == (b"", b"", b"")


Act = Callable[[World, int, str], Any]
NOBODY = "ab" * 16


def _expired(world: World, entry: int, sample: str) -> Any:
    world.clock.moment += timedelta(days=1, seconds=1)
    return open_sealed(world, sample, entry)


REFUSED: dict[str, tuple[Act, Reason]] = {
    "an entry that is not there": (lambda w, e, s: draw(w, 10_000), Reason.NOT_FOUND),
    "an entry about something else": (
        lambda w, e, s: draw(w, index_of(w, "authorization.given")), Reason.NOT_FOUND,
    ),
    "a number that no ledger reaches": (lambda w, e, s: draw(w, 1 << 63), Reason.MALFORMED),
    "no entry": (lambda w, e, s: draw(w), Reason.MALFORMED),
    "an entry twice": (lambda w, e, s: draw(w, e, e, of=2), Reason.MALFORMED),
    "drawn from fewer than were drawn": (lambda w, e, s: draw(w, e, of=0), Reason.MALFORMED),
    "drawn from more than there are": (lambda w, e, s: draw(w, e, of=2), Reason.MALFORMED),
    "more than at once": (
        lambda w, e, s: draw(w, *range(21), of=21), Reason.SAMPLE_LIMIT,
    ),
    "opened without drawing": (lambda w, e, s: open_sealed(w, NOBODY, e), Reason.SAMPLE_NOT_DRAWN),
    "another entry than was drawn": (
        lambda w, e, s: open_sealed(w, s, e - 1), Reason.SAMPLE_NOT_DRAWN,
    ),
    "another reviewer's sample": (
        lambda w, e, s: open_sealed(w, s, e, by="song"), Reason.SAMPLE_NOT_DRAWN,
    ),
    "no sample's id": (lambda w, e, s: open_sealed(w, "mine", e), Reason.MALFORMED),
    "a day later": (_expired, Reason.SAMPLE_EXPIRED),
}  # fmt: skip


@pytest.mark.parametrize(("act", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_be_drawn_or_opened_is_refused_and_ledgered(
    world: World, act: Act, reason: Reason
) -> None:
    world.give()
    world.issue(world.ask())
    entry = index_of(world, "manifest.issued")
    sample = draw(world, entry).sample
    size = len(world.ledger())
    refused(reason, lambda: act(world, entry, sample))
    last = world.ledger()[-1]
    assert (len(world.ledger()), last.event) == (size + 1, "sample.refused")
    assert last.fields["reason"] == reason


@pytest.mark.parametrize("person", ["wang", "chen", "li", "zhao", "coordinator", "tax"])
def test_nobody_but_a_reviewer_draws_or_opens(world: World, person: str) -> None:
    _, entry, sample = opened(world)
    refused(Reason.WRONG_ROLE, lambda: draw(world, entry, by=person))
    refused(Reason.WRONG_ROLE, lambda: open_sealed(world, sample, entry, by=person))


def test_within_a_day_only_so_many_are_drawn_and_the_next_day_again(world: World) -> None:
    world.give()
    world.issue(world.ask())
    entry = index_of(world, "manifest.issued")
    first = draw(world, entry).sample
    with world.registrar.parts.database.read() as conn:
        row = store.drawn(conn, first, entry)
    assert row is not None
    many = [replace(row, sample=system_rng(16).hex()) for _ in range(99)]
    world.registrar.parts.writer.run(lambda tx: store.add(tx.conn, many))
    refused(Reason.SAMPLE_LIMIT, lambda: draw(world, entry))
    world.clock.moment += timedelta(days=1, seconds=1)
    assert draw(world, entry).sample
