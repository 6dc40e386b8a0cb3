"""Tables of a node's own records: persons, resources, rows.

Source: design.md 2.4.15.
Learns: whoever reads the database reads the department's records in clear; it is the
department's own. Functions take a connection; writing ones run inside the process's writer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
)

from node.records.reading import Record
from runtime.storage import columns

METADATA: Final = MetaData()

PERSONS: Final = Table(
    "person",
    METADATA,
    # AUTOINCREMENT: a number that was given back is never given out again.
    columns.number("local_key", primary_key=True, autoincrement=True),
    Column("identifier", String(80), nullable=False, unique=True),
    # RFC 3339, UTC: since when the node holds the person.
    columns.moment("added_at"),
    # Newest epoch in which the person has a pseudonym; 0 for none.
    Column("indexed_epoch", Integer, nullable=False, default=0),
    Index("person_pending", "indexed_epoch", "added_at"),
    sqlite_autoincrement=True,
)
RESOURCES: Final = Table(
    "resource",
    METADATA,
    columns.name("resource", primary_key=True),
    Column("title", String(400), nullable=False),
    Column("title_zh", String(400), nullable=False),
    # Base unit of the amounts: fen, 0.01m2 or 1.
    columns.word("unit"),
    Column("has_amount", Boolean, nullable=False),
    Column("has_period", Boolean, nullable=False),
    columns.day("data_date"),
    columns.moment("imported_at"),
    Column("row_count", BigInteger, nullable=False),
    columns.blob("mapping"),
)
ROWS: Final = Table(
    "record_row",
    METADATA,
    columns.number("id", primary_key=True, autoincrement=True),
    columns.name("resource"),
    columns.number("local_key"),
    Column("row_key", String(128)),
    # Last month of the period, YYYY-MM.
    Column("period", String(7)),
    # In the resource's unit; NULL is unreadable where the resource has amounts.
    Column("amount", BigInteger),
    Column("readable", Boolean, nullable=False),
    Index("record_row_of", "local_key", "resource"),
    Index("record_row_resource", "resource"),
)
# The rows of an import on their way in, written in small steps; empty at all other times.
STAGED: Final = Table(
    "staged_row",
    METADATA,
    columns.number("id", primary_key=True, autoincrement=True),
    Column("identifier", String(80), nullable=False),
    Column("row_key", String(128)),
    Column("period", String(7)),
    Column("amount", BigInteger),
)


@dataclass(frozen=True)
class Resource:
    """What the node knows about one imported resource."""

    resource: str
    title: str
    title_zh: str
    unit: str
    has_amount: bool
    has_period: bool
    data_date: str
    imported_at: str
    row_count: int
    mapping: bytes


@dataclass(frozen=True)
class Row:
    """One row as it is read for an answer; nothing in it has been checked."""

    id: int
    row_key: Any
    period: Any
    amount: Any
    readable: Any


def stage(conn: Connection, records: Sequence[Record]) -> None:
    """Write some rows of an import to where nobody reads them."""
    rows = [
        {
            "identifier": record.person,
            "row_key": record.row_key,
            "period": record.period,
            "amount": record.amount,
        }
        for record in records
    ]
    conn.execute(insert(STAGED), rows)


def clear_staged(conn: Connection) -> None:
    """Forget rows of an import that did not come to its end."""
    conn.execute(delete(STAGED))


def replace_resource(conn: Connection, resource: Resource) -> None:
    """Put the staged rows in place of those that a resource had, and drop who has none left.

    New persons wait for their pseudonym from now on.
    """
    _add_persons(conn, now=resource.imported_at)
    conn.execute(delete(ROWS).where(ROWS.c.resource == resource.resource))
    columns = (STAGED.c.row_key, STAGED.c.period, STAGED.c.amount)
    rows = select(literal(resource.resource), PERSONS.c.local_key, *columns, true()).join(
        PERSONS, PERSONS.c.identifier == STAGED.c.identifier
    )
    into = ["resource", "local_key", "row_key", "period", "amount", "readable"]
    conn.execute(insert(ROWS).from_select(into, rows.order_by(STAGED.c.id)))
    conn.execute(delete(RESOURCES).where(RESOURCES.c.resource == resource.resource))
    conn.execute(insert(RESOURCES), vars(resource))
    clear_staged(conn)
    remove_orphans(conn)


def _add_persons(conn: Connection, *, now: str) -> None:
    known = exists().where(PERSONS.c.identifier == STAGED.c.identifier)
    new = select(STAGED.c.identifier, literal(now), literal(0)).where(~known).distinct()
    into = ["identifier", "added_at", "indexed_epoch"]
    conn.execute(insert(PERSONS).from_select(into, new))


def remove_orphans(conn: Connection) -> None:
    """Remove persons without any row; node.index.store then forgets their pseudonyms."""
    held = exists().where(ROWS.c.local_key == PERSONS.c.local_key)
    conn.execute(delete(PERSONS).where(~held))


def resources(conn: Connection) -> dict[str, Resource]:
    """Every imported resource, by code, sorted."""
    rows = conn.execute(select(RESOURCES).order_by(RESOURCES.c.resource)).mappings()
    return {row["resource"]: Resource(**row) for row in rows}


def rows_of(conn: Connection, local_key: int, resource: str) -> list[Row]:
    """The rows of one person in one resource."""
    wanted = select(ROWS.c.id, ROWS.c.row_key, ROWS.c.period, ROWS.c.amount, ROWS.c.readable).where(
        ROWS.c.local_key == local_key, ROWS.c.resource == resource
    )
    return [Row(*row) for row in conn.execute(wanted.order_by(ROWS.c.id))]


def count_persons(conn: Connection) -> int:
    """Persons whom the node holds."""
    return conn.scalar(select(func.count()).select_from(PERSONS)) or 0


def count_persons_of(conn: Connection, resource: str) -> int:
    """Persons with a row in this resource."""
    persons = select(func.count(ROWS.c.local_key.distinct())).where(ROWS.c.resource == resource)
    return conn.scalar(persons) or 0
