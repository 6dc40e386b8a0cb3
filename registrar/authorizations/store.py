"""Authorizations in SQL. In clear: number, state, dates, counts. Everything else is sealed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from runtime.storage import columns
from runtime.storage.paging import Condition, Page, between, fetch

METADATA: Final = MetaData()
AUTHORIZATIONS: Final = Table(
    "authorization",
    METADATA,
    Column("number", String(40), primary_key=True),
    # SHA-256 of what the clerk signed.
    columns.digest("digest"),
    # draft | in-force | revoked | ended | erased
    columns.word("state"),
    Column("members", Integer, nullable=False),
    columns.day("valid_from"),
    columns.day("valid_to"),
    # The data key, wrapped; destroying it erases the letter and every reveal sealed under it.
    # Empty once erased, as are letter, confirmation and digest.
    columns.blob("data_key"),
    columns.blob("letter"),
    # The checker's signed confirmation; empty while a draft.
    columns.blob("confirmation"),
    # Ledger entry of the last change of state.
    columns.number("entry"),
    columns.moment("changed_at"),
)
# One row per member and programme while in force. A tag is a keyed hash: without the registrar's
# key nobody can tell whose it is, and tags of one person under two programmes are unrelated.
LIVE_TAGS: Final = Table(
    "live_tag",
    METADATA,
    columns.tag("tag", primary_key=True),
    Column("number", String(40), primary_key=True, index=True),
)
PROTECTED_TAGS: Final = Table(
    "protected_tag",
    METADATA,
    columns.tag("tag", primary_key=True),
)
# Who wanted an erasure, and why: what clerk and checker signed, sealed under the process's key.
ERASURES: Final = Table(
    "erasure",
    METADATA,
    Column("number", String(40), primary_key=True),
    Column("reason", String(32), nullable=False),
    columns.name("clerk"),
    columns.blob("asked"),
    # The checker's; empty until it is carried out.
    columns.blob("done"),
)


@dataclass(frozen=True)
class ErasureRow:
    """One row of ``erasure``."""

    number: str
    reason: str
    clerk: str
    asked: bytes
    done: bytes = b""


@dataclass(frozen=True)
class AuthorizationRow:
    """One row of ``authorization``."""

    number: str
    digest: str
    state: str
    members: int
    valid_from: str
    valid_to: str
    data_key: bytes
    letter: bytes
    confirmation: bytes
    entry: int
    changed_at: str


def add(conn: Connection, row: AuthorizationRow) -> None:
    """Store a new letter."""
    conn.execute(insert(AUTHORIZATIONS), vars(row))


def get(conn: Connection, number: str) -> AuthorizationRow | None:
    """The letter of this number, or None."""
    row = conn.execute(
        select(AUTHORIZATIONS).where(AUTHORIZATIONS.c.number == number)
    ).one_or_none()
    return None if row is None else AuthorizationRow(**row._mapping)


def page(conn: Connection, wanted: Page, *where: Condition) -> tuple[list[AuthorizationRow], str]:
    """A page of letters by number, and what the next one comes after."""
    query = select(AUTHORIZATIONS).where(*where)
    rows, after = fetch(conn, query, (AUTHORIZATIONS.c.number,), wanted)
    return [AuthorizationRow(**row._mapping) for row in rows], after


def listed(request: Any, today: date) -> list[Condition]:
    """Conditions for the filters of a list. Raises Refusal(malformed)."""
    table, state = AUTHORIZATIONS.c, request.state
    where = between(table.changed_at, request)
    if state in ("in-force", "expired"):
        # Kept as in force; what makes it expired is the day on which one looks.
        over = table.valid_to < today.isoformat()
        where += [table.state == "in-force", over if state == "expired" else ~over]
    elif state:
        where.append(table.state == state)
    return where


def confirm(conn: Connection, number: str, confirmation: bytes, entry: int, at: str) -> None:
    """Put a letter into force."""
    values = {"state": "in-force", "confirmation": confirmation, "entry": entry, "changed_at": at}
    conn.execute(update(AUTHORIZATIONS).where(AUTHORIZATIONS.c.number == number).values(**values))


def finish(conn: Connection, number: str, state: str, entry: int, at: str) -> None:
    """Take a letter out of force: revoked or ended; its members are free for another."""
    values = {"state": state, "entry": entry, "changed_at": at}
    conn.execute(update(AUTHORIZATIONS).where(AUTHORIZATIONS.c.number == number).values(**values))
    conn.execute(delete(LIVE_TAGS).where(LIVE_TAGS.c.number == number))


def run_out(conn: Connection, today: str, limit: int) -> list[AuthorizationRow]:
    """Letters in force whose last day lies before ``today`` and that nobody noted as expired."""
    query = select(AUTHORIZATIONS).where(
        AUTHORIZATIONS.c.state == "in-force",
        AUTHORIZATIONS.c.valid_to < today,
        # Changed last while it held: by its confirmation, which no expired letter gets.
        func.substr(AUTHORIZATIONS.c.changed_at, 1, 10) <= AUTHORIZATIONS.c.valid_to,
    )
    rows = conn.execute(query.order_by(AUTHORIZATIONS.c.valid_to).limit(limit))
    return [AuthorizationRow(**row._mapping) for row in rows]


def note_expiry(conn: Connection, number: str, entry: int, at: str) -> None:
    """Remember the entry that says that a letter's time is over."""
    values = {"entry": entry, "changed_at": at}
    conn.execute(update(AUTHORIZATIONS).where(AUTHORIZATIONS.c.number == number).values(**values))


