"""Items: what one case is for each of its programmes, at the office that decides it.

Source: design.md 8. A case asks once and opens once; each programme then goes its own way. Today
what an item's state is follows from its case and from the decisions in it, and of the steps only
the first has a recorded time; who may see which item is not decided here.
"""

from collections.abc import Collection
from typing import Final

from coordinator.case.state import RUNNING, CaseState
from coordinator.case.store import CaseRow
from hedui.v1 import coordinator_pb2 as pb
from model.policy import Policy
from model.policy.schema import STEPS, Programme, Step

_FIRST: Final[Step] = "accepted"


def item_views(
    case: CaseRow, programmes: Collection[str], policy: Policy, decided: Collection[str]
) -> list[pb.Item]:
    """One item for each programme that was asked for, in the order of the request.

    Args:
        policy: The case's, in force or withdrawn.
        decided: Programmes of which a decision is stored.
    """
    known = policy.file.programmes
    return [
        _item(case, name, known[name], _state(case.state, name in decided))
        for name in programmes
        if name in known
    ]


def _state(state: CaseState, decided: bool) -> str:
    if state in RUNNING:
        return "accepted"
    if state is CaseState.DETERMINED:
        return "decided" if decided else "verified"
    return "closed"


def _item(case: CaseRow, name: str, programme: Programme, state: str) -> pb.Item:
    return pb.Item(
        programme=name,
        office=programme.office,
        state=state,
        steps=[
            pb.ItemStep(
                step=step,
                days=programme.days.get(step, 0),
                at=case.opened_at if step == _FIRST else "",
            )
            for step in programme.steps or STEPS
        ],
    )
