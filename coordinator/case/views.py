"""A stored case as the officer sees it."""

from collections.abc import Sequence
from typing import Any

from coordinator.case.issued import officer_request
from coordinator.case.store import CaseRow, TicketRow
from crypto import jcs
from hedui.v1 import coordinator_pb2 as pb

_MAX_DATES_BYTES = 1 << 16
_MAX_DETERMINATION_BYTES = 1 << 20


def case_view(
    case: CaseRow, tickets: Sequence[TicketRow], items: Sequence[pb.Item] = ()
) -> pb.Case:
    """The whole case; ``tickets`` in the manifest's order. Of an erased one, what is left."""
    request = officer_request(case) if case.request else None
    return pb.Case(
        case_id=case.case_id,
        state=case.state,
        authorization=request.authorization if request else "",
        reason=case.reason,
        detail=case.detail.decode("utf-8"),
        opened_at=case.opened_at,
        updated_at=case.updated_at,
        departments=[department_view(row) for row in tickets],
        programmes=_programmes(case),
        ledger_entry=case.entry or 0,
        has_entry=case.entry is not None,
        policy=request.policy if request else "",
        items=items,
    )


def department_view(row: TicketRow) -> pb.DepartmentProgress:
    """What became of one ticket."""
    resources = _resources(row)
    return pb.DepartmentProgress(
        department=row.department,
        state=row.state,
        reason=row.reason,
        answered_at=row.answered_at,
        data_dates={resource: stated["data_date"] for resource, stated in resources.items()},
        coverage={
            resource: pb.Coverage(first=stated["first"], last=stated["last"])
            for resource, stated in resources.items()
            if "first" in stated
        },
    )


def _resources(row: TicketRow) -> dict[str, dict[str, str]]:
    """What the department states of each resource."""
    found = jcs.decode(row.data_dates, max_bytes=_MAX_DATES_BYTES)
    # A row of version 1 has the date alone.
    return {
        resource: {"data_date": stated} if isinstance(stated, str) else stated
        for resource, stated in found.items()
    }


def _programmes(case: CaseRow) -> list[pb.ProgrammeDetermination]:
    if not case.determination:
        return []
    document: Any = jcs.decode(case.determination, max_bytes=_MAX_DETERMINATION_BYTES)
    return [_programme(each) for each in document["programmes"]]


def _programme(found: dict[str, Any]) -> pb.ProgrammeDetermination:
    rules = [pb.RuleResult(**rule) for rule in found["rules"]]
    return pb.ProgrammeDetermination(**{**found, "rules": rules})
