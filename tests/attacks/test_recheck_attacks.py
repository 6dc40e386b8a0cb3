"""A coordinator, or a registrar, that turns a re-check into a second opening of its own.

A re-check opens the same answers a second time. Whoever could read what comes out, choose who
opens, or have it twice would ask a household's records what nobody allowed.

Tests design.md 2.6.15.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from desk.client.recheck import find_determined
from hedui.v1 import common_pb2, holder_pb2
from hedui.v1 import recheck_pb2 as pb
from hedui.v1.recheck_pb2_grpc import RecheckPermitServiceStub
from holder import checks
from holder.bits import Outcome, Recipient, read_bits
from model.documents.opening import HolderHeader, Permit, RecheckPermit, answer_set_digest
from model.documents.signed import Document, sign
from model.reasons import Reason
from runtime.errors import Refusal, Refused, SettingsError
from runtime.transport.wire import signed_from_wire, signed_to_wire
from tests.support.county import County, make_county, serve_county
from tests.support.relay import Papers, Relay, Round

RICH = 3
"""Earns ten times the limit; the bit of the first slot is 1."""
OFFICE = "audit"
"""The holder in the reviewers' own organisation."""
Doc = common_pb2.SignedDocument


@dataclass
class Bench:
    """A federation of three holders, of which two open, and a coordinator that follows no rule."""

    county: County
    relay: Relay
    person: int = 200

    def case(self, *persons: int) -> "Opened":
        """A household that was determined by the rules: answers, first permit, first bits."""
        self.person += 1
        papers = self.relay.issue(self.county.authorize(*(persons or (self.person,))))
        first = self.relay.begin(papers)
        return Opened(papers, first, self.relay.run(papers, first))

    def determine(self, opened: "Opened") -> common_pb2.LedgerReceipt:
        """The coordinator writes ``case.determined`` into its ledger, and shows the proof."""
        parts, case = self.county.services["coordinator"].parts, parts_id(opened)
        parts.writer.run(
            lambda tx: tx.append(
                "case.determined",
                case=case,
                manifest=opened.papers.digest,
                permit=opened.first.digest.hex(),
                result="00" * 32,
                bits="00" * 32,
            )
        )
        with self.county.acting("rosa") as acting:
            found = find_determined(acting, case, None, [])
        return common_pb2.LedgerReceipt(
            index=found.index, path=list(found.path), checkpoint=found.note, leaf=found.entry
        )

    def permit(self, opened: "Opened", reviewer: str = "rosa") -> Doc:
        """The registrar's re-check permit for a reviewer."""
        request = pb.IssueRecheckRequest(determined=self.determine(opened))
        with self.county.acting(reviewer) as acting:
            reply = acting.call("registrar", RecheckPermitServiceStub, "IssueRecheck", request)
        found: Doc = reply.permit
        return found

    def round(self, opened: "Opened", permit: Doc, first: Doc | None = None) -> "Again":
        """What holders are shown of a re-check; ``first`` is the true one unless given."""
        context = holder_pb2.OpeningContext()
        context.CopyFrom(opened.first.context)
        context.first.CopyFrom(first or opened.first.context.permit)
        context.permit.CopyFrom(permit)
        return Again(context)

    def turned(self, document: Document) -> Doc:
        """What a registrar that has turned would sign."""
        return self.relay.sign_as("registrar", document, key=self.relay.key_of("registrar"))


@dataclass(frozen=True)
class Opened:
    """A case and its first opening."""

    papers: Papers
    first: Round
    bits: list[int]


class Again(Round):
    """A re-check."""

    @property
    def permit(self) -> Any:
        """Parsed; of whatever kind it is."""
        kind = RecheckPermit if b'"re-check"' in self.context.permit.body else Permit
        return kind.decode(self.context.permit.body)


