"""Re-checks: a determined case is opened once more, by another pair, for a reviewer alone.

Tests design.md 2.6.15.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.case import store as case_store
from crypto.errors import OpenError
from crypto.labels import Label
from desk.client.recheck import find_determined, recheck
from desk.commands.ledger.recheck import DIFFERS
from hedui.v1 import common_pb2
from hedui.v1 import coordinator_pb2 as case_pb
from hedui.v1 import recheck_pb2 as pb
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from hedui.v1.recheck_pb2_grpc import RecheckPermitServiceStub, RecheckServiceStub
from holder.bits import read_bits
from ledger import log
from model.documents.desk import Decision
from model.documents.opening import RecheckPermit
from model.documents.signed import sign
from model.fields import format_time
from model.reasons import Reason
from reviewer import recheck as rechecks
from reviewer.bundle import Proven
from reviewer.recheck import Recheck
from runtime.errors import Refusal, Refused
from runtime.transport.wire import signed_from_wire, signed_to_wire
from tests.support.bench import Bench, exported, hedui, printed, reconciled, rounds
from tests.support.county import INCOMES

STEPS = ("Mask", "Open", "Compare", "Conclude")
HOLDERS = ("bank", "audit", "police")
RICH, RICHER = 81, 82


@pytest.fixture(scope="module", autouse=True)
def rich(served: Bench) -> Iterator[None]:
    """Two households above the limit of incomes."""
    served.straight()
    more = {RICH: "60000.00", RICHER: "60000.00"}
    served.county.load("tax", "tax.wages", INCOMES | more)
    yield


def determined(bench: Bench, *persons: int) -> case_pb.Case:
    """A case that was determined."""
    numbers = [bench.county.authorize(*persons)] if persons else [bench.household()]
    (case,) = bench.verify(*numbers)
    assert case.state == "determined"
    return case


def proven(bench: Bench, case: case_pb.Case, person: str = "rosa") -> Proven:
    """The entry of its determination."""
    with bench.county.acting(person) as acting:
        return find_determined(acting, case.case_id[:12], None, [])


def rechecked(bench: Bench, case: case_pb.Case, person: str = "rosa") -> Recheck:
    """The reviewer's part, without waiting for anybody."""
    found = proven(bench, case, person)
    with bench.county.acting(person) as acting:
        return recheck(acting, found, wait_s=0)


def receipt(found: Proven) -> common_pb2.LedgerReceipt:
    """As the registrar is shown it."""
    return common_pb2.LedgerReceipt(
        index=found.index, path=list(found.path), checkpoint=found.note, leaf=found.entry
    )


def issue(bench: Bench, shown: common_pb2.LedgerReceipt, person: str = "rosa") -> Any:
    """The registrar's part alone."""
    with bench.county.acting(person) as acting:
        request = pb.IssueRecheckRequest(determined=shown)
        return acting.call("registrar", RecheckPermitServiceStub, "IssueRecheck", request)


def relay(bench: Bench, case: case_pb.Case, issued: Any, person: str = "rosa") -> Any:
    """The coordinator's part alone."""
    with bench.county.acting(person) as acting:
        request = pb.RecheckRequest(permit=issued.permit, case_id=case.case_id)
        return acting.call("coordinator", RecheckServiceStub, "Recheck", request, timeout_s=60)


def decide(bench: Bench, case: case_pb.Case) -> None:
    """Close the case."""
    with bench.county.acting("olga") as acting:
        decision = Decision(
            case=case.case_id,
            programme="low-income",
            decision="granted",
            reason="as determined",
            officer="olga",
            at=format_time(acting.clock.now()),
        )
        signed = sign(decision, acting.identity.sign_key, "olga")
        request = case_pb.DecideCaseRequest(decision=signed_to_wire(signed))
        acting.call("coordinator", CaseServiceStub, "DecideCase", request)


def refused(act: Callable[[], object]) -> Reason:
    """The reason."""
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason


def holders_of(bench: Bench, case: case_pb.Case) -> list[str]:
    """Who opened the case for its determination."""
    entry = bench.county.ledger("coordinator")[case.ledger_entry].fields
    issued = bench.county.ledger("registrar", event_name="permit.issued")
    found: list[str] = next(
        e.fields["holders"] for e in issued if e.fields["permit"] == entry["permit"]
    )
    return found


# ---------------------------------------------------------------- what comes out


@pytest.mark.parametrize("person", [0, RICH], ids=["below the limits", "above one"])
def test_another_pair_finds_the_bits_that_were_determined(bench: Bench, person: int) -> None:
    case = determined(bench, *([person] if person else []))
    found = rechecked(bench, case)
    assert found.agree
    assert [slot.determined for slot in found.slots] == [int(person == RICH), 0, 0, 0, 0, 0]
    assert [slot.rules for slot in found.slots][::2] == [
        ("income_low",),
        ("one_home",),
        ("small_home",),
    ]
    before = holders_of(bench, case)
    assert set(found.permit.holders[:2]) != set(before[:2])
    assert before[0] not in found.permit.holders, "the masker comes last"


