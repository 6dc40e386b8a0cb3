"""QueryService: one ticket, one answer; replies leave at fixed time steps. AnswerAuditService.

Source: design.md 2.4.7, 2.4.17.
Learns: the coordinator, that this department answered or why it refused. Neither the moment of
a reply nor its size depends on whom the query is about.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from hedui.v1 import common_pb2, node_pb2, node_pb2_grpc
from ledger import log as entries
from node.answering.answerer import Answerer
from node.answering.answers import Answered
from node.answering.checks import Query
from node.answering.disclosure import AnswerOpener
from runtime.clock import Clock
from runtime.storage.database import Database
from runtime.transport.guard import current_caller, ensure_time
from runtime.transport.wire import reveals_from_wire, signed_from_wire, signed_to_wire
from runtime.witness.receipts import Receipts

Sleep = Callable[[float], None]


class Pace:
    """Lets replies leave at whole steps since the call's arrival."""

    def __init__(self, step_ms: int, *, clock: Clock, sleep: Sleep = time.sleep) -> None:
        self._step_s = step_ms / 1000
        self._clock = clock
        self._sleep = sleep

    def arrived(self) -> float:
        """The moment that ``leave`` counts from."""
        return self._clock.monotonic_s()

    def leave(self, arrived: float) -> None:
        """Wait for the next step, at least for the first; at once where the step is 0."""
        if self._step_s:
            past = self._clock.monotonic_s() - arrived
            self._sleep((math.floor(past / self._step_s) + 1) * self._step_s - past)


class QueryService(node_pb2_grpc.QueryServiceServicer):
    """Answers the coordinator."""

    def __init__(
        self, *, answerer: Answerer, receipts: Receipts, database: Database, pace: Pace
    ) -> None:
        self._answerer = answerer
        self._receipts = receipts
        self._database = database
        self._pace = pace

    def Answer(self, request: node_pb2.AnswerRequest, context: Any) -> node_pb2.AnswerReply:
        """Answer one ticket, or refuse with a reason; both at a step."""
        arrived = self._pace.arrived()
        try:
            answered = self._answerer.answer(
                lambda: _papers(request), requester=current_caller().name
            )
            reply = node_pb2.AnswerReply(
                answer=signed_to_wire(answered.answer), receipt=self._receipt(answered)
            )
        finally:
            self._pace.leave(arrived)
        ensure_time()
        return reply

    def _receipt(self, answered: Answered) -> common_pb2.LedgerReceipt:
        receipt = self._receipts.issue(answered.entry)
        with self._database.read() as conn:
            leaf = entries.leaf(conn, answered.entry)
        return common_pb2.LedgerReceipt(
            index=receipt.index, path=receipt.path, checkpoint=receipt.checkpoint, leaf=leaf
        )


class AnswerAuditService(node_pb2_grpc.AnswerAuditServiceServicer):
    """The reviewer's door to stored answers."""

    def __init__(self, opener: AnswerOpener) -> None:
        self._opener = opener

    def DiscloseAnswer(
        self, request: node_pb2.DiscloseAnswerRequest, context: Any
    ) -> node_pb2.DiscloseAnswerReply:
        """Which ticket was answered, and with what, sealed to the caller."""
        sealed = self._opener.open(
            lambda: signed_from_wire(request.grant),
            request.query,
            current_caller(),
            values=request.values,
        )
        ensure_time()
        return node_pb2.DiscloseAnswerReply(sealed=sealed)


def _papers(request: node_pb2.AnswerRequest) -> Query:
    return Query(
        manifest=signed_from_wire(request.manifest),
        ticket=signed_from_wire(request.ticket),
        revocations=[signed_from_wire(page) for page in request.revocations],
        reveals=reveals_from_wire(request.reveals),
    )