def add_tags(conn: Connection, number: str, tags: Iterable[bytes]) -> None:
    """Remember that these persons stand in this letter, each under its programmes."""
    conn.execute(insert(LIVE_TAGS), [{"tag": tag, "number": number} for tag in tags])


def conflicts(conn: Connection, number: str, tags: Sequence[bytes], today: str) -> bool:
    """Whether any of the tags stands in another letter in force that has not expired."""
    query = (
        select(LIVE_TAGS.c.number)
        .join(AUTHORIZATIONS, AUTHORIZATIONS.c.number == LIVE_TAGS.c.number)
        .where(
            LIVE_TAGS.c.tag.in_(tags),
            LIVE_TAGS.c.number != number,
            AUTHORIZATIONS.c.valid_to >= today,
        )
    )
    return conn.execute(query.limit(1)).first() is not None


def protect(conn: Connection, tag: bytes) -> None:
    """Put a person under special protection."""
    if not is_protected(conn, [tag]):
        conn.execute(insert(PROTECTED_TAGS), {"tag": tag})


def is_protected(conn: Connection, tags: Sequence[bytes]) -> bool:
    """Whether any of the tags is of a person under special protection."""
    query = select(PROTECTED_TAGS.c.tag).where(PROTECTED_TAGS.c.tag.in_(tags))
    return conn.execute(query.limit(1)).first() is not None


def ask_erasure(conn: Connection, row: ErasureRow) -> None:
    """Remember who asked for an erasure; a later asking takes an earlier one's place."""
    conn.execute(delete(ERASURES).where(ERASURES.c.number == row.number))
    conn.execute(insert(ERASURES), vars(row))


def erasure(conn: Connection, number: str) -> ErasureRow | None:
    """The erasure that was asked for, or carried out, of this letter; or None."""
    row = conn.execute(select(ERASURES).where(ERASURES.c.number == number)).one_or_none()
    return None if row is None else ErasureRow(**row._mapping)


def erase(conn: Connection, number: str, done: bytes, entry: int, at: str) -> None:
    """Destroy a letter, its key and its persons' tags; number, dates and size stay."""
    here = AUTHORIZATIONS.c.number == number
    emptied = {"data_key": b"", "letter": b"", "confirmation": b"", "digest": ""}
    values = {"state": "erased", "entry": entry, "changed_at": at, **emptied}
    conn.execute(update(AUTHORIZATIONS).where(here).values(**values))
    conn.execute(delete(LIVE_TAGS).where(LIVE_TAGS.c.number == number))
    conn.execute(update(ERASURES).where(ERASURES.c.number == number).values(done=done))
