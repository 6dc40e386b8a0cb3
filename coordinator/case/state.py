"""States of a case, and what each outcome of a call means for it. Pure.

    opened → asking → opening → determined → closed → erased
       └───────┴─────────┴──→ refused | inconclusive ──┘

``refused`` ends a case that somebody said no to; ``inconclusive`` one that was allowed and did
not come to an end. A waiting case stays where it is, with the reason why it waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from model.reasons import Reason
from runtime.errors import CallError, Refused, SettingsError
from runtime.failed_calls import judge


class CaseState(StrEnum):
    """Where a case stands; the words of coordinator.proto."""

    OPENED = "opened"
    ASKING = "asking"
    OPENING = "opening"
    DETERMINED = "determined"
    REFUSED = "refused"
    INCONCLUSIVE = "inconclusive"
    CLOSED = "closed"
    ERASED = "erased"


RUNNING: Final = frozenset({CaseState.OPENED, CaseState.ASKING, CaseState.OPENING})
"""States in which the coordinator has something to do by itself."""

_NEXT: Final[dict[CaseState, frozenset[CaseState]]] = {
    CaseState.OPENED: frozenset({CaseState.ASKING, CaseState.REFUSED, CaseState.INCONCLUSIVE}),
    CaseState.ASKING: frozenset({CaseState.OPENING, CaseState.REFUSED, CaseState.INCONCLUSIVE}),
    CaseState.OPENING: frozenset({CaseState.DETERMINED, CaseState.REFUSED, CaseState.INCONCLUSIVE}),
    CaseState.DETERMINED: frozenset({CaseState.CLOSED}),
    CaseState.CLOSED: frozenset({CaseState.ERASED}),
    CaseState.REFUSED: frozenset({CaseState.ERASED}),
    CaseState.INCONCLUSIVE: frozenset({CaseState.ERASED}),
}


OVER: Final = frozenset({CaseState.CLOSED, CaseState.REFUSED, CaseState.INCONCLUSIVE})
"""States in which nothing more comes of a case: it may be erased once its time is past."""


class TransitionError(Exception):
    """A case was to go somewhere that its state does not lead to: a mistake of ours, or a race."""


def check_transition(before: CaseState, after: CaseState) -> None:
    """Raise TransitionError unless ``before`` leads to ``after``."""
    if after not in _NEXT.get(before, frozenset()):
        raise TransitionError(f"a case that is {before} does not become {after}")


class TicketState(StrEnum):
    """What is known of one department's answer."""

    WAITING = "waiting"
    ANSWERED = "answered"
    REFUSED = "refused"


class Setback(Exception):
    """A step that did not come through: why, and whether asking again may help."""

    def __init__(self, reason: Reason, *, waits: bool, who: str = "", detail: str = "") -> None:
        super().__init__(f"{reason} ({who})" if who else str(reason))
        self.reason = reason
        self.detail = detail
        self.waits = waits
        self.who = who


@contextmanager
def setbacks(who: str) -> Iterator[None]:
    """A call to ``who`` that fails inside is a Setback."""
    try:
        yield
    except (CallError, SettingsError) as error:
        raise setback(error, who) from None


def setback(error: CallError | SettingsError, who: str) -> Setback:
    """What a failed call to ``who`` means for a case: see ``runtime.failed_calls``."""
    failure = judge(error)
    name = error.process if isinstance(error, CallError) else who
    detail = error.detail if isinstance(error, Refused) else ""
    return Setback(failure.reason, waits=failure.waits, who=name, detail=detail)
