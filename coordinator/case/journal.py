"""What happens to a case, each with its ledger entry in the same transaction.

Source: design.md 4.3.
Every method is one write: the state as it is afterwards and the entry that says so. A process
that is killed between two of them goes on from what is stored. No personal data and no number
that a person knows enters the ledger: case, query, manifest and permit are random numbers or
digests of documents with random numbers; everything else is a salted commitment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from coordinator.case import store
from coordinator.case.state import CaseState, Setback, TicketState, TransitionError
from coordinator.case.vault import Vault
from crypto import jcs
from crypto.rng import Rng
from ledger.checkpoint import Checkpoint
from model.documents.desk import Decision
from model.documents.opening import Kind, Permit
from model.documents.query import Answer, OfficerRequest
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.storage.database import Database
from runtime.storage.paging import Condition, Page
from runtime.storage.salting import Salted
from runtime.storage.store import keep_reveals
from runtime.storage.writer import Tx, Writer

T = TypeVar("T")
CASE_ID_BYTES = 16


@dataclass(frozen=True)
class Arrived:
    """A verified answer: the document, its exact message, and the head that its node showed."""

    answer: Answer
    message: bytes
    digest: str
    head: Checkpoint


class Journal:
    """The cases of one coordinator, on its database and writer."""

    def __init__(self, database: Database, writer: Writer, *, vault: Vault, rng: Rng) -> None:
        self._database = database
        self._writer = writer
        self._vault = vault
        self._rng = rng

    # ------------------------------------------------------------------ reading

    def case(self, case_id: str) -> store.CaseRow | None:
        """The case as committed, or None."""
        with self._database.read() as conn:
            row = store.find_case(conn, case_id)
        return None if row is None else self._vault.opened(row)

    def cases(self, page: Page, *where: Condition) -> tuple[list[store.CaseRow], str]:
        """A page of cases, and what the next one comes after."""
        with self._database.read() as conn:
            rows, after = store.list_cases(conn, page, *where)
        return [self._vault.opened(row) for row in rows], after

    def decided_programmes(self, case_id: str) -> frozenset[str]:
        """Programmes of a case of which a decision is stored."""
        with self._database.read() as conn:
            return frozenset(store.decisions(conn, case_id))

    def tickets(self, case_id: str) -> list[store.TicketRow]:
        """The tickets of a case in the manifest's order."""
        with self._database.read() as conn:
            case, rows = _existing(store.find_case(conn, case_id)), store.tickets(conn, case_id)
        return self._vault.opened_tickets(case, rows)

    def progress(self, case_id: str) -> list[store.TicketRow]:
        """The same, with ticket and answer left sealed: who has answered, and when."""
        with self._database.read() as conn:
            return store.tickets(conn, case_id)

    def steps(self, case_id: str, kind: Kind) -> dict[str, bytes]:
        """The stored messages of the opening of this kind."""
        with self._database.read() as conn:
            return store.steps(conn, case_id, kind)

    def decisions(self, case: store.CaseRow) -> Mapping[str, bytes]:
        """Programme to signed decision."""
        with self._database.read() as conn:
            found = store.decisions(conn, case.case_id)
        return {name: self._vault.open(case, "decision", sealed) for name, sealed in found.items()}

    def busy(self) -> list[str]:
        """Cases with something left to do."""
        with self._database.read() as conn:
            return store.busy(conn)

    # ------------------------------------------------------------------ beginning and asking

    def open_case(
        self, request: OfficerRequest, digest: str, message: bytes, countersigned: bytes
    ) -> store.CaseRow:
        """Store a new case, or return the one that the same request opened."""
        case_id = self._rng(CASE_ID_BYTES).hex()
        wrapped, key = self._vault.new_key(case_id)
        salted = Salted(rng=self._rng)
        fields = {
            "authorization": salted.commit("authorization", request.authorization),
            "officer": salted.commit("officer", request.officer),
        }
        reveals = salted.seal(key, owner=case_id)
        sealed = self._vault.seal(case_id, key, "request", message)
        second = countersigned and self._vault.seal(case_id, key, "countersigned", countersigned)
        new = store.NewCase(case_id, digest, sealed, second, wrapped)

        def write(tx: Tx) -> store.CaseRow:
            known = store.find_request(tx.conn, digest)
            if known is not None:
                return known
            store.insert_case(tx.conn, new, now=tx.now)
            entry = tx.append("case.opened", case=case_id, **fields)
            keep_reveals(tx.conn, entry, reveals)
            return _existing(store.find_case(tx.conn, case_id))

        return self._vault.opened(self._run(write))

    def issued(
        self,
        case: store.CaseRow,
        manifest: str,
        message: bytes,
        tickets: Sequence[tuple[str, str, bytes]],
    ) -> None:
        """The registrar's manifest and tickets have been verified: asking begins."""
        case_id, seal = case.case_id, self._vault.seal_ticket
        sealed = self._vault.seal(case_id, self._vault.key(case), "manifest", message)
        rows = [(name, query, seal(case, name, ticket)) for name, query, ticket in tickets]

        def write(tx: Tx) -> None:
            store.move(tx.conn, case_id, CaseState.ASKING, now=tx.now)
            store.change(tx.conn, case_id, now=tx.now, manifest=sealed)
            store.insert_tickets(tx.conn, case_id, rows)
            tx.append("manifest.received", case=case_id, manifest=manifest)

        self._run(write)

    def sending(self, case_id: str, manifest: str, rows: Sequence[store.TicketRow]) -> None:
        """Write ``query.sent`` for each ticket that is sent for the first time."""
        fresh = [row for row in rows if not row.sent]
        if not fresh:
            return

        def write(tx: Tx) -> None:
            for row in fresh:
                store.change_ticket(tx.conn, case_id, row.department, sent=1)
                tx.append(
                    "query.sent", query=row.query, manifest=manifest, department=row.department
                )

        self._run(write)

    def renewed(self, case_id: str, department: str, ticket: bytes) -> None:
        """A ticket has a later expiry."""
        sealed = self._vault.seal_ticket(self._stored(case_id), department, ticket)
        self._run(lambda tx: store.change_ticket(tx.conn, case_id, department, ticket=sealed))

    def answered(self, case_id: str, arrived: Arrived) -> None:
        """An answer was verified; it is stored and never fetched again."""
        answer, head = arrived.answer, arrived.head
        case = self._stored(case_id)
        sealed = self._vault.seal_answer(case, answer.department, arrived.message)

        def write(tx: Tx) -> None:
            store.change_ticket(
                tx.conn,
                case_id,
                answer.department,
                state=TicketState.ANSWERED,
                reason="",
                answer=sealed,
                answered_at=answer.answered_at,
                data_dates=jcs.encode(_stated(answer)),
            )
            store.change(tx.conn, case_id, now=tx.now)
            tx.append(
                "answer.received",
                query=answer.query,
                manifest=answer.manifest,
                answer=arrived.digest,
                **head.fields(),
            )

        self._run(write)

    def not_answered(
        self, case_id: str, manifest: str, row: store.TicketRow, fault: Setback
    ) -> None:
        """A department refused, or waits; the entry is written when the reason changes."""
        state = TicketState.WAITING if fault.waits else TicketState.REFUSED
        if (row.state, row.reason) == (state, str(fault.reason)):
            return

        def write(tx: Tx) -> None:
            store.change_ticket(tx.conn, case_id, row.department, state=state, reason=fault.reason)
            store.change(tx.conn, case_id, now=tx.now)
            tx.append(
                "answer.refused", query=row.query, manifest=manifest, reason=str(fault.reason)
            )

        self._run(write)

    def waits(self, case: store.CaseRow, reason: Reason) -> None:
        """The case stays where it is; show why."""
        if case.reason != reason:
            self._run(lambda tx: store.change(tx.conn, case.case_id, now=tx.now, reason=reason))

    # ------------------------------------------------------------------ opening and the end

    def complete(self, case_id: str) -> None:
        """All departments have answered: opening begins."""
        self._run(lambda tx: store.move(tx.conn, case_id, CaseState.OPENING, now=tx.now))

    def permitted(self, case_id: str, permit: Permit, digest: str, message: bytes) -> None:
        """The registrar's permit was verified."""

        def write(tx: Tx) -> None:
            store.change(tx.conn, case_id, now=tx.now, permit=message, reason="")
            tx.append(
                "permit.received",
                permit=digest,
                manifest=permit.manifest,
                holders=list(permit.holders),
                skipped=[skip.holder for skip in permit.skips],
            )

        self._run(write)

    def step(
        self,
        case_id: str,
        messages: Sequence[tuple[str, bytes, str]],
        *,
        kind: Kind,
        permit: str,
        manifest: str,
    ) -> None:
        """Store what one call brought: (step, message, its digest), each with an entry.

        Raises Refusal(case_closed) where a case was closed during its re-check.
        """

        def write(tx: Tx) -> None:
            if kind == "re-check":
                require_determined(store.find_case(tx.conn, case_id))
            for name, message, digest in messages:
                store.insert_step(tx.conn, case_id, kind, name, message)
                tx.append(
                    "opening.relayed", permit=permit, manifest=manifest, step=name, message=digest
                )

        self._run(write)

    def determined(
        self, case: store.CaseRow, *, manifest: str, permit: str, document: bytes, bits: str
    ) -> None:
        """Keep the determination and commit to it; the holders' messages go.

        Args:
            document: Canonical JSON of the determination.
            bits: The opened bits in slot order, as "0" and "1"; they have a commitment of
                their own, so that a re-check can be shown them alone.
        """
        salted = Salted(rng=self._rng)
        value = jcs.decode(document, max_bytes=len(document))
        fields = {
            "result": salted.commit("determination", value),
            "bits": salted.commit("bits", bits),
        }
        key = self._vault.key(case)
        reveals = salted.seal(key, owner=case.case_id)
        sealed = self._vault.seal(case.case_id, key, "determination", document)

        def write(tx: Tx) -> None:
            entry = tx.append(
                "case.determined", case=case.case_id, manifest=manifest, permit=permit, **fields
            )
            keep_reveals(tx.conn, entry, reveals)
            store.move(tx.conn, case.case_id, CaseState.DETERMINED, now=tx.now)
            store.change(tx.conn, case.case_id, now=tx.now, determination=sealed, entry=entry)
            store.delete_steps(tx.conn, case.case_id)

        self._run(write)

    def end(
        self,
        case: store.CaseRow,
        state: CaseState,
        reason: Reason,
        *,
        manifest: str,
        detail: str = "",
        failed: Mapping[str, str] | None = None,
    ) -> None:
        """End a case as refused or inconclusive.

        Args:
            manifest: Its digest, "" where there was none.
            detail: The registrar's sentence, for the officer.
            failed: Fields of ``opening.failed`` where a key holder was at fault.
        """
        event = {CaseState.REFUSED: "case.refused", CaseState.INCONCLUSIVE: "case.inconclusive"}
        more = {"manifest": manifest} if manifest else {}
        case_id, key = case.case_id, self._vault.key(case)
        sealed = self._vault.seal(case_id, key, "detail", detail.encode())

        def write(tx: Tx) -> None:
            store.move(tx.conn, case_id, state, now=tx.now, reason=reason)
            store.change(tx.conn, case_id, now=tx.now, detail=sealed)
            store.delete_steps(tx.conn, case_id)
            if failed is not None:
                tx.append("opening.failed", manifest=manifest, **failed)
            tx.append(event[state], case=case_id, reason=str(reason), **more)

        self._run(write)

    def decided(
        self, case: store.CaseRow, decision: Decision, message: bytes, *, last: bool
    ) -> None:
        """Store a decision; the last one of a case closes it."""
        salted = Salted(rng=self._rng)
        said = {"programme": decision.programme, "decision": decision.decision}
        fields = {
            "decision": salted.commit("decision", said),
            "officer": salted.commit("officer", decision.officer),
        }
        key = self._vault.key(case)
        reveals = salted.seal(key, owner=case.case_id)
        sealed = self._vault.seal(case.case_id, key, "decision", message)

        def write(tx: Tx) -> None:
            store.insert_decision(tx.conn, case.case_id, decision.programme, sealed)
            entry = tx.append("case.decided", case=case.case_id, **fields)
            keep_reveals(tx.conn, entry, reveals)
            if last:
                store.move(tx.conn, case.case_id, CaseState.CLOSED, now=tx.now)
                tx.append("case.closed", case=case.case_id)
                store.delete_steps(tx.conn, case.case_id)

        self._run(write)

    def told(self, case_id: str) -> None:
        """The registrar knows that the application ended."""
        self._run(lambda tx: store.change(tx.conn, case_id, now=tx.now, told=1))

    # ------------------------------------------------------------------ helpers

    def _stored(self, case_id: str) -> store.CaseRow:
        """The case with its columns sealed."""
        with self._database.read() as conn:
            return _existing(store.find_case(conn, case_id))

    def _run(self, write: Callable[[Tx], T]) -> T:
        return self._writer.run(write)


def require_determined(case: store.CaseRow | None) -> store.CaseRow:
    """The case, if it was determined and is not closed. Raises Refusal."""
    if case is None:
        raise Refusal(Reason.CASE_UNKNOWN)
    if case.state in (CaseState.CLOSED, CaseState.ERASED):
        raise Refusal(Reason.CASE_CLOSED)
    if case.state is not CaseState.DETERMINED:
        raise Refusal(Reason.CASE_NOT_DETERMINED)
    return case


def _existing(row: store.CaseRow | None) -> store.CaseRow:
    if row is None:
        raise TransitionError("a case that was just stored is not there")
    return row


def _stated(answer: Answer) -> dict[str, jcs.Json]:
    """What an answer states of each resource."""
    coverage = answer.coverage or {}
    return {
        resource: {"data_date": day, **(coverage[resource].model_dump() if coverage else {})}
        for resource, day in answer.data_dates.items()
    }