def parts_id(opened: Opened) -> str:
    """A case id, as the coordinator draws them."""
    return opened.papers.digest[:32]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Everybody serves; the relay has the coordinator's keys."""
    county = make_county(tmp_path_factory.mktemp("rechecked") / "home")
    try:
        serve_county(county)
        with Relay(county) as relay:
            yield Bench(county, relay)
    finally:
        county.stop()


def refused(act: Callable[[], object]) -> Reason:
    """The reason."""
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason


def forged(opened: Opened, permit: RecheckPermit, **changes: Any) -> RecheckPermit:
    """The permit with other contents."""
    return permit.model_copy(update={"permit": "ab" * 16, **changes})


# ---------------------------------------------------------------- who reads what comes out


def test_flips_and_results_open_for_the_reviewer_and_for_nobody_else(bench: Bench) -> None:
    opened = bench.case(RICH)
    again = bench.round(opened, bench.permit(opened))
    masked = bench.relay.mask(again)
    bits = bench.relay.open(again, masked.mask, masked.share)
    compared = bench.relay.compare(again, bits)
    results = bench.relay.conclude(again, compared.terms)
    with pytest.raises(Refusal):
        bench.relay.read(opened.papers, again, masked, compared.flips, results)
    with bench.county.acting("rosa") as acting:
        key = acting.identity.seal_key
    assert key is not None
    found = read_bits(
        Outcome(compared.flips, results),
        again.permit,
        HolderHeader.decode(masked.mask.header.body),
        count=len(opened.bits),
        to=Recipient("rosa", key, bench.county.federation),
    )
    assert found == opened.bits
    assert found[0] == 1


RECIPIENTS = ("coordinator", "olga", "nobody", "audit")


@pytest.mark.parametrize("name", RECIPIENTS)
def test_holders_seal_to_no_one_who_is_not_a_reviewer(bench: Bench, name: str) -> None:
    """Not even where the registrar has turned and signs it."""
    opened = bench.case()
    permit = RecheckPermit.decode(bench.permit(opened).body)
    theirs = bench.round(opened, bench.turned(forged(opened, permit, reviewer=name)))
    assert refused(lambda: bench.relay.mask(theirs)) is Reason.PERMIT_MISMATCH
    mine = bench.relay.sign_as("registrar", forged(opened, permit, reviewer=name))
    assert refused(lambda: bench.relay.mask(bench.round(opened, mine))) is Reason.SIGNATURE_INVALID


