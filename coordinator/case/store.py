"""Cases in SQL: small functions over a connection; the writer's for changes, a reader's for reads.

Documents are kept as the exact serialized messages that arrived, so that what was verified is
what is passed on; whatever says or shows anything of the household lies sealed (cases.vault). A
case's step messages are sealed to others; they go when it is determined, a re-check's when it ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from coordinator.case.state import RUNNING, CaseState, TicketState, check_transition
from runtime.storage import columns
from runtime.storage.paging import Condition, Page, between, fetch

METADATA: Final = MetaData()
CASES: Final = Table(
    "cases",
    METADATA,
    columns.number("number", primary_key=True, autoincrement=True),
    columns.random_id("case_id", unique=True),
    # SHA-256 of the officer's signed request: the same request is the same case. Random after an
    # erasure: whoever has the request shall not find the case by it.
    columns.digest("request_digest", unique=True),
    # Sealed: the request as it arrived.
    columns.blob("request"),
    columns.blob("countersigned"),
    columns.word("state", index=True),
    columns.reason("reason"),
    # Sealed: the registrar's sentence beside it.
    columns.blob("detail"),
    columns.moment("opened_at"),
    columns.moment("updated_at"),
    # The case's data key, wrapped. It seals all that is called sealed here, and the reveals of
    # the ledger's commitments: destroying it erases them. Empty after an erasure.
    columns.blob("data_key"),
    # Sealed: IssueManifestReply, as verified; empty before.
    columns.blob("manifest"),
    columns.blob("permit"),
    # Sealed: canonical JSON of the determination.
    columns.blob("determination"),
    columns.number("entry", nullable=True),
    # 1 once the registrar knows that the application ended.
    Column("told", Integer, nullable=False),
)
TICKETS: Final = Table(
    "case_ticket",
    METADATA,
    columns.random_id("case_id", ForeignKey("cases.case_id"), primary_key=True),
    columns.name("department", primary_key=True),
    Column("position", Integer, nullable=False),
    columns.random_id("query", unique=True),
    # Sealed: the ticket, and so the members' pseudonyms.
    columns.blob("ticket"),
    Column("sent", Integer, nullable=False),
    columns.word("state"),
    columns.reason("reason"),
    # Sealed: the answer; t key holders could decrypt it.
    columns.blob("answer"),
    columns.moment("answered_at"),
    # Canonical JSON: resource to data date and coverage; in rows of version 1, to the date.
    columns.blob("data_dates"),
)
STEPS: Final = Table(
    "case_step",
    METADATA,
    columns.random_id("case_id", ForeignKey("cases.case_id"), primary_key=True),
    columns.word("kind", primary_key=True),
    # "mask", "share:NAME", "bits", "terms", "flips", "results"
    Column("step", String(80), primary_key=True),
    columns.blob("message"),
)
DECISIONS: Final = Table(
    "case_decision",
    METADATA,
    columns.random_id("case_id", ForeignKey("cases.case_id"), primary_key=True),
    columns.name("programme", primary_key=True),
    # Sealed: the decision as it arrived.
    columns.blob("decision"),
)
RECHECKS: Final = Table(
    "case_recheck",
    METADATA,
    # One re-check a case.
    columns.random_id("case_id", ForeignKey("cases.case_id"), primary_key=True),
    # The registrar's permit, as verified.
    columns.blob("permit"),
    # Reason code once it failed for good.
    columns.reason("failed"),
)
ERASURES: Final = Table(
    "case_erasure",
    METADATA,
    # What an officer asked for; a checker carries it out.
    columns.random_id("case_id", ForeignKey("cases.case_id"), primary_key=True),
    Column("reason", String(32), nullable=False),
    columns.name("officer"),
    # What each signed, sealed under the process's own key: it names no applicant.
    columns.blob("asked"),
    columns.blob("done"),
)


@dataclass(frozen=True)
class CaseRow:
    """One case; documents as serialized messages, b"" where there is none yet.

    ``request``, ``countersigned``, ``determination`` and ``detail`` are sealed in the table, and
    clear in what ``Journal`` returns.
    """

    number: int
    case_id: str
    state: CaseState
    reason: str
    detail: bytes
    opened_at: str
    updated_at: str
    request: bytes
    countersigned: bytes
    data_key: bytes
    manifest: bytes
    permit: bytes
    determination: bytes
    entry: int | None
    told: bool


@dataclass(frozen=True)
class TicketRow:
    """One department's ticket and what became of it."""

    department: str
    query: str
    ticket: bytes
    sent: bool
    state: TicketState
    reason: str
    answer: bytes
    answered_at: str
    data_dates: bytes


