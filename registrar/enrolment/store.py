"""Enrolment in SQL: budgets, proposals for them, and the batches that were counted."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Update,
    delete,
    insert,
    literal,
    select,
    union_all,
    update,
)

from runtime.storage import columns
from runtime.storage.paging import Page, Rows, fetch

METADATA: Final = MetaData()
PROPOSALS: Final = Table(
    "budget_proposal",
    METADATA,
    columns.name("department", primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    columns.number("total"),
    columns.number("daily"),
    # Name of the registrar officer who proposed; another one approves.
    columns.name("proposed_by"),
)
BUDGETS: Final = Table(
    "budget",
    METADATA,
    columns.name("department", primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    columns.number("total"),
    columns.number("daily"),
    columns.number("used"),
    # The day on which the daily allowance was last drawn on, and by how much.
    columns.day("day"),
    columns.number("used_that_day"),
)
BATCHES: Final = Table(
    "enrolment_batch",
    METADATA,
    columns.name("department", primary_key=True),
    Column("batch", LargeBinary(16), primary_key=True),
    # Digest of the blinded elements: the same batch is answered again and counted once.
    columns.tag("request"),
)


@dataclass(frozen=True)
class Proposal:
    """A budget that one officer proposed."""

    department: str
    epoch: int
    total: int
    daily: int
    proposed_by: str


@dataclass(frozen=True)
class Budget:
    """An approved budget and what is used of it."""

    department: str
    epoch: int
    total: int
    daily: int
    used: int
    day: str
    used_that_day: int

    def left(self, today: str) -> int:
        """Evaluations left today: of the total, and of the day's allowance."""
        drawn = self.used_that_day if self.day == today else 0
        return max(0, self.total - self.used) + max(0, self.daily - drawn)


def propose(conn: Connection, proposal: Proposal) -> None:
    """Store a proposal in place of an earlier one."""
    withdraw_proposal(conn, proposal.department, proposal.epoch)
    conn.execute(insert(PROPOSALS), vars(proposal))


def withdraw_proposal(conn: Connection, department: str, epoch: int) -> None:
    """Forget a proposal, because it was approved or replaced."""
    conn.execute(
        delete(PROPOSALS).where(PROPOSALS.c.department == department, PROPOSALS.c.epoch == epoch)
    )


def proposal(conn: Connection, department: str, epoch: int) -> Proposal | None:
    """The open proposal, or None."""
    query = select(PROPOSALS).where(
        PROPOSALS.c.department == department, PROPOSALS.c.epoch == epoch
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else Proposal(**row._mapping)


def approve(conn: Connection, proposal: Proposal) -> None:
    """Put a budget into force; what was used of an earlier one stays used."""
    if budget(conn, proposal.department, proposal.epoch) is None:
        row = Budget(proposal.department, proposal.epoch, proposal.total, proposal.daily, 0, "", 0)
        conn.execute(insert(BUDGETS), vars(row))
        return
    values = {"total": proposal.total, "daily": proposal.daily}
    conn.execute(_update(proposal.department, proposal.epoch).values(**values))


def budget(conn: Connection, department: str, epoch: int) -> Budget | None:
    """The budget in force, or None."""
    query = select(BUDGETS).where(BUDGETS.c.department == department, BUDGETS.c.epoch == epoch)
    row = conn.execute(query).one_or_none()
    return None if row is None else Budget(**row._mapping)


def spend(conn: Connection, before: Budget, count: int, today: str) -> Budget:
    """Draw ``count`` evaluations, the total first, then today's allowance; the caller checked."""
    from_total = min(count, max(0, before.total - before.used))
    drawn = before.used_that_day if before.day == today else 0
    after = Budget(
        department=before.department,
        epoch=before.epoch,
        total=before.total,
        daily=before.daily,
        used=before.used + from_total,
        day=today,
        used_that_day=drawn + count - from_total,
    )
    values = {"used": after.used, "day": after.day, "used_that_day": after.used_that_day}
    conn.execute(_update(before.department, before.epoch).values(**values))
    return after


def page(conn: Connection, wanted: Page, *, department: str, state: str) -> tuple[Rows, str]:
    """A page of budgets in force and of open proposals; what the next one comes after.

    By department and epoch; empty ``department`` or ``state`` (proposed, approved) for all.
    """
    terms = ("department", "epoch", "total", "daily")
    approved = select(
        *(BUDGETS.c[name] for name in terms), BUDGETS.c.used, literal("approved").label("state")
    )
    proposed = select(
        *(PROPOSALS.c[name] for name in terms),
        literal(0).label("used"),
        literal("proposed").label("state"),
    )
    both = union_all(approved, proposed).subquery()
    where = {"department": department, "state": state}
    query = select(both).where(*(both.c[name] == value for name, value in where.items() if value))
    return fetch(conn, query, (both.c.department, both.c.epoch, both.c.state), wanted)


def batch(conn: Connection, department: str, batch_id: bytes) -> bytes | None:
    """The request digest under which this batch was counted, or None."""
    query = select(BATCHES.c.request).where(
        BATCHES.c.department == department, BATCHES.c.batch == batch_id
    )
    found: bytes | None = conn.scalar(query)
    return None if found is None else bytes(found)


def add_batch(conn: Connection, department: str, batch_id: bytes, request: bytes) -> None:
    """Remember a batch as counted."""
    row = {"department": department, "batch": batch_id, "request": request}
    conn.execute(insert(BATCHES), row)


def _update(department: str, epoch: int) -> Update:
    return update(BUDGETS).where(BUDGETS.c.department == department, BUDGETS.c.epoch == epoch)
