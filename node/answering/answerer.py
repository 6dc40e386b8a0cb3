"""One ticket, one answer: the road of design.md 2.4, from the papers to the stored reply.

Check the documents (checks), then the state (answers, contribution), ledger that the query was
received, match and read (matching), measure (measuring), encrypt (encrypting), ledger the answer.
Nothing outside the node depends on matching; entries and answers have one size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from crypto.signing import SigningKey
from model.documents.query import Answer
from model.documents.signed import Signed, sign
from model.fields import format_time
from node.answering.answers import Answered, Answers
from node.answering.checks import Examiner, Query, Question, Trace
from node.answering.contribution import Contribution, Contributor
from runtime.clock import Clock
from runtime.logging import Log
from runtime.refusing import Refusals


@dataclass(frozen=True)
class Answerer:
    """Answers for one department."""

    name: str
    sign_key: SigningKey
    examiner: Examiner
    contributor: Contributor
    answers: Answers
    refusals: Refusals
    clock: Clock
    log: Log

    def answer(self, read: Callable[[], Query], *, requester: str) -> Answered:
        """Return the one answer to a ticket. Raises Refusal; every refusal is ledgered.

        Args:
            read: Parses the request; what it refuses is ledgered like everything else.
            requester: The process that asks, by its certificate.
        """
        trace = Trace(requester)
        also = partial(self.answers.remember, trace)
        with self.refusals.ledgered("query.refused", clear=trace.known, also=also):
            return self._answer(read(), trace)

    def _answer(self, papers: Query, trace: Trace) -> Answered:
        now, seen = self.clock.now(), self.answers.newest_revocations(trace.requester)
        question = self.examiner.examine(papers, trace, now=now, seen=seen)
        stored = self.answers.find(question)
        if stored is not None:
            return stored
        self.contributor.check_ready(question, now)
        self.answers.receive(question, trace)
        made = self.contributor.contribute(question, now)
        answered = self.answers.keep(question, self._signed(question, made), made.encrypted)
        self.log.info(
            "query.answered", query_id=trace.known["query"], rules=len(question.terms.layout.rules)
        )
        return answered

    def _signed(self, question: Question, made: Contribution) -> Signed:
        answer = Answer(
            query=question.ticket.query,
            manifest=question.manifest_digest,
            department=self.contributor.department,
            ciphertext=made.encrypted.ciphertext.hex(),
            proof=made.encrypted.proof.hex(),
            data_dates=made.data_dates,
            coverage=made.coverage,
            answered_at=format_time(self.clock.now()),
        )
        return sign(answer, self.sign_key, self.name)