@dataclass(frozen=True)
class RecheckRow:
    """The re-check of a case: the registrar's permit; a reason code once it failed for good."""

    permit: bytes
    failed: str


@dataclass(frozen=True)
class ErasureRow:
    """An erasure that an officer asked for; ``asked`` is the signed order, sealed."""

    reason: str
    officer: str
    asked: bytes


@dataclass(frozen=True)
class NewCase:
    """What is stored when a case is opened; request and countersignature sealed."""

    case_id: str
    request_digest: str
    request: bytes
    countersigned: bytes
    data_key: bytes


def insert_case(conn: Connection, case: NewCase, *, now: str) -> None:
    """Store a new case in state ``opened``."""
    empty = dict.fromkeys(("manifest", "permit", "determination", "detail"), b"")
    begun = {"state": CaseState.OPENED, "reason": "", "told": 0}
    moments = {"opened_at": now, "updated_at": now}
    conn.execute(insert(CASES), {**vars(case), **begun, **moments, **empty})


def find_request(conn: Connection, request_digest: str) -> CaseRow | None:
    """The case that this request opened, or None."""
    return _one(conn, CASES.c.request_digest == request_digest)


def find_case(conn: Connection, case_id: str) -> CaseRow | None:
    """The case, or None."""
    return _one(conn, CASES.c.case_id == case_id)


def list_cases(conn: Connection, page: Page, *where: Condition) -> tuple[list[CaseRow], str]:
    """A page of cases in the order of opening, and what the next one comes after."""
    rows, after = fetch(conn, select(CASES).where(*where), (CASES.c.number,), page)
    return [_case(row) for row in rows], after


def listed(request: Any) -> list[Condition]:
    """Conditions for the filters of a list. Raises Refusal(malformed)."""
    state = [CASES.c.state == request.state] if request.state else []
    return [*state, *between(CASES.c.opened_at, request)]


def busy(conn: Connection) -> list[str]:
    """Cases with something left to do without a person, oldest first."""
    untold = (CASES.c.state == CaseState.CLOSED) & (CASES.c.told == 0)
    query = select(CASES.c.case_id).where(CASES.c.state.in_(sorted(RUNNING)) | untold)
    return [row.case_id for row in conn.execute(query.order_by(CASES.c.number))]


def move(conn: Connection, case_id: str, after: CaseState, *, now: str, reason: str = "") -> None:
    """Change the state; raises TransitionError where the stored state does not lead there."""
    before = conn.scalar(select(CASES.c.state).where(CASES.c.case_id == case_id))
    check_transition(CaseState(str(before)), after)
    change(conn, case_id, now=now, state=after, reason=reason)


def change(conn: Connection, case_id: str, *, now: str, **values: Any) -> None:
    """Set columns of a case."""
    conn.execute(update(CASES).where(CASES.c.case_id == case_id), {"updated_at": now, **values})


def insert_tickets(
    conn: Connection, case_id: str, tickets: Iterable[tuple[str, str, bytes]]
) -> None:
    """Store (department, query id, ticket) in the manifest's order."""
    rows = [
        {
            "case_id": case_id,
            "department": department,
            "position": position,
            "query": query,
            "ticket": ticket,
            "sent": 0,
            "state": TicketState.WAITING,
            "reason": "",
            "answer": b"",
            "answered_at": "",
            "data_dates": b"{}",
        }
        for position, (department, query, ticket) in enumerate(tickets)
    ]
    conn.execute(insert(TICKETS), rows)


def tickets(conn: Connection, case_id: str) -> list[TicketRow]:
    """A case's tickets in the manifest's order."""
    query = select(TICKETS).where(TICKETS.c.case_id == case_id).order_by(TICKETS.c.position)
    return [_ticket(row) for row in conn.execute(query)]


def change_ticket(conn: Connection, case_id: str, department: str, **values: Any) -> None:
    """Set columns of one ticket."""
    here = (TICKETS.c.case_id == case_id) & (TICKETS.c.department == department)
    conn.execute(update(TICKETS).where(here), values)


def insert_step(conn: Connection, case_id: str, kind: str, step: str, message: bytes) -> None:
    """Store a holder's message; it never changes."""
    row = {"case_id": case_id, "kind": kind, "step": step, "message": message}
    conn.execute(insert(STEPS), row)


