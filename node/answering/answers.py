"""A department's answers and what its ledger says of them: each write is one transaction.

Source: design.md 2.4.2, 2.4.7, 2.4.8, 2.3.11. Intent before acting, result before answering:
``query.received`` is committed before anything is matched, ``query.answered`` before the reply is
made. The same query id gets the same stored answer, and a manifest is answered once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from model.documents.signed import Signed
from model.reasons import Reason
from node.answering import store
from node.answering.checks import Question, Trace
from node.answering.encrypting import Encrypted
from node.answering.store import NewAnswer
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.storage.writer import Tx, Writer

T = TypeVar("T")


@dataclass(frozen=True)
class Answered:
    """A stored answer and the index of its ledger entry."""

    answer: Signed
    entry: int


@dataclass(frozen=True)
class Answers:
    """The answers of one department."""

    name: str
    """The process that signs them."""
    department: str
    database: Database
    writer: Writer
    write_timeout_s: float

    def newest_revocations(self, requester: str) -> int:
        """Number of the newest revocation list that a requester has brought, 0 for none."""
        with self.database.read() as conn:
            return store.newest_revocations(conn, requester)

    def find(self, question: Question) -> Answered | None:
        """The answer that this very query has got already. Raises Refusal(ticket_mismatch)."""
        with self.database.read() as conn:
            found = store.by_query(conn, question.ticket.query)
        if found is None or found.body is None:
            return None
        if found.manifest != question.manifest_digest:
            raise Refusal(Reason.TICKET_MISMATCH, "this query id belongs to another manifest")
        return self._answered(found)

    def receive(self, question: Question, trace: Trace) -> None:
        """Spend the manifest on this query, ledgered. Raises Refusal(manifest_spent)."""
        self._write(self._receive, question, trace)

    def keep(self, question: Question, signed: Signed, made: Encrypted) -> Answered:
        """Store and ledger the one answer; return what is stored."""
        return self._write(self._keep, question, signed, made)

    def remember(self, trace: Trace, tx: Tx) -> None:
        """Remember, with a refusal, how new a revocation list has been seen here."""
        store.remember_revocations(tx.conn, trace.requester, trace.revocations)

    def _answered(self, found: store.StoredQuery) -> Answered:
        if found.body is None or found.signature is None or found.entry is None:
            raise Refusal(Reason.DATABASE_FAULT)
        return Answered(Signed(found.body, found.signature, self.name), found.entry)

    def _receive(self, tx: Tx, question: Question, trace: Trace) -> None:
        query, manifest = question.ticket.query, question.manifest_digest
        store.remember_revocations(tx.conn, trace.requester, trace.revocations)
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
            requester=trace.requester,
        )

    def _keep(self, tx: Tx, question: Question, signed: Signed, made: Encrypted) -> Answered:
        query = question.ticket.query
        found = store.by_query(tx.conn, query)
        if found is not None and found.body is not None:
            # Two calls with one ticket ran side by side: the first answer is the answer.
            return self._answered(found)
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

    def _write(self, fn: Callable[..., T], *args: object) -> T:
        return self.writer.run(lambda tx: fn(tx, *args), timeout_s=self.write_timeout_s)
