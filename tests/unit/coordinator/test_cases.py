"""Cases from request to decision, through every setback that they are to survive.

Tests design.md 1.2, 2.3.10, 2.6.5, 2.6.8, 2.7.1 to 2.7.3, 2.7.5, 5.13.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from desk.cases import print_case
from desk.client import cases
from desk.client.cases import Question
from desk.client.ledgers import export
from hedui.v1 import coordinator_pb2 as pb
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from ledger.verify.verdict import main as verify_offline
from model.documents.desk import Decision
from model.documents.signed import sign
from model.fields import format_time
from model.policy import policy_digest
from model.reasons import Reason
from runtime.errors import Refusal, Refused
from runtime.transport.wire import signed_to_wire
from tests.support.bench import ASKED, Bench, one_waits
from tests.support.county import ADMINS, HOMES, INCOMES, INTEREST, POLICY, resident

STEPS = ("Mask", "Open", "Compare", "Conclude")


def fen(text: str) -> int:
    """Yuan, or square metres, with two decimals as an integer."""
    whole, _, rest = text.partition(".")
    return int(whole + rest)


def plain(members: tuple[int, ...]) -> dict[str, str]:
    """What the same records give in the open."""
    income = sum(fen(t[m]) for t in (INCOMES, INTEREST) for m in members if m in t)
    area = sum(fen(HOMES[m]) for m in members if m in HOMES)
    homes = sum(m in HOMES for m in members)
    met = {True: "met", False: "not met"}
    return {
        "income_low": met[income <= 600_000 * len(members)],
        "one_home": met[homes <= 1],
        "small_home": met[area <= 5_000 * len(members)],
    }


def test_rules_agree_with_the_same_records_in_the_open(bench: Bench) -> None:
    households = [(1,), (2, 3), (4,), (5,), (6, 7)]
    cases = bench.verify(*[bench.county.authorize(*members) for members in households])
    for case, members in zip(cases, households, strict=True):
        found = {rule.rule: rule.outcome for rule in case.programmes[0].rules}
        assert (case.state, found) == ("determined", plain(members))
        print_case(case)


def test_a_policy_may_do_without_bit_proofs_and_gives_the_same_bits(bench: Bench) -> None:
    variant = POLICY.replace(b'level = "verdict"', b'level = "verdict"\nbit_proofs = false')
    approvers = {"rita": "registrar", "olga": "coordinator"}
    approvers |= {admin: name for name, admin in ADMINS.items()}
    for person, process in approvers.items():
        bench.county.approve(person, process, variant)
    asked = Question(policy_digest(variant).hex(), ("low-income",), "")
    sizes: list[int] = []

    def weigh(reply: Any) -> Any:
        sizes.append(len(reply.bits.sealed))
        return reply

    for bend in bench.bends.values():
        bend.after = {"Open": weigh}
    (proven,) = bench.follow(bench.open(bench.county.authorize(10)))
    (bare,) = bench.follow(bench.open(bench.county.authorize(11), asked=asked))
    outcomes = [[r.outcome for r in case.programmes[0].rules] for case in (proven, bare)]
    assert outcomes[0] == outcomes[1]
    assert sizes[1] < sizes[0]


def test_every_reply_may_be_lost_once_and_nothing_happens_twice(bench: Bench) -> None:
    seen: set[tuple[str, str]] = set()

    def loses(process: str, method: str) -> Callable[[Any], Any]:
        def hook(reply: Any) -> Any:
            if (process, method) not in seen:
                seen.add((process, method))
                raise Refusal(Reason.OVERLOADED, "the reply is lost on its way")
            return reply

        return hook

    for name, bend in bench.bends.items():
        methods = (*STEPS, "Answer", "IssueManifest", "IssuePermit", "GetRevocationList")
        bend.after = {m: loses(name, m) for m in methods} if name != "coordinator" else {}
    (case,) = bench.verify(bench.household())
    assert case.state == "determined"
    assert {m for _, m in seen} >= {*STEPS, "Answer", "IssueManifest", "IssuePermit"}
    assert sorted(events(bench, case)) == sorted(
        ["case.opened", "manifest.received", "case.determined", "permit.received"]
        + 2 * ["query.sent", "answer.received"]
        + 6 * ["opening.relayed"]
        # Each department said once that it was overloaded.
        + 2 * ["answer.refused"]
    )


def events(bench: Bench, case: pb.Case) -> list[str]:
    """The events of one case in the coordinator's ledger, by case and manifest."""
    entries = bench.county.ledger("coordinator")
    manifest = next(
        e.fields["manifest"]
        for e in entries
        if e.event == "manifest.received" and e.fields["case"] == case.case_id
    )
    named = {case.case_id, manifest}
    return [e.event for e in entries if named & {e.fields.get("case"), e.fields.get("manifest")}]


