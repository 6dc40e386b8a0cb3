"""A stored case as the officer sees it."""

from collections.abc import Sequence
from typing import Any

from coordinator.case.issued import officer_request
from coordinator.case.store import CaseRow, TicketRow
from crypto import jcs
from hedui.v1 import coordinator_pb2 as pb

_MAX_DATES_BYTES = 1 << 16
_MAX_DETERMINATION_BYTES = 1 << 20


def case_view(case: CaseRow, tickets: Sequence[TicketRow]) -> pb.Case:
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
        departments=[_progress(row) for row in tickets],
        programmes=_programmes(case),
        ledger_entry=case.entry or 0,
        has_entry=case.entry is not None,
        policy=request.policy if request else "",
    )


def _progress(row: TicketRow) -> pb.DepartmentProgress:
    return pb.DepartmentProgress(
        department=row.department,
        state=row.state,
        reason=row.reason,
        answered_at=row.answered_at,
        data_dates=jcs.decode(row.data_dates, max_bytes=_MAX_DATES_BYTES),
    )


def _programmes(case: CaseRow) -> list[pb.ProgrammeDetermination]:
    if not case.determination:
        return []
    document: Any = jcs.decode(case.determination, max_bytes=_MAX_DETERMINATION_BYTES)
    return [_programme(each) for each in document["programmes"]]


def _programme(found: dict[str, Any]) -> pb.ProgrammeDetermination:
    rules = [pb.RuleResult(**rule) for rule in found["rules"]]
    return pb.ProgrammeDetermination(**{**found, "rules": rules})
