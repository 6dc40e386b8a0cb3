"""Two coordinators under one registrar: what is issued to one is nothing to the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from desk.client import cases
from desk.client.acting import Acting
from desk.client.ledgers import proven_live
from hedui.v1 import common_pb2, holder_pb2, recheck_pb2, registrar_pb2
from hedui.v1 import coordinator_pb2 as pb
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from hedui.v1.recheck_pb2_grpc import RecheckPermitServiceStub
from model.documents.query import OfficerRequest
from model.documents.signed import sign
from model.federation import Federation, Process
from model.reasons import Reason
from registrar.authorizations import desk
from runtime.errors import Refused, SettingsError
from runtime.transport.wire import signed_to_wire
from tests.support import county as counties
from tests.support.bench import Bench
from tests.support.county import County, make_county, serve_county
from tests.support.relay import ASKED, DEPARTMENTS, Papers, Relay, Round

HOUSING = ("housing", "coordinator", "Housing Bureau", "")
HUGO = ("hugo", "officer", "Housing Bureau")
BOTH = ["coordinator", "housing"]
INCOME = 0
"""The slot of the rule that these households fail: 7,000 yuan, and the limit is 6,000."""
ENDS = ("grant.ended", "authorization.ended")


@dataclass
class Two:
    """A federation with two coordinators, and either's place taken by hand."""

    county: County
    first: Relay
    second: Relay
    people: int = 100

    def letter(self, *requesters: str) -> str:
        """A new household's letter that lets these ask."""
        self.people += 1
        return self.county.authorize(self.people, requesters=list(requesters))

    def case(self) -> Papers:
        """A case of the first coordinator's."""
        return self.first.issue(self.letter("coordinator"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """All processes serve; nobody but the two relays stands in a coordinator's place."""
    home = tmp_path_factory.mktemp("two") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counties, "PROCESSES", (*counties.PROCESSES, HOUSING))
        patch.setattr(counties, "PEOPLE", (*counties.PEOPLE, HUGO))
        county = make_county(home)
        try:
            serve_county(county)
            county.approve("hugo", "housing")
            county.load("tax", "tax.wages", dict.fromkeys(range(101, 141), "7000.00"))
            with Relay(county) as first, Relay(county, name="housing", officer="hugo") as second:
                yield Two(county, first, second)
        finally:
            county.stop()


def refused(attempt: Callable[[], Any]) -> Reason:
    with pytest.raises(Refused) as caught:
        attempt()
    return caught.value.reason


# ---------------------------------------------------------------- each its own


def test_each_opens_its_own_case(two: Two) -> None:
    bench = Bench(two.county, {})
    for officer, requester in (("olga", "coordinator"), ("hugo", "housing")):
        number = two.letter(requester)
        with two.county.acting(officer) as acting:
            case = cases.open_case(acting, cases.sign_request(acting, number, ASKED))
            assert acting.requester == requester
        (done,) = bench.follow([case], officer=officer)
        assert done.state == "determined", (done.reason, done.detail)
        assert done.programmes[0].outcome == "not met"
    issued = two.county.ledger("registrar", event_name="manifest.issued")
    assert [e.fields["requester"] for e in issued[-2:]] == BOTH
    received = two.county.ledger("tax", event_name="query.received")
    assert [e.fields["requester"] for e in received[-2:]] == BOTH


def test_who_acts_through_no_coordinator_of_its_own_says_which_is_meant(two: Two) -> None:
    with two.county.acting("rosa") as acting:
        with pytest.raises(SettingsError, match=r"\(coordinator, housing\): say which"):
            _ = acting.requester
        with pytest.raises(SettingsError, match='Did you mean "housing"'):
            _ = replace(acting, requester_option="hosing").requester
        assert replace(acting, requester_option="housing").requester == "housing"


# ---------------------------------------------------------------- with the other's papers


def _step(two: Two, opening: Round, method: str, request: Any) -> Callable[[], Any]:
    """A later step at the masker, which has taken the first."""
    return lambda: two.second._holder(opening.permit.masker, method, request)


def test_nothing_of_the_firsts_case_serves_the_second(two: Two) -> None:
    first, second, papers = two.first, two.second, two.case()
    request = first.request(two.letter("coordinator"))
    answers = dict(zip(DEPARTMENTS, first.answers(papers), strict=True))
    opening = first.round(papers, first.permit(papers, answers), list(answers.values()))
    masked = first.mask(opening)
    sealed, permit = masked.share, opening.digest
    later = {
        "Compare": holder_pb2.CompareRequest(permit=permit, bits=sealed),
        "Conclude": holder_pb2.ConcludeRequest(permit=permit, terms=sealed),
        "ProveShare": holder_pb2.ProveShareRequest(permit=permit),
        "NameCheat": holder_pb2.NameCheatRequest(permit=permit),
    }
    attempts: dict[str, Callable[[], Any]] = {
        "a manifest for the other's request": lambda: second.issue_for(request),
        "renew": lambda: second.renew(papers.ticket("tax")),
        "ask a department that has answered": lambda: second.ask("tax", papers),
        "the permit once more": lambda: second.permit(papers, answers),
        "mask": lambda: second.mask(opening),
        "open": lambda: second.open(opening, masked.mask, sealed),
        "close": lambda: second.close(papers),
        **{name: _step(two, opening, name, message) for name, message in later.items()},
    }
    found = {name: refused(attempt) for name, attempt in attempts.items()}
    assert set(found.values()) == {Reason.WRONG_REQUESTER}, found
    assert first.finish(papers, opening, masked)[INCOME] == 1


def test_who_was_refused_stands_in_the_ledgers(two: Two) -> None:
    papers = two.case()
    two.first.answers(papers)
    attempts = {
        ("registrar", "permit.refused"): lambda: two.second.permit(papers, {}, digest="00" * 32),
        ("tax", "query.refused"): lambda: two.second.ask("tax", papers),
    }
    for (process, event), attempt in attempts.items():
        assert refused(attempt) is Reason.WRONG_REQUESTER
        last = two.county.ledger(process, event_name=event)[-1].fields
        said = (last["manifest"], last["requester"], last["reason"])
        assert said == (papers.digest, "housing", "wrong_requester")


def any_caller(named: str, caller: str, federation: Federation) -> Process:
    """What a process without the check believes: whoever calls may."""
    found = federation.requester(caller)
    assert found is not None
    return found


def test_a_registrar_without_the_check_lets_the_second_burn_the_firsts_one_opening(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registrar.manifest_service.require_requester", any_caller)
    papers = two.case()
    two.second.permit(papers, dict.fromkeys(DEPARTMENTS, papers.ticket("tax")), digest="00" * 32)
    answers = dict(zip(DEPARTMENTS, two.first.answers(papers), strict=True))
    assert refused(lambda: two.first.permit(papers, answers)) is Reason.PERMIT_SECOND


def test_holders_without_the_check_open_the_firsts_case_to_the_second(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would seal to whoever relays."""
    monkeypatch.setattr("holder.checks.require_requester", any_caller)
    opening = two.first.begin(papers := two.case())
    assert two.second.run(papers, opening)[INCOME] == 1


def test_a_node_without_the_check_answers_the_second(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.answering.checks.require_requester", any_caller)
    papers = two.case()
    assert two.second.ask("tax", papers).answer == two.first.ask("tax", papers).answer


# ---------------------------------------------------------------- seeing


def _case_calls(case_id: str) -> dict[str, Any]:
    return {
        "GetCase": pb.GetCaseRequest(case_id=case_id),
        "ListCases": pb.ListCasesRequest(),
        "OpenCase": pb.OpenCaseRequest(),
        "DecideCase": pb.DecideCaseRequest(),
        "EraseCase": pb.EraseCaseRequest(),
    }


def test_neither_the_second_nor_its_officers_see_the_firsts_cases(two: Two) -> None:
    with two.county.acting("olga") as acting:
        signed = cases.sign_request(acting, two.letter("coordinator"), ASKED)
        case = cases.open_case(acting, signed)
    calls = _case_calls(case.case_id)
    with two.county.acting("hugo") as acting:
        by_officer = {m: _at_first(acting, m, request) for m, request in calls.items()}
    assert set(by_officer.values()) == {Reason.WRONG_ORGANISATION}, by_officer
    call = two.second._call
    by_process = {
        m: refused(partial(call, "coordinator", CaseServiceStub, m, r)) for m, r in calls.items()
    }
    assert set(by_process.values()) == {Reason.WRONG_ROLE}, by_process


def _at_first(acting: Acting, method: str, request: Any) -> Reason:
    return refused(lambda: acting.call("coordinator", CaseServiceStub, method, request))


def test_what_another_coordinator_determined_draws_no_recheck(two: Two) -> None:
    """The second writes a determination of the first's case into its own ledger."""
    papers = two.case()
    opening = two.first.begin(papers)
    parts = two.county.services["housing"].parts
    fields = {"case": "00" * 16, "manifest": papers.digest, "permit": opening.digest.hex()}
    index = parts.writer.run(lambda tx: tx.append("case.determined", result="00" * 32, **fields))
    with two.county.acting("rosa") as acting:
        proven, _ = proven_live(acting, "housing", index)
        receipt = common_pb2.LedgerReceipt(
            index=proven.index, path=proven.path, checkpoint=proven.note, leaf=proven.entry
        )
        request = recheck_pb2.IssueRecheckRequest(determined=receipt)
        attempt = lambda: acting.call(  # noqa: E731
            "registrar", RecheckPermitServiceStub, "IssueRecheck", request
        )
        assert refused(attempt) is Reason.WRONG_REQUESTER


# ---------------------------------------------------------------- letters, officers, closing


def test_a_letter_that_names_one_lets_no_other_ask(two: Two) -> None:
    attempt = lambda: two.second.issue(two.letter("coordinator"))  # noqa: E731
    assert refused(attempt) is Reason.WRONG_REQUESTER


def test_an_officer_of_the_second_signs_for_no_other(two: Two) -> None:
    """Neither carried by the one that is named, nor by the officer's own."""
    with two.county.acting("hugo") as acting:
        bent = replace(acting, requester_option="coordinator")
        signed = cases.sign_request(bent, two.letter("coordinator"), ASKED)
    message = signed_to_wire(signed)
    found = {refused(partial(relay.issue_for, message)) for relay in (two.first, two.second)}
    assert found == {Reason.WRONG_REQUESTER}


LETTERS: dict[str, tuple[dict[str, Any], str]] = {
    "names nobody": ({}, "through which of coordinator, housing"),
    "names a stranger": ({"requesters": ["houses"]}, 'no coordinator is called "houses"'),
    "names one twice": ({"requesters": ["housing", "housing"]}, '"housing" stands twice'),
    "for a purpose of nobody's": (
        {"requesters": ["housing"], "purpose": "census"}, "housing may not ask for census",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), LETTERS.values(), ids=LETTERS.keys())
def test_what_a_letter_must_say_of_its_requesters(
    two: Two, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Refused, match=said) as caught:
        two.county.authorize(90, **changes)
    assert caught.value.reason is Reason.MALFORMED


def second_issue(two: Two, number: str) -> Papers:
    """The second's manifest under a letter that has had one: with a reason and a checker."""
    asked = cases.Question(ASKED.policy, ASKED.programmes, "housing asks too")
    with two.county.acting("hugo") as acting:
        signed = cases.sign_request(acting, number, asked)
    with two.county.acting("chris") as acting:
        request = OfficerRequest.decode(signed.body)
        counter = sign(request, acting.identity.sign_key, "chris")
    message = registrar_pb2.IssueManifestRequest(
        request=signed_to_wire(signed), countersigned=signed_to_wire(counter)
    )
    return Papers(two.second._registrar("IssueManifest", message))


def test_closing_ends_the_callers_grant_and_the_last_one_the_letter(two: Two) -> None:
    number = two.letter(*BOTH)
    mine, theirs = two.first.issue(number), second_issue(two, number)
    two.first.close(mine)
    two.first.close(mine)
    asked = {
        "renew": lambda: two.first.renew(mine.ticket("tax")),
        "permit": lambda: two.first.permit(mine, {}, digest="00" * 32),
        "a further manifest": lambda: two.first.issue(number),
    }
    found = {name: refused(attempt) for name, attempt in asked.items()}
    assert found == {
        "renew": Reason.TICKET_REVOKED,
        "permit": Reason.AUTHORIZATION_ENDED,
        "a further manifest": Reason.AUTHORIZATION_ENDED,
    }
    opening = two.second.begin(theirs)
    assert two.second.run(theirs, opening)[INCOME] == 1
    two.second.close(theirs)
    ends = [e for e in two.county.ledger("registrar") if e.event in ENDS][-2:]
    assert [(e.event, e.fields.get("requester")) for e in ends] == [
        ("grant.ended", "coordinator"),
        ("authorization.ended", None),
    ]
    assert ends[0].fields["given"] == ends[1].fields["given"]
    assert refused(lambda: second_issue(two, number)) is Reason.AUTHORIZATION_ENDED


def test_a_registrar_that_ends_the_letter_with_the_first_ends_the_seconds_case(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "registrar.manifest_service.grants.close",
        lambda office, number, _: desk.end(office, number, "ended"),
    )
    number = two.letter(*BOTH)
    mine, theirs = two.first.issue(number), second_issue(two, number)
    two.first.close(mine)
    assert refused(lambda: two.second.begin(theirs)) is Reason.TICKET_REVOKED