def test_a_node_that_is_down_leaves_the_case_waiting_and_it_resumes(bench: Bench) -> None:
    bench.county.stop("bank")
    cases = bench.open(bench.household())
    (case,) = bench.follow(cases, until=lambda c: c.reason == "unreachable")
    told = {d.department: (d.state, d.reason) for d in case.departments}
    assert told == {"tax": ("answered", ""), "bank": ("waiting", "unreachable")}
    assert case.state == "asking"
    bench.start("bank")
    (case,) = bench.follow([case])
    assert case.state == "determined"
    assert bench.bends["tax"].calls["Answer"] == 1
    assert events(bench, case).count("query.sent") == 2


STOPPED_AFTER = ("IssueManifest", "Answer", "Mask", "Compare")


@pytest.mark.parametrize("method", STOPPED_AFTER)
def test_a_coordinator_that_is_stopped_anywhere_goes_on(bench: Bench, method: str) -> None:
    """Nobody answers from ``method`` on; the coordinator ends there and a new one begins."""

    def silent(_reply: Any) -> Any:
        raise Refusal(Reason.OVERLOADED)

    for name, bend in bench.bends.items():
        if name != "coordinator":
            bend.after[method] = silent
    cases = bench.open(bench.household())
    bench.follow(cases, until=lambda c: c.reason == "overloaded")
    bench.county.stop("coordinator")
    bench.straight()
    bench.start("coordinator")
    (case,) = bench.follow(cases)
    assert case.state == "determined"
    names = events(bench, case)
    assert names.count("case.determined") == names.count("permit.received") == 1
    assert names.count("opening.relayed") == 6


def test_asking_again_for_the_same_shows_the_same_case(bench: Bench) -> None:
    number = bench.household()
    (first,) = bench.verify(number)
    (again,) = bench.open(number)
    assert again == first


def test_the_same_signed_request_opens_one_case(bench: Bench) -> None:
    number = bench.household()
    with bench.county.acting("olga") as acting:
        signed = cases.sign_request(acting, number, ASKED)
        first, second = (cases.open_case(acting, signed) for _ in range(2))
    assert first.case_id == second.case_id
    with bench.county.acting("otto") as acting, pytest.raises(Refused) as refused:
        cases.open_case(acting, signed)
    assert refused.value.reason is Reason.SIGNATURE_INVALID


REFUSED: dict[str, tuple[Callable[[Bench], str], Question, Reason]] = {
    "no such authorization": (lambda b: "330212-none", ASKED, Reason.AUTHORIZATION_UNKNOWN),
    "not confirmed": (
        lambda b: b.county.authorize(70, confirm=False),
        ASKED,
        Reason.AUTHORIZATION_NOT_IN_FORCE,
    ),
    "a rule of one department not named": (
        lambda b: b.county.authorize(71, single_department_rules=["one_home"]),
        ASKED,
        Reason.RESOURCE_NOT_GRANTED,
    ),
    "programme not granted": (
        lambda b: b.household(),
        Question(ASKED.policy, ("income-only",), ""),
        Reason.PROGRAMME_NOT_GRANTED,
    ),
}