def test_holders_that_seal_to_anybody_give_the_coordinator_a_second_opening(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a mask of its own choice it would be a second question."""
    monkeypatch.setattr("runtime.documents.reviewer_of", lambda *_: None)
    # The order is the same, whoever reads: nobody has to change places.
    opened = opened_first(bench, by_office=True)
    permit = RecheckPermit.decode(bench.permit(opened).body)
    theirs = bench.round(opened, bench.turned(forged(opened, permit, reviewer="coordinator")))
    assert bench.relay.run(opened.papers, theirs) == opened.bits


# ---------------------------------------------------------------- one kind for the other


def test_neither_kind_of_permit_is_taken_for_the_other(bench: Bench) -> None:
    opened = bench.case()
    permit = bench.permit(opened)
    as_rules = bench.relay.round(opened.papers, permit, list(opened.first.context.answers))
    without = Again(as_rules.context)
    as_recheck = bench.round(opened, opened.first.context.permit)
    attempts = {
        "a re-check's as if for rules": lambda: bench.relay.mask(without),
        "one for rules as if a re-check's": lambda: bench.relay.mask(as_recheck),
        "a re-check of a re-check": lambda: bench.relay.mask(
            bench.round(opened, permit, first=permit)
        ),
    }
    found = {name: refused(attempt) for name, attempt in attempts.items()}
    assert set(found.values()) == {Reason.SIGNATURE_INVALID}, found


def test_a_relabelled_permit_is_signed_for_nothing(bench: Bench) -> None:
    """The same fields and the registrar's signature of the other kind."""
    opened = bench.case()
    first = signed_from_wire(opened.first.context.permit)
    fields = Permit.decode(first.body).model_dump() | {
        "kind": "re-check",
        "first": first.digest,
        "determined": "00" * 32,
        "reviewer": "rosa",
    }
    body = RecheckPermit.model_validate(fields).encode()
    relabelled = Doc(body=body, signature=first.signature, signer="registrar")
    reason = refused(lambda: bench.relay.mask(bench.round(opened, relabelled)))
    assert reason is Reason.SIGNATURE_INVALID


# ---------------------------------------------------------------- who opens, and how often


def same_pair(opened: Opened, permit: RecheckPermit) -> RecheckPermit:
    """The first opening's masker and evaluator once more; whoever else there is, "skipped"."""
    first = opened.first.permit
    others = [h for h in ("bank", "audit", "police") if h not in first.holders]
    skips = [{"holder": h, "reason": "unreachable"} for h in others]
    fields = permit.model_dump() | {"holders": [first.evaluator, first.masker], "skips": skips}
    return RecheckPermit.model_validate(fields)


def swapped(opened: Opened, permit: RecheckPermit) -> RecheckPermit:
    """Evaluator and masker changed places."""
    return permit.model_copy(update={"holders": permit.holders[::-1]})


def other_answers(opened: Opened, permit: RecheckPermit) -> RecheckPermit:
    """The tax office alone, the bank silent."""
    answer = opened.first.context.answers[1]
    changes = {
        "answers": answer_set_digest(opened.papers.digest, [None, answer.body]),
        "answering": ["tax"],
        "silent": ["bank"],
    }
    return permit.model_copy(update=changes)


def other_first(opened: Opened, permit: RecheckPermit) -> RecheckPermit:
    """Of a permit that was never used."""
    return permit.model_copy(update={"first": "cd" * 32})


def opened_first(bench: Bench, *, by_office: bool) -> Opened:
    """A case whose first opening the reviewers' office had a part in, as in two thirds, or none."""
    for _ in range(40):
        opened = bench.case()
        if (OFFICE in opened.first.permit.holders) is by_office:
            return opened
    raise AssertionError("holders come in one order alone")


def reviewers_office(opened: Opened, permit: RecheckPermit) -> RecheckPermit:
    """The plain order, in which the holder of the reviewer's own office comes first and masks."""
    return permit.model_copy(update={"holders": [OFFICE, *(set(permit.holders) - {OFFICE})]})


Forge = Callable[[Opened, RecheckPermit], RecheckPermit]
FORGED: dict[str, Forge] = {
    "the same pair": same_pair,
    "masker and evaluator swapped": swapped,
    "other answers": other_answers,
    "another first permit": other_first,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_every_holder_checks_a_turned_registrars_permit_for_itself(
    bench: Bench, forge: Forge
) -> None:
    opened = bench.case()
    permit = RecheckPermit.decode(bench.permit(opened).body)
    theirs = bench.round(opened, bench.turned(forge(opened, permit)))
    for holder in ("bank", "audit", "police"):
        request = holder_pb2.MaskRequest(context=theirs.context)
        reason = refused(lambda h=holder, r=request: bench.relay._holder(h, "Mask", r))  # type: ignore[misc]
        assert reason is Reason.PERMIT_MISMATCH


def test_the_reviewers_own_office_never_masks(bench: Bench) -> None:
    """Masker and reader in one office could ask each bit as a question of their own."""
    opened = opened_first(bench, by_office=False)
    signed = bench.permit(opened)
    permit = RecheckPermit.decode(signed.body)
    assert (permit.masker, permit.evaluator) == (opened.first.permit.evaluator, OFFICE)
    theirs = bench.round(opened, bench.turned(reviewers_office(opened, permit)))
    for holder in ("bank", "audit", "police"):
        request = holder_pb2.MaskRequest(context=theirs.context)
        reason = refused(lambda h=holder, r=request: bench.relay._holder(h, "Mask", r))  # type: ignore[misc]
        assert reason is Reason.PERMIT_MISMATCH
    assert bench.relay.mask(bench.round(opened, signed)).HasField("mask")


def test_a_first_permit_that_a_holder_never_used_is_refused_by_that_holder(bench: Bench) -> None:
    """A turned registrar signs a first permit after the fact, to have another pair appointed."""
    # The office evaluated or masked, so that whoever masks now had no part in it.
    opened = opened_first(bench, by_office=True)
    permit = RecheckPermit.decode(bench.permit(opened).body)
    first = Permit.decode(opened.first.context.permit.body).model_copy(update={"permit": "ab" * 16})
    signed = bench.turned(first)
    again = permit.model_copy(update={"first": signed_from_wire(signed).digest})
    theirs = bench.round(opened, bench.turned(again), first=signed)
    masked = bench.relay.mask(theirs)
    evaluator = theirs.permit.evaluator
    assert evaluator in opened.first.permit.holders
    reason = refused(lambda: bench.relay.open(theirs, masked.mask, masked.share))
    assert reason is Reason.PERMIT_MISMATCH


def test_a_second_recheck_is_refused_even_under_a_turned_registrars_permit(bench: Bench) -> None:
    opened = bench.case()
    permit = bench.permit(opened)
    again = bench.round(opened, permit)
    masked = bench.relay.mask(again)
    bench.relay.open(again, masked.mask, masked.share)
    second = forged(opened, RecheckPermit.decode(permit.body), reviewer="remy")
    theirs = bench.round(opened, bench.turned(second))
    assert refused(lambda: bench.relay.mask(theirs)) is Reason.ALREADY_OPENED


def test_holders_that_believe_the_registrar_let_the_first_pair_repeat_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever bent a bit the first time bends it again, and the re-check agrees."""
    monkeypatch.setattr(checks, "check_recheck", lambda *_: None)
    opened = bench.case()
    permit = RecheckPermit.decode(bench.permit(opened).body)
    theirs = bench.round(opened, bench.turned(same_pair(opened, permit)))
    masked = bench.relay.mask(theirs)
    assert bench.relay.open(theirs, masked.mask, masked.share).recipient == theirs.permit.masker


def test_messages_of_the_first_opening_serve_in_no_recheck(bench: Bench) -> None:
    opened = bench.case()
    again = bench.round(opened, bench.permit(opened))
    first = bench.relay.mask(opened.first)
    fresh = bench.relay.mask(again)
    old_bits = bench.relay.open(opened.first, first.mask, first.share)
    attempts = {
        "mask": lambda: bench.relay.open(again, first.mask, fresh.share),
        "share": lambda: bench.relay.open(again, fresh.mask, first.share),
        "bits": lambda: bench.relay.compare(again, old_bits),
    }
    found = {name: refused(attempt) for name, attempt in attempts.items()}
    assert found == {
        "mask": Reason.PROOF_INVALID,
        "share": Reason.MESSAGE_INVALID,
        "bits": Reason.MESSAGE_INVALID,
    }


def test_a_permit_of_the_reviewers_own_is_none(bench: Bench) -> None:
    opened = bench.case()
    permit = RecheckPermit.decode(bench.permit(opened).body)
    with bench.county.acting("rosa") as acting:
        own = signed_to_wire(sign(forged(opened, permit), acting.identity.sign_key, "registrar"))
    assert refused(lambda: bench.relay.mask(bench.round(opened, own))) is Reason.SIGNATURE_INVALID


def test_a_case_that_was_determined_twice_is_none_to_recheck(bench: Bench) -> None:
    """True bits for the reviewer, after false ones for the officer; reconcile finds it too."""
    opened = bench.case()
    bench.determine(opened)
    with pytest.raises(SettingsError, match="determined twice"):
        bench.determine(opened)
