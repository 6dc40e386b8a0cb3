"""States, and what each failed call means for a case.

Tests design.md 2.7.5.
"""

import pytest

from coordinator.case.state import CaseState, TransitionError, check_transition, setback
from model.reasons import Reason
from runtime.errors import (
    CallError,
    DeadlinePassed,
    OwnCertificateRefused,
    PeerBusy,
    PeerExpired,
    PeerFault,
    PeerUnpinned,
    Refused,
    Unreachable,
)

MEANT: dict[str, tuple[CallError, Reason, bool]] = {
    "nobody answers": (Unreachable("tax", ""), Reason.UNREACHABLE, True),
    "no answer in time": (DeadlinePassed("tax", ""), Reason.DEADLINE, True),
    "too busy": (PeerBusy("tax", ""), Reason.OVERLOADED, True),
    "a fault inside": (PeerFault("tax", ""), Reason.INTERNAL, True),
    "certificate ended": (PeerExpired("tax", ""), Reason.CERTIFICATE_EXPIRED, False),
    "another certificate": (PeerUnpinned("tax", ""), Reason.UNAUTHENTICATED, False),
    "ours is not taken": (OwnCertificateRefused("tax", ""), Reason.UNAUTHENTICATED, False),
    "revoked": (Refused("tax", Reason.TICKET_REVOKED, ""), Reason.TICKET_REVOKED, False),
    "not approved yet": (Refused("tax", Reason.POLICY_UNKNOWN, ""), Reason.POLICY_UNKNOWN, True),
    "index stale": (Refused("tax", Reason.INDEX_STALE, ""), Reason.INDEX_STALE, True),
}


@pytest.mark.parametrize(("error", "reason", "waits"), MEANT.values(), ids=MEANT.keys())
def test_what_a_failed_call_means(error: CallError, reason: Reason, waits: bool) -> None:
    found = setback(error)
    assert (found.reason, found.waits, found.who) == (reason, waits, "tax")


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
