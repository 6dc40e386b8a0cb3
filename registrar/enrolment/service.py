"""EnrolmentService: the oblivious PRF, evaluated for a department and counted.

Source: RFC 9497, VOPRF; design.md 2.2.2 to 2.2.5.
Learns: the registrar, how many people a department enrols, and none of them.
Not protected: the budget bounds enumeration; a targeted guess costs one evaluation.

A repeated batch is evaluated again rather than stored: the evaluation is a function of the
elements, and the proof may be fresh.
"""

import hashlib
from typing import Any, Final

from crypto import oprf
from crypto.errors import InvalidInput
from hedui.v1 import registrar_pb2 as pb
from hedui.v1 import registrar_pb2_grpc
from model.federation import Process
from model.limits import MAX_BATCH
from model.reasons import Reason
from registrar.enrolment import store
from registrar.office import Office, record
from runtime.errors import Refusal
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller, current_caller, ensure_time

BATCH_ID_BYTES: Final = 16


class EnrolmentService(registrar_pb2_grpc.EnrolmentServiceServicer):
    """One call: evaluate a batch."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def Evaluate(self, request: pb.EvaluateRequest, context: Any) -> pb.EvaluateReply:
        """Evaluate, count, ledger; only then reply."""
        member = current_caller().member
        about = {"department": member.department if isinstance(member, Process) else ""}
        with self._office.parts.refusals.ledgered("enrolment.refused", clear=about):
            key = self._admit(request, current_caller())
            self._check_budget(request)
            evaluated, proof = self._evaluate(key, list(request.blinded))
            left = self._count(request)
        ensure_time()
        return pb.EvaluateReply(evaluated=evaluated, proof=proof, budget_left=left)

    def _admit(self, request: pb.EvaluateRequest, caller: Caller) -> oprf.PrivateKey:
        member = caller.member
        if not isinstance(member, Process) or not member.department:
            raise Refusal(Reason.WRONG_DEPARTMENT, "the caller serves no department")
        if request.department != member.department:
            raise Refusal(Reason.WRONG_DEPARTMENT)
        if not 1 <= len(request.blinded) <= MAX_BATCH or len(request.batch) != BATCH_ID_BYTES:
            raise Refusal(Reason.MALFORMED, f"1 to {MAX_BATCH} elements and a batch id of 16 bytes")
        return self._office.keys.prf(request.department, request.epoch)

    def _check_budget(self, request: pb.EvaluateRequest) -> None:
        """Look before the work is done; what counts is looked at again when it is counted."""
        with self._office.parts.database.read() as conn:
            budget = store.budget(conn, request.department, request.epoch)
            counted = store.batch(conn, request.department, request.batch)
        if counted is None:
            _require(budget, len(request.blinded), self._office.today().isoformat())

    def _evaluate(self, key: oprf.PrivateKey, elements: list[bytes]) -> tuple[list[bytes], bytes]:
        try:
            return oprf.blind_evaluate(
                key, elements, rng=self._office.parts.rng, executor=self._office.pool
            )
        except InvalidInput as error:
            raise Refusal(Reason.MALFORMED, str(error)) from None

    def _count(self, request: pb.EvaluateRequest) -> int:
        office, count = self._office, len(request.blinded)
        digest = hashlib.sha256(b"".join(request.blinded)).digest()
        today, salted = office.today().isoformat(), office.salted()
        fields = {
            "department": request.department,
            "epoch": request.epoch,
            "count": salted.commit("count", count),
        }
        reveals = salted.seal(office.parts.kek)

        def write(tx: Tx) -> int:
            budget = _require_any(store.budget(tx.conn, request.department, request.epoch))
            counted = store.batch(tx.conn, request.department, request.batch)
            if counted == digest:
                return budget.left(today)
            if counted is not None:
                raise Refusal(Reason.MALFORMED, "this batch id was used for other elements")
            _require(budget, count, today)
            after = store.spend(tx.conn, budget, count, today)
            store.add_batch(tx.conn, request.department, request.batch, digest)
            record(tx, "enrolment.evaluated", fields, reveals)
            return after.left(today)

        return office.parts.writer.run(write)


def _require_any(budget: store.Budget | None) -> store.Budget:
    if budget is None:
        raise Refusal(Reason.BUDGET_MISSING)
    return budget


def _require(budget: store.Budget | None, count: int, today: str) -> None:
    if _require_any(budget).left(today) < count:
        raise Refusal(Reason.BUDGET_EXHAUSTED)
