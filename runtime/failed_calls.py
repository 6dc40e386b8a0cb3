"""What a call that brought no reply means: one reason, and whether asking again may help.

Source: design.md 5.10, 5.13, 2.7.5. On UNAVAILABLE the client probes and names the cause; only a
peer that cannot be reached, or says itself that it may answer later, leaves a case waiting. A
certificate that is not the pinned one is for a person to look at: nothing is asked again by
itself.
"""

from dataclasses import dataclass
from typing import Final

from model.explanations import EXPLANATIONS
from model.reasons import Reason
from runtime.errors import (
    CallError,
    DeadlinePassed,
    OwnCertificateRefused,
    PeerBusy,
    PeerExpired,
    PeerFault,
    PeerUntrusted,
    Refused,
    SettingsError,
    Unreachable,
)


@dataclass(frozen=True)
class Failure:
    """Why a call failed; ``waits`` where it may be made again by itself."""

    reason: Reason
    waits: bool


# The first that fits: an expired certificate is also one that is not trusted.
_FAILURES: Final[tuple[tuple[type[Exception], Failure], ...]] = (
    (Unreachable, Failure(Reason.UNREACHABLE, waits=True)),
    # Nobody has written its address down, yet.
    (SettingsError, Failure(Reason.UNREACHABLE, waits=True)),
    (DeadlinePassed, Failure(Reason.DEADLINE, waits=True)),
    (PeerBusy, Failure(Reason.OVERLOADED, waits=True)),
    (PeerFault, Failure(Reason.INTERNAL, waits=True)),
    (PeerExpired, Failure(Reason.CERTIFICATE_EXPIRED, waits=False)),
    (PeerUntrusted, Failure(Reason.UNAUTHENTICATED, waits=False)),
    (OwnCertificateRefused, Failure(Reason.UNAUTHENTICATED, waits=False)),
)


def judge(error: CallError | SettingsError) -> Failure:
    """Return what a failed call means; the peer's own reason where it gave one."""
    if isinstance(error, Refused):
        return Failure(error.reason, EXPLANATIONS[error.reason].waits)
    return next(failure for kind, failure in _FAILURES if isinstance(error, kind))
