"""BudgetService: how many people a department may enrol; two registrar officers decide.

Source: design.md 2.2.4.
"""

from collections.abc import Callable
from typing import Any, Final

from hedui.v1 import registrar_pb2 as pb
from hedui.v1 import registrar_pb2_grpc
from model.mistakes import did_you_mean
from model.reasons import Reason
from registrar.enrolment import store
from registrar.enrolment.store import Proposal
from registrar.office import Office, record
from runtime.errors import Refusal
from runtime.storage.paging import check_state, page_of
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller, current_caller

MAX_EVALUATIONS: Final = 10_000_000_000


class BudgetService(registrar_pb2_grpc.BudgetServiceServicer):
    """Propose, approve, list; for officers of the registrar's own organisation."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def ProposeBudget(self, request: pb.ProposeBudgetRequest, context: Any) -> pb.BudgetReply:
        """Store a proposal; it is not in force before a second officer approves it."""
        proposal = _proposal(request, current_caller())

        def change(tx: Tx) -> None:
            store.propose(tx.conn, proposal)

        return self._act("budget.proposed", proposal, change, "proposed")

    def ApproveBudget(self, request: pb.ApproveBudgetRequest, context: Any) -> pb.BudgetReply:
        """Put a proposal into force."""
        approval = _proposal(request, current_caller())

        def change(tx: Tx) -> None:
            there = store.proposal(tx.conn, approval.department, approval.epoch)
            store.approve(tx.conn, _matching(there, approval))
            store.withdraw_proposal(tx.conn, approval.department, approval.epoch)

        return self._act("budget.approved", approval, change, "approved")

    def ListBudgets(self, request: pb.ListBudgetsRequest, context: Any) -> pb.ListBudgetsReply:
        """Budgets in force and open proposals, by department and epoch."""
        self._require_own(current_caller())
        check_state(request.state, ("proposed", "approved"))
        with self._office.parts.database.read() as conn:
            rows, after = store.page(
                conn, page_of(request), department=request.department, state=request.state
            )
        budgets = [pb.BudgetRow(**row._mapping) for row in rows]
        return pb.ListBudgetsReply(budgets=budgets, next=after)

    def _act(
        self, event: str, terms: Proposal, change: Callable[[Tx], None], state: str
    ) -> pb.BudgetReply:
        office, salted = self._office, self._office.salted()
        fields = {
            "department": terms.department,
            "epoch": terms.epoch,
            "officer": salted.commit("officer", terms.proposed_by),
            "terms": salted.commit("terms", [terms.total, terms.daily]),
        }
        reveals = salted.seal(office.parts.kek)

        def write(tx: Tx) -> None:
            change(tx)
            record(tx, event, fields, reveals)

        who = {"officer": terms.proposed_by}
        with office.parts.refusals.ledgered("budget.refused", committed=who):
            self._require_own(current_caller())
            self._check(terms)
            office.parts.writer.run(write)
        return pb.BudgetReply(state=state)

    def _require_own(self, caller: Caller) -> None:
        if caller.member.organisation != self._office.parts.member.organisation:
            raise Refusal(Reason.WRONG_ORGANISATION)

    def _check(self, terms: Proposal) -> None:
        process = self._office.federation.department(terms.department)
        if process is None:
            known = [p.department for p in self._office.federation.process if p.department]
            hint = did_you_mean(terms.department, known)
            raise Refusal(Reason.MALFORMED, f'no department "{terms.department[:64]}"{hint}')
        if process.prf_key(terms.epoch) is None:
            raise Refusal(Reason.EPOCH_UNKNOWN)
        if not (0 < terms.total <= MAX_EVALUATIONS and terms.daily <= MAX_EVALUATIONS):
            raise Refusal(Reason.MALFORMED, f"total: 1 to {MAX_EVALUATIONS}; daily likewise, or 0")


def _proposal(request: Any, caller: Caller) -> Proposal:
    return Proposal(request.department, request.epoch, request.total, request.daily, caller.name)


def _matching(there: Proposal | None, approval: Proposal) -> Proposal:
    if there is None:
        raise Refusal(Reason.BUDGET_MISSING, "nobody has proposed this budget")
    if there.proposed_by == approval.proposed_by:
        raise Refusal(
            Reason.SAME_PERSON, "an officer other than the one who proposed it has to approve it"
        )
    if (there.total, there.daily) != (approval.total, approval.daily):
        raise Refusal(Reason.BUDGET_MISMATCH)
    return there