def test_everybody_ledgers_it_and_all_ledgers_reconcile(bench: Bench, tmp_path: Path) -> None:
    case = determined(bench)
    found = rechecked(bench, case)
    for holder in found.permit.holders:
        joined = bench.county.ledger(holder, event_name="opening.joined")[-1].fields
        assert joined["manifest"] == found.permit.manifest
    (issued,) = [
        e.fields
        for e in bench.county.ledger("registrar", event_name="recheck.issued")
        if e.fields["manifest"] == found.permit.manifest
    ]
    assert (issued["entry"], issued["first"]) == (case.ledger_entry, found.permit.first)
    mine = [e.event for e in bench.county.ledger("coordinator")][case.ledger_entry :]
    assert [e for e in mine if e != "ledger.read"] == [
        "case.determined",
        "recheck.received",
        *["opening.relayed"] * 6,
        "recheck.returned",
    ]
    result = reconciled(bench, exported(bench, tmp_path / "all"))
    assert (result.findings, result.open) == ([], [])


def test_a_coordinator_that_changed_a_bit_is_found_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The household earns too much; the coordinator determines that it does not."""
    honest = read_bits

    def lie(*args: Any, **kwargs: Any) -> list[int]:
        bits = honest(*args, **kwargs)
        return [1 - bits[0], *bits[1:]]

    monkeypatch.setattr("coordinator.opening.opening.read_bits", lie)
    case = determined(bench, RICHER)
    monkeypatch.undo()
    assert {r.rule: r.outcome for r in case.programmes[0].rules}["income_low"] == "met"
    result = hedui(bench, "ledger", "recheck", case.case_id[:10], person="rosa")
    assert result.exit_code == DIFFERS
    assert "1 of 6 bits differ from what was determined" in result.stdout
    result = hedui(bench, "ledger", "recheck", case.case_id, "--json", person="rosa")
    table = printed(result)
    assert (result.exit_code, table["agree"]) == (DIFFERS, False)
    assert [s["determined"] == s["rechecked"] for s in table["slots"]] == [False, *[True] * 5]


def test_the_command_takes_the_determination_from_a_bundle(bench: Bench, tmp_path: Path) -> None:
    case = determined(bench)
    rounds(bench).round()
    exported(bench, tmp_path / "all")
    bundle = str(tmp_path / "all" / "coordinator")
    command = ("ledger", "recheck", case.case_id, "--bundle", bundle)
    result = hedui(bench, *command, person="rosa")
    assert result.exit_code == 0, result.stderr
    assert "every bit is the same as the one that was determined" in result.stdout.replace(
        "\n", " "
    )
    unknown = hedui(bench, "ledger", "recheck", "0" * 32, "--bundle", bundle, person="rosa")
    assert "no case with the id" in str(unknown.exception)
    short = hedui(bench, "ledger", "recheck", case.case_id[:4], person="rosa")
    assert "at least 8 digits" in str(short.exception)


def test_the_coordinator_cannot_open_what_it_relays(bench: Bench) -> None:
    case = determined(bench)
    found = proven(bench, case)
    issued = issue(bench, receipt(found))
    reply = relay(bench, case, issued)
    key = bench.county.services["coordinator"].parts.identity.seal_key
    assert key is not None
    for sealed in (reply.flips, reply.results):
        assert sealed.recipient == "rosa"
        with pytest.raises(OpenError):
            key.open(sealed.sealed, label=Label.HOLDER_SEAL, aad_parts=[])


# ---------------------------------------------------------------- once, in time, for one person


def test_a_repeat_brings_the_same_and_nobody_else_gets_one(bench: Bench) -> None:
    case = determined(bench)
    first, again = rechecked(bench, case), rechecked(bench, case)
    assert first.permit == again.permit
    assert first.slots == again.slots
    assert refused(lambda: rechecked(bench, case, "remy")) is Reason.PERMIT_SECOND
    last = bench.county.ledger("registrar")[-1]
    assert (last.event, last.fields["reason"]) == ("recheck.refused", "permit_second")


def _revoke(bench: Bench, case: case_pb.Case) -> None:
    bench.county.revoke(case.authorization)


def _expire(bench: Bench, case: case_pb.Case) -> None:
    bench.county.clock.move(days=8)


def _close(bench: Bench, case: case_pb.Case) -> None:
    decide(bench, case)
    bench.follow([case], until=lambda c: c.state == "closed")
    manifest = bench.county.ledger("coordinator")[case.ledger_entry].fields["manifest"]
    given = next(
        e.fields["given"]
        for e in bench.county.ledger("registrar", event_name="manifest.issued")
        if e.fields["manifest"] == manifest
    )

    def ended() -> bool:
        over = bench.county.ledger("registrar", event_name="authorization.ended")
        return given in [e.fields["given"] for e in over]

    bench.follow([case], until=lambda _: ended())


TOO_LATE: dict[str, tuple[Callable[[Bench, case_pb.Case], None], Reason]] = {
    "after revocation": (_revoke, Reason.AUTHORIZATION_REVOKED),
    "after closing": (_close, Reason.AUTHORIZATION_ENDED),
    "after the manifest's end": (_expire, Reason.MANIFEST_EXPIRED),
}


@pytest.mark.parametrize(("late", "reason"), TOO_LATE.values(), ids=TOO_LATE.keys())
def test_too_late_the_registrar_draws_none(
    bench: Bench, late: Callable[[Bench, case_pb.Case], None], reason: Reason
) -> None:
    case = determined(bench)
    shown = receipt(proven(bench, case))
    late(bench, case)
    assert refused(lambda: issue(bench, shown)) is reason
    last = bench.county.ledger("registrar")[-1]
    assert (last.event, last.fields["reason"]) == ("recheck.refused", reason)


def test_a_case_that_is_closed_meanwhile_is_not_opened_again(bench: Bench) -> None:
    case = determined(bench)
    issued = issue(bench, receipt(proven(bench, case)))
    for holder in HOLDERS:
        bench.bends[holder].after["Compare"] = _lost
    assert refused(lambda: relay(bench, case, issued)) is Reason.OVERLOADED
    bench.straight()
    decide(bench, case)
    assert refused(lambda: relay(bench, case, issued)) is Reason.CASE_CLOSED
    assert _steps_of(bench, case) == {}, "what was kept goes with the closing"


def _lost(_reply: Any) -> Any:
    raise Refusal(Reason.OVERLOADED, "the reply is lost on its way")


def _steps_of(bench: Bench, case: case_pb.Case) -> dict[str, bytes]:
    with bench.county.services["coordinator"].parts.database.read() as conn:
        return case_store.steps(conn, case.case_id, "re-check")


# ---------------------------------------------------------------- evidence


def _another_event(bench: Bench, shown: common_pb2.LedgerReceipt) -> common_pb2.LedgerReceipt:
    parts = bench.county.services["coordinator"].parts
    with parts.database.read() as conn:
        made, leaf = parts.signer.receipt(conn, 0), log.leaf(conn, 0)
    return common_pb2.LedgerReceipt(
        index=0, path=list(made.path), checkpoint=made.checkpoint, leaf=leaf
    )


def _another_log(bench: Bench, shown: common_pb2.LedgerReceipt) -> common_pb2.LedgerReceipt:
    parts = bench.county.services["tax"].parts
    with parts.database.read() as conn:
        made = parts.signer.receipt(conn, 0)
    shown.checkpoint = made.checkpoint
    return shown


def _altered(bench: Bench, shown: common_pb2.LedgerReceipt) -> common_pb2.LedgerReceipt:
    shown.leaf = shown.leaf.replace(b'"case":"', b'"case":"0', 1)
    return shown


def _another_place(bench: Bench, shown: common_pb2.LedgerReceipt) -> common_pb2.LedgerReceipt:
    shown.index += 1
    return shown


EVIDENCE: dict[str, tuple[Callable[[Bench, common_pb2.LedgerReceipt], Any], Reason]] = {
    "an entry that determines nothing": (_another_event, Reason.CASE_NOT_DETERMINED),
    "another log's checkpoint": (_another_log, Reason.PROOF_INVALID),
    "an altered entry": (_altered, Reason.PROOF_INVALID),
    "another entry's place": (_another_place, Reason.PROOF_INVALID),
}


@pytest.mark.parametrize(("bend", "reason"), EVIDENCE.values(), ids=EVIDENCE.keys())
def test_without_a_ledgered_determination_there_is_none(
    bench: Bench, bend: Callable[[Bench, common_pb2.LedgerReceipt], Any], reason: Reason
) -> None:
    shown = receipt(proven(bench, determined(bench)))
    assert refused(lambda: issue(bench, bend(bench, shown))) is reason
    assert bench.county.ledger("registrar")[-1].event == "recheck.refused"


def test_the_coordinator_relays_only_its_own_cases_permit_to_its_own_reviewer(
    bench: Bench,
) -> None:
    one, other = determined(bench), determined(bench)
    issued = issue(bench, receipt(proven(bench, one)))
    assert refused(lambda: relay(bench, other, issued)) is Reason.PERMIT_MISMATCH
    assert refused(lambda: relay(bench, one, issued, "remy")) is Reason.PERMIT_MISMATCH
    swapped = pb.IssueRecheckReply(permit=issued.first)
    assert refused(lambda: relay(bench, one, swapped)) is Reason.SIGNATURE_INVALID
    last = bench.county.ledger("coordinator")[-1]
    assert (last.event, last.fields["reason"]) == ("recheck.refused", "signature_invalid")
    unsigned = pb.IssueRecheckReply(permit={"body": issued.permit.body})
    assert refused(lambda: relay(bench, one, unsigned)) is Reason.MALFORMED
    last = bench.county.ledger("coordinator")[-1]
    assert (last.event, "permit" in last.fields) == ("recheck.refused", False)
    assert relay(bench, one, issued).flips.recipient == "rosa"


# ---------------------------------------------------------------- setbacks


@pytest.mark.parametrize("method", STEPS)
def test_a_reply_that_is_lost_and_a_coordinator_that_is_stopped_cost_nothing(
    bench: Bench, method: str
) -> None:
    case = determined(bench)
    issued = issue(bench, receipt(proven(bench, case)))
    for holder in HOLDERS:
        bench.bends[holder].after[method] = _lost
    assert refused(lambda: relay(bench, case, issued)) is Reason.OVERLOADED
    kept = _steps_of(bench, case)
    bench.county.stop("coordinator")
    bench.straight()
    bench.start("coordinator")
    found = rechecked(bench, case)
    assert found.agree
    assert kept.items() <= _steps_of(bench, case).items()
    for holder in HOLDERS:
        taken = [
            e.fields["step"]
            for e in bench.county.ledger(holder, event_name="opening.step")
            if e.fields["permit"] == proven_permit(issued)
        ]
        assert len(taken) == len(set(taken)), "one transcript"


def proven_permit(issued: Any) -> str:
    """Digest of the re-check permit."""
    return signed_from_wire(issued.permit).digest


def test_without_another_pair_it_can_be_asked_for_again(bench: Bench) -> None:
    case = determined(bench)
    shown = receipt(proven(bench, case))
    (spare,) = set(HOLDERS) - set(holders_of(bench, case))
    bench.county.stop(spare)
    assert refused(lambda: issue(bench, shown)) is Reason.HOLDERS_UNAVAILABLE
    bench.start(spare)
    permit = RecheckPermit.decode(issue(bench, shown).permit.body)
    assert spare in permit.holders
    assert permit.skips == []


def test_if_the_first_evaluator_is_away_the_masker_evaluates(bench: Bench) -> None:
    case = determined(bench)
    masker, evaluator = holders_of(bench, case)
    shown = receipt(proven(bench, case))
    bench.county.stop(evaluator)
    permit = RecheckPermit.decode(issue(bench, shown).permit.body)
    bench.start(evaluator)
    assert masker in permit.holders
    # Beside the reviewer's own office it masks again: nobody else is there who may.
    assert (permit.holders[1] == masker) is ("audit" not in permit.holders or masker == "audit")
    assert [skip.holder for skip in permit.skips] == [evaluator]


def test_a_holder_that_fails_for_good_ends_it_and_the_case_stays(bench: Bench) -> None:
    case = determined(bench)
    issued = issue(bench, receipt(proven(bench, case)))

    def bent(reply: Any) -> Any:
        reply.mask.payload = reply.mask.payload[:-1] + b"\0"
        return reply

    for holder in HOLDERS:
        bench.bends[holder].after["Mask"] = bent
    reasons = [refused(lambda: relay(bench, case, issued)) for _ in range(2)]
    assert reasons == [Reason.PROOF_INVALID] * 2
    failed = bench.county.ledger("coordinator", event_name="opening.failed")[-1].fields
    assert failed["permit"] == proven_permit(issued)
    (now,) = bench.follow([case])
    assert now.state == "determined"


def test_a_reviewer_believes_neither_registrar_nor_coordinator(bench: Bench) -> None:
    case = determined(bench)
    found = proven(bench, case)
    issued = issue(bench, receipt(found))
    county = bench.county
    with county.acting("rosa") as acting:
        key = acting.identity.seal_key
    assert key is not None
    papers = rechecks.check_papers(issued, found.entry, "rosa", county.federation)
    reply = relay(bench, case, issued)
    assert all(slot.agree for slot in rechecks.compared(reply, papers, key, county.federation))
    for field in ("flips", "results"):
        bent = pb.RecheckReply()
        bent.CopyFrom(reply)
        getattr(bent, field).sealed = reply.flips.sealed[:-1] + b"\0"
        with pytest.raises(Refusal):
            rechecks.compared(bent, papers, key, county.federation)
    other = pb.IssueRecheckReply()
    other.CopyFrom(issued)
    other.permit.CopyFrom(issued.first)
    with pytest.raises(Refusal):
        rechecks.check_papers(other, found.entry, "rosa", county.federation)
    with pytest.raises(ValueError, match="another reviewer"):
        rechecks.check_papers(issued, found.entry, "remy", county.federation)
