"""States, and what each failed call means for a case.

Tests design.md 2.7.5.
"""

import pytest

from coordinator.case.state import CaseState, Setback, TransitionError, check_transition, setbacks
from model.reasons import Reason
from runtime.errors import CallError, PeerUnpinned, Refused, SettingsError, Unreachable

MEANT: dict[str, tuple[CallError | SettingsError, Reason, bool, str]] = {
    "nobody answers": (Unreachable("tax", ""), Reason.UNREACHABLE, True, "tax"),
    "another certificate": (PeerUnpinned("tax", ""), Reason.UNAUTHENTICATED, False, "tax"),
    "no": (Refused("tax", Reason.TICKET_REVOKED, ""), Reason.TICKET_REVOKED, False, "tax"),
    "no address": (SettingsError(""), Reason.UNREACHABLE, True, "fund"),
}


@pytest.mark.parametrize(("error", "reason", "waits", "who"), MEANT.values(), ids=MEANT.keys())
def test_a_failed_call_sets_a_case_back(
    error: CallError | SettingsError, reason: Reason, waits: bool, who: str
) -> None:
    with pytest.raises(Setback) as found, setbacks("fund"):
        raise error
    assert (found.value.reason, found.value.waits, found.value.who) == (reason, waits, who)


ENDS = (CaseState.REFUSED, CaseState.INCONCLUSIVE, CaseState.CLOSED)


@pytest.mark.parametrize("before", ENDS)
@pytest.mark.parametrize("after", sorted(set(CaseState) - {CaseState.ERASED}))
def test_nothing_but_the_erasure_leads_out_of_an_end(before: CaseState, after: CaseState) -> None:
    with pytest.raises(TransitionError):
        check_transition(before, after)


def test_the_way_through() -> None:
    way = [CaseState.OPENED, CaseState.ASKING, CaseState.OPENING, CaseState.DETERMINED]
    for before, after in zip(way, [*way[1:], CaseState.CLOSED], strict=True):
        check_transition(before, after)
    for end in ENDS:
        check_transition(end, CaseState.ERASED)
    with pytest.raises(TransitionError):
        check_transition(CaseState.DETERMINED, CaseState.ERASED)
    with pytest.raises(TransitionError):
        check_transition(CaseState.ASKING, CaseState.DETERMINED)
