"""One ticket, one answer, in the order of design.md 2.4.

Intent before acting, result before answering: ``query.received`` is committed before anything
is matched, ``query.answered`` before the reply is made. The same query id gets the same stored
answer, and a manifest is answered once.
Nothing outside the node depends on matching: whatever goes wrong while its own data are read is
one reason, and entries and answers have one size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from crypto.rng import Rng
from crypto.signing import SigningKey
from model.documents.query import Answer
from model.documents.signed import Signed, sign
from model.policy.contributing import contribution
from model.reasons import Reason
from node.answering import store
from node.answering.checks import Examiner, Query, Question, Trace
from node.answering.encrypting import Encrypted, Encryptor
from node.answering.matching import check_ready, read_household
from node.answering.measuring import measure_household
from node.answering.store import NewAnswer
from runtime.clock import Clock, rfc3339
from runtime.errors import Refusal
from runtime.logging import Log
from runtime.storage.database import Database
from runtime.storage.faults import LedgerUnavailable
from runtime.storage.writer import Tx, Writer
from runtime.transport.status import as_refusal

T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """A stored answer and the index of its ledger entry."""

    answer: Signed
    entry: int


@dataclass(frozen=True)
class Answerer:
    """Answers for one department."""

    name: str
    sign_key: SigningKey
    examiner: Examiner
    encryptor: Encryptor
    database: Database
    writer: Writer
    clock: Clock
    rng: Rng
    log: Log
    index_grace: timedelta
    write_timeout_s: float

    @property
    def department(self) -> str:
        """Whose data these are."""
        return self.examiner.member.department

    def answer(self, read: Callable[[], Query]) -> Answered:
        """Return the one answer to a ticket. Raises Refusal; every refusal is ledgered.

        Args:
            read: Parses the request; what it refuses is ledgered like everything else.
        """
        trace = Trace()
        try:
            return self._answer(read(), trace)
        except Exception as error:
            refusal = as_refusal(error) or Refusal(Reason.INTERNAL, "internal error")
            if refusal is not error:
                self.log.fault("query.failed", error, query_id=trace.query)
            self._ledger_refusal(trace, refusal)
            raise refusal from None

    def _answer(self, papers: Query, trace: Trace) -> Answered:
        now = self.clock.now()
        with self.database.read() as conn:
            seen = store.newest_revocations(conn)
        question = self.examiner.examine(papers, trace, now=now, seen=seen)
        stored = self._stored(question)
        if stored is not None:
            return stored
        self._check_ready(question, now)
        self._write(self._receive, question, trace)
        computed = self._compute(question, now)
        answered = self._write_answer(question, computed)
        self.log.info(
            "query.answered", query_id=trace.query, rules=len(question.terms.layout.rules)
        )
        return answered

    def _stored(self, question: Question) -> Answered | None:
        """The answer that this very query has got already."""
        with self.database.read() as conn:
            found = store.by_query(conn, question.ticket.query)
        if found is None or found.body is None:
            return None
        if found.manifest != question.manifest_digest:
            raise Refusal(Reason.TICKET_MISMATCH, "this query id belongs to another manifest")
        return self._as_answered(found)

    def _as_answered(self, found: store.StoredQuery) -> Answered:
        if found.body is None or found.signature is None or found.entry is None:
            raise Refusal(Reason.DATABASE_FAULT)
        return Answered(Signed(found.body, found.signature, self.name), found.entry)

    def _check_ready(self, question: Question, now: datetime) -> None:
        try:
            with self.database.read() as conn:
                check_ready(
                    conn,
                    question.terms.layout.measures_of(self.department),
                    question.ticket.resources,
                    epoch=question.ticket.epoch,
                    stale_since=now - self.index_grace,
                )
        except Exception as error:
            if isinstance(error, Refusal) and not isinstance(error, LedgerUnavailable):
                raise
            raise self._fault(question, error) from None

    def _receive(self, tx: Tx, question: Question, trace: Trace) -> None:
        query, manifest = question.ticket.query, question.manifest_digest
        store.remember_revocations(tx.conn, trace.revocations)
        spent = store.by_manifest(tx.conn, manifest)
        if spent is not None and spent.query != query:
            raise Refusal(Reason.MANIFEST_SPENT)
        known = store.by_query(tx.conn, query)
        if known is not None and known.manifest != manifest:
            raise Refusal(Reason.TICKET_MISMATCH, "this query id belongs to another manifest")
        if known is not None:
            # Received before, and the process ended before it answered: one entry is enough.
            return
        policy = question.manifest.policy
        store.receive(tx.conn, query, manifest, policy, now=tx.now)
        tx.append(
            "query.received",
            query=query,
            manifest=manifest,
            department=self.department,
            officer=question.manifest.commitments.officer,
            policy=policy,
        )

    def _compute(self, question: Question, now: datetime) -> "_Computed":
        """Match, read, measure, encrypt. Any fault in here is one reason: it may show a match."""
        try:
            return self._computed(question, now)
        except Exception as error:
            if isinstance(error, Refusal) and not isinstance(error, LedgerUnavailable):
                raise
            raise self._fault(question, error) from None

    def _fault(self, question: Question, error: Exception) -> Refusal:
        self.log.fault("query.data_fault", error, query_id=question.ticket.query)
        return Refusal(Reason.DATABASE_FAULT)

    def _computed(self, question: Question, now: datetime) -> "_Computed":
        layout, ticket = question.terms.layout, question.ticket
        measures = layout.measures_of(self.department)
        with self.database.read() as conn:
            catalogue = check_ready(
                conn,
                measures,
                ticket.resources,
                epoch=ticket.epoch,
                stale_since=now - self.index_grace,
            )
            pseudonyms = [bytes.fromhex(pseudonym) for pseudonym in ticket.pseudonyms]
            rows = read_household(
                conn, pseudonyms, question.resources, epoch=ticket.epoch, rng=self.rng
            )
        reference: date = question.terms.inputs.reference_date
        values = measure_household(measures, rows, catalogue, reference)
        slots = contribution(layout, self.department, values, question.terms.inputs)
        made = self.encryptor.encrypt(layout, slots, ticket=ticket, department=self.department)
        dates = {code: catalogue[code].data_date for code in question.resources}
        return _Computed(made, dates)

    def _write_answer(self, question: Question, computed: "_Computed") -> Answered:
        answer = Answer(
            query=question.ticket.query,
            manifest=question.manifest_digest,
            department=self.department,
            ciphertext=computed.encrypted.ciphertext.hex(),
            proof=computed.encrypted.proof.hex(),
            data_dates=computed.data_dates,
            answered_at=rfc3339(self.clock.now()),
        )
        signed = sign(answer, self.sign_key, self.name)
        return self._write(self._keep, question, signed, computed.encrypted)

    def _keep(self, tx: Tx, question: Question, signed: Signed, made: Encrypted) -> Answered:
        query = question.ticket.query
        found = store.by_query(tx.conn, query)
        if found is not None and found.body is not None:
            # Two calls with one ticket ran side by side: the first answer is the answer.
            return self._as_answered(found)
        entry = tx.append(
            "query.answered",
            query=query,
            manifest=question.manifest_digest,
            answer=signed.digest,
            department=self.department,
            policy=question.manifest.policy,
            ticket=made.ticket,
        )
        copy = made.copy
        answer = NewAnswer(tx.now, signed.body, signed.signature, entry, copy.data_key, copy.sealed)
        store.store_answer(tx.conn, query, answer)
        return Answered(signed, entry)

    def _ledger_refusal(self, trace: Trace, refusal: Refusal) -> None:
        self.log.info("query.refused", query_id=trace.query, reason=str(refusal.reason))
        if refusal.reason is not Reason.LEDGER_UNAVAILABLE:
            self._write(_refused, trace, refusal.reason)

    def _write(self, fn: Callable[..., T], *args: object) -> T:
        return self.writer.run(lambda tx: fn(tx, *args), timeout_s=self.write_timeout_s)


@dataclass(frozen=True)
class _Computed:
    encrypted: Encrypted
    data_dates: dict[str, str]


def _refused(tx: Tx, trace: Trace, reason: Reason) -> None:
    store.remember_revocations(tx.conn, trace.revocations)
    tx.append("query.refused", query=trace.query, manifest=trace.manifest, reason=str(reason))
