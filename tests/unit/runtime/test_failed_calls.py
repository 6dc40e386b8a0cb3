"""What a failed call means: one table for cases, permits and enrolment.

Tests design.md 5.10, 2.7.5.
"""

import pytest

from model.reasons import Reason
from runtime import errors
from runtime.failed_calls import Failure, judge

WAITS, FINAL = True, False
MEANT: dict[str, tuple[errors.CallError | errors.SettingsError, Reason, bool]] = {
    "nobody answers": (errors.Unreachable("tax", ""), Reason.UNREACHABLE, WAITS),
    "nobody knows its address": (errors.SettingsError(""), Reason.UNREACHABLE, WAITS),
    "no answer in time": (errors.DeadlinePassed("tax", ""), Reason.DEADLINE, WAITS),
    "too busy": (errors.PeerBusy("tax", ""), Reason.OVERLOADED, WAITS),
    "a fault inside": (errors.PeerFault("tax", ""), Reason.INTERNAL, WAITS),
    "its certificate ended": (errors.PeerExpired("tax", ""), Reason.CERTIFICATE_EXPIRED, FINAL),
    "another authority's": (errors.PeerForeign("tax", ""), Reason.UNAUTHENTICATED, FINAL),
    "another member's": (errors.PeerMisnamed("tax", ""), Reason.UNAUTHENTICATED, FINAL),
    "another than is pinned": (errors.PeerUnpinned("tax", ""), Reason.UNAUTHENTICATED, FINAL),
    "not trusted": (errors.PeerUntrusted("tax", ""), Reason.UNAUTHENTICATED, FINAL),
    "ours is not taken": (errors.OwnCertificateRefused("tax", ""), Reason.UNAUTHENTICATED, FINAL),
    "no": (errors.Refused("tax", Reason.TICKET_REVOKED, ""), Reason.TICKET_REVOKED, FINAL),
    "not yet": (errors.Refused("tax", Reason.POLICY_UNKNOWN, ""), Reason.POLICY_UNKNOWN, WAITS),
    "not in time": (errors.Refused("tax", Reason.DEADLINE, ""), Reason.DEADLINE, WAITS),
}


@pytest.mark.parametrize(("error", "reason", "waits"), MEANT.values(), ids=MEANT.keys())
def test_what_a_failed_call_means(
    error: errors.CallError | errors.SettingsError, reason: Reason, waits: bool
) -> None:
    assert judge(error) == Failure(reason, waits)


def _kinds(root: type[errors.CallError]) -> set[type[errors.CallError]]:
    return {kind for each in root.__subclasses__() for kind in {each, *_kinds(each)}}


def test_every_failed_call_has_its_row() -> None:
    assert _kinds(errors.CallError) <= {type(error) for error, _, _ in MEANT.values()}
