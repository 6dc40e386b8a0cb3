"""Enrolment budgets: one registrar officer proposes, another approves the same numbers."""

from dataclasses import dataclass
from typing import Any

from desk.client.acting import Acting, pages
from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import BudgetServiceStub


@dataclass(frozen=True)
class Budget:
    """How many people a department may enrol.

    Attributes:
        total: Evaluations in all, to begin with.
        daily: Evaluations a day once the total is used.
        epoch: Epoch of the PRF key.
    """

    department: str
    total: int
    daily: int
    epoch: int = 1


def propose(acting: Acting, budget: Budget) -> pb.BudgetReply:
    """Propose a budget. Raises CallError."""
    request = pb.ProposeBudgetRequest(
        department=budget.department, epoch=budget.epoch, total=budget.total, daily=budget.daily
    )
    return _call(acting, "ProposeBudget", request)  # type: ignore[no-any-return]


def approve(acting: Acting, budget: Budget) -> pb.BudgetReply:
    """Approve what another officer proposed. Raises CallError, where the numbers differ too."""
    request = pb.ApproveBudgetRequest(
        department=budget.department, epoch=budget.epoch, total=budget.total, daily=budget.daily
    )
    return _call(acting, "ApproveBudget", request)  # type: ignore[no-any-return]


def budgets(acting: Acting) -> list[pb.BudgetRow]:
    """Budgets in force, what is used of them, and open proposals. Raises CallError."""

    def ask(request: Any) -> Any:
        return _call(acting, "ListBudgets", request)

    return [row for page in pages(ask, pb.ListBudgetsRequest()) for row in page.budgets]


def _call(acting: Acting, method: str, request: Any) -> Any:
    return acting.call(acting.federation.registrar.name, BudgetServiceStub, method, request)