@pytest.mark.parametrize(("letter", "asked", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals_of_the_registrar_end_the_case_with_their_reason(
    bench: Bench, letter: Callable[[Bench], str], asked: Question, reason: Reason
) -> None:
    (case,) = bench.verify(letter(bench), asked=asked)
    assert (case.state, case.reason) == ("refused", str(reason))
    (entry,) = [
        e
        for e in bench.county.ledger("coordinator", event_name="case.refused")
        if e.fields["case"] == case.case_id
    ]
    assert entry.fields["reason"] == str(reason)
    if reason is Reason.RESOURCE_NOT_GRANTED:
        assert "tax alone serves rule small_home" in case.detail
    print_case(case)


def test_a_household_that_withdraws_while_a_node_is_down_is_not_asked_again(bench: Bench) -> None:
    number = bench.household()
    bench.county.stop("bank")
    cases = bench.open(number)
    bench.follow(cases, until=one_waits)
    bench.county.revoke(number)
    bench.county.clock.move(minutes=3)
    # The list that the coordinator holds is too old for the node, and the next names the ticket.
    bench.county.stop("coordinator")
    bench.start("bank")
    bench.start("coordinator")
    (case,) = bench.follow(cases)
    assert case.state == "refused"
    assert case.reason in {"ticket_revoked", "authorization_revoked"}


def test_an_expired_manifest_ends_the_case_inconclusive(bench: Bench) -> None:
    bench.county.stop("bank")
    cases = bench.open(bench.household())
    bench.follow(cases, until=one_waits)
    bench.county.clock.move(days=8)
    (case,) = bench.follow(cases)
    assert (case.state, case.reason) == ("inconclusive", "manifest_expired")


def test_a_ticket_that_would_expire_is_renewed(bench: Bench) -> None:
    bench.county.stop("bank")
    cases = bench.open(bench.household())
    bench.follow(cases, until=one_waits)
    bench.county.clock.move(hours=3)
    bench.start("bank")
    (case,) = bench.follow(cases)
    assert case.state == "determined"
    assert bench.bends["registrar"].calls["RenewTicket"] == 1


def test_a_holder_that_refuses_for_good_ends_the_case_and_is_named(bench: Bench) -> None:
    def fails(_reply: Any) -> Any:
        raise Refusal(Reason.SHARE_INVALID)

    for bend in bench.bends.values():
        bend.after["Open"] = fails
    (case,) = bench.verify(bench.household())
    assert (case.state, case.reason) == ("inconclusive", "holder_failed")
    (failed,) = [
        e
        for e in bench.county.ledger("coordinator", event_name="opening.failed")
        if e.fields["manifest"] == manifest_of(bench, case)
    ]
    assert failed.fields["reason"] == "share_invalid"


def manifest_of(bench: Bench, case: pb.Case) -> str:
    """Digest of the case's manifest."""
    return next(
        str(e.fields["manifest"])
        for e in bench.county.ledger("coordinator", event_name="manifest.received")
        if e.fields["case"] == case.case_id
    )


def test_a_holder_that_is_gone_is_waited_for_until_the_permit_ends(bench: Bench) -> None:
    def gone(_reply: Any) -> Any:
        raise Refusal(Reason.OVERLOADED)

    for bend in bench.bends.values():
        bend.after["Mask"] = gone
    cases = bench.open(bench.household())
    bench.follow(cases, until=lambda c: c.reason == "overloaded")
    bench.county.clock.move(hours=2)
    (case,) = bench.follow(cases)
    assert (case.state, case.reason) == ("inconclusive", "holder_failed")
    (failed,) = [
        e
        for e in bench.county.ledger("coordinator", event_name="opening.failed")
        if e.fields["manifest"] == manifest_of(bench, case)
    ]
    assert failed.fields["holder"] in {"bank", "audit", "police"}


def corrupt_answer(reply: Any) -> Any:
    body = bytearray(reply.answer.body)
    at = body.index(b'"ciphertext":"') + 40
    body[at] = ord("0") if body[at] != ord("0") else ord("1")
    reply.answer.body = bytes(body)
    return reply


def no_receipt(reply: Any) -> Any:
    reply.receipt.index += 1
    return reply


BAD_ANSWERS = {
    "changed on the way": (corrupt_answer, "signature_invalid"),
    "not in the ledger": (no_receipt, "proof_invalid"),
}


@pytest.mark.parametrize(("bend", "reason"), BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_a_bad_answer_is_never_used(bench: Bench, bend: Callable[[Any], Any], reason: str) -> None:
    bench.bends["tax"].after["Answer"] = bend
    (case,) = bench.verify(bench.household())
    told = {d.department: (d.state, d.reason) for d in case.departments}
    assert (case.state, case.reason) == ("refused", reason)
    assert told["tax"] == ("refused", reason)
    assert bench.bends["registrar"].calls["IssuePermit"] == 0


def decide(bench: Bench, case: pb.Case, *, officer: str = "olga", **changes: str) -> pb.Case:
    """Sign and send a decision."""
    said = {"programme": "low-income", "decision": "granted", "reason": "as determined", **changes}
    decision = Decision(
        case=case.case_id,
        officer=officer,
        at=format_time(bench.county.clock.now()),
        **said,  # type: ignore[arg-type]
    )
    with bench.county.acting("olga") as acting:
        signed = sign(decision, acting.identity.sign_key, "olga")
        request = pb.DecideCaseRequest(decision=signed_to_wire(signed))
        reply: pb.Case = acting.call("coordinator", CaseServiceStub, "DecideCase", request)
    return reply


def refused_requests(bench: Bench) -> list[tuple[str, bool]]:
    """Reason, and whether a case is named, of each refusal to an officer."""
    entries = bench.county.ledger("coordinator", event_name="request.refused")
    return [(e.fields["reason"], "case" in e.fields) for e in entries]


def test_what_is_refused_to_an_officer_is_ledgered_without_the_name(bench: Bench) -> None:
    before = len(refused_requests(bench))
    unknown = Question("00" * 32, ASKED.programmes, "")
    with pytest.raises(Refused):
        bench.open(bench.household(), asked=unknown)
    request = pb.OpenCaseRequest()
    with bench.county.acting("olga") as acting, pytest.raises(Refused):
        acting.call("coordinator", CaseServiceStub, "OpenCase", request)
    (case,) = bench.verify(bench.household())
    with pytest.raises(Refused):
        decide(bench, case, programme="other")
    assert refused_requests(bench)[before:] == [
        ("policy_unknown", False),
        ("malformed", False),
        ("programme_not_granted", True),
    ]
    last = bench.county.ledger("coordinator", event_name="request.refused")[-1]
    assert len(last.fields["officer"]) == 64 and "olga" not in str(last.fields)


def test_a_decision_closes_the_case_and_the_application(bench: Bench) -> None:
    number = bench.household()
    (case,) = bench.verify(number)
    with pytest.raises(Refused) as refused:
        decide(bench, case, programme="other")
    assert refused.value.reason is Reason.PROGRAMME_NOT_GRANTED
    with pytest.raises(Refused) as refused:
        decide(bench, case, officer="otto")
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    assert decide(bench, case).state == "closed"
    assert decide(bench, case).state == "closed"
    for other in ({"decision": "refused"}, {"reason": "another one"}):
        with pytest.raises(Refused) as refused:
            decide(bench, case, **other)
        assert refused.value.reason is Reason.CASE_CLOSED
    asked_again = Question(ASKED.policy, ASKED.programmes, "another look")
    bench.follow([case], until=lambda _c: bench.bends["registrar"].calls["CloseApplication"] == 1)
    (second,) = bench.verify(number, asked=asked_again)
    assert (second.state, second.reason) == ("refused", "authorization_ended")


def test_the_registrar_hears_of_a_closing_however_long_it_was_away(bench: Bench) -> None:
    (case,) = bench.verify(bench.household())
    bench.county.stop("registrar")
    assert decide(bench, case).state == "closed"
    bench.county.stop("coordinator")
    bench.start("registrar")
    bench.start("coordinator")
    bench.follow([case], until=lambda _c: bench.bends["registrar"].calls["CloseApplication"] == 1)


def test_an_undetermined_case_is_not_decided(bench: Bench) -> None:
    (case,) = bench.verify("330212-nobody")
    with pytest.raises(Refused) as refused:
        decide(bench, case)
    assert refused.value.reason is Reason.CASE_NOT_DETERMINED


def test_nothing_personal_and_no_step_is_left_at_the_coordinator(bench: Bench) -> None:
    (case,) = bench.verify(bench.household())
    folder = bench.county.home / "coordinator"
    with closing(sqlite3.connect(folder / "data" / "coordinator.db")) as copy:
        assert copy.execute(
            "SELECT count(*) FROM case_step WHERE case_id = ?", (case.case_id,)
        ).fetchone() == (0,)
    everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert case.authorization.encode() not in everything
    for person in (1, 2, bench.next_person - 1):
        assert resident(person).encode() not in everything


def test_a_reviewer_exports_and_verifies_the_ledgers(bench: Bench, tmp_path: Any) -> None:
    with bench.county.acting("rosa") as acting:
        for process in ("coordinator", "tax", "registrar"):
            size = export(acting, process, tmp_path / process, extra={})
            assert size > 3
    assert verify_offline([str(tmp_path / p) for p in ("coordinator", "tax", "registrar")]) == 0