def steps(conn: Connection, case_id: str, kind: str) -> dict[str, bytes]:
    """The stored messages of an opening of this kind."""
    here = (STEPS.c.case_id == case_id) & (STEPS.c.kind == kind)
    query = select(STEPS.c.step, STEPS.c.message).where(here)
    return {row.step: bytes(row.message) for row in conn.execute(query)}


def delete_steps(conn: Connection, case_id: str) -> None:
    """Forget the messages of openings that have ended."""
    conn.execute(delete(STEPS).where(STEPS.c.case_id == case_id))


def insert_decision(conn: Connection, case_id: str, programme: str, decision: bytes) -> None:
    """Store an officer's signed decision, sealed."""
    row = {"case_id": case_id, "programme": programme, "decision": decision}
    conn.execute(insert(DECISIONS), row)


def decisions(conn: Connection, case_id: str) -> Mapping[str, bytes]:
    """Programme to signed decision."""
    query = select(DECISIONS).where(DECISIONS.c.case_id == case_id)
    return {row.programme: bytes(row.decision) for row in conn.execute(query)}


def insert_recheck(conn: Connection, case_id: str, permit: bytes) -> None:
    """Store the one re-check permit of a case."""
    conn.execute(insert(RECHECKS), {"case_id": case_id, "permit": permit, "failed": ""})


def recheck(conn: Connection, case_id: str) -> RecheckRow | None:
    """The re-check of a case, or None."""
    query = select(RECHECKS.c.permit, RECHECKS.c.failed).where(RECHECKS.c.case_id == case_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else RecheckRow(bytes(row.permit), row.failed)


def fail_recheck(conn: Connection, case_id: str, reason: str) -> None:
    """Note that a re-check failed for good."""
    conn.execute(update(RECHECKS).where(RECHECKS.c.case_id == case_id), {"failed": reason})


def ask_erasure(conn: Connection, case_id: str, row: ErasureRow) -> None:
    """Store what an officer asks for, in place of what was asked before."""
    conn.execute(delete(ERASURES).where(ERASURES.c.case_id == case_id))
    conn.execute(insert(ERASURES), {"case_id": case_id, **vars(row), "done": b""})


def erasure(conn: Connection, case_id: str) -> ErasureRow | None:
    """What was asked for, or None."""
    columns = (ERASURES.c.reason, ERASURES.c.officer, ERASURES.c.asked)
    row = conn.execute(select(*columns).where(ERASURES.c.case_id == case_id)).one_or_none()
    return None if row is None else ErasureRow(row.reason, row.officer, bytes(row.asked))


def erase(conn: Connection, case_id: str, *, now: str, entry: int, blank: str, done: bytes) -> None:
    """Empty a case that has ended: its row, its tickets, everything that belongs to it.

    Args:
        entry: Index of ``case.erased``.
        blank: Unique, and says nothing; it stands for the request's digest.
        done: What the checker signed, sealed.
    """
    move(conn, case_id, CaseState.ERASED, now=now)
    empty = dict.fromkeys((*_CASE_BYTES, "data_key"), b"")
    change(conn, case_id, now=now, request_digest=blank, entry=entry, **empty)
    here = TICKETS.c.case_id == case_id
    conn.execute(update(TICKETS).where(here), {"ticket": b"", "answer": b"", "data_dates": b"{}"})
    for table in (STEPS, DECISIONS, RECHECKS):
        conn.execute(delete(table).where(table.c.case_id == case_id))
    conn.execute(update(ERASURES).where(ERASURES.c.case_id == case_id), {"done": done})


def _one(conn: Connection, condition: Any) -> CaseRow | None:
    row = conn.execute(select(CASES).where(condition)).one_or_none()
    return None if row is None else _case(row)


_CASE_BYTES: Sequence[str] = (
    "detail",
    "request",
    "countersigned",
    "manifest",
    "permit",
    "determination",
)


def _case(row: Row[Any]) -> CaseRow:
    return CaseRow(
        number=row.number,
        case_id=row.case_id,
        state=CaseState(row.state),
        reason=row.reason,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        data_key=bytes(row.data_key),
        entry=row.entry,
        told=bool(row.told),
        **{name: bytes(getattr(row, name)) for name in _CASE_BYTES},
    )


def _ticket(row: Row[Any]) -> TicketRow:
    return TicketRow(
        department=row.department,
        query=row.query,
        ticket=bytes(row.ticket),
        sent=bool(row.sent),
        state=TicketState(row.state),
        reason=row.reason,
        answer=bytes(row.answer),
        answered_at=row.answered_at,
        data_dates=bytes(row.data_dates),
    )
