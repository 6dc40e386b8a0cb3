"""Whose database it is: a new process takes an empty one, and an old one its own.

Trusts: the first entry of the ledger in it, which says whose ledger began there.
"""

from sqlalchemy import Connection

from ledger import event
from ledger import log as entries_log
from runtime.storage.database import Database
from runtime.storage.faults import DatabaseForeign


def check_fresh(database: Database) -> None:
    """Raise DatabaseForeign where a ledger has begun; tables without one an init left behind."""
    with database.read() as conn:
        size = entries_log.size(conn)
    if size:
        raise DatabaseForeign(
            f"database {database} is not empty: it holds a ledger of {size} entries, and a new "
            "process begins a new one; name an empty database"
        )


def check_owner(conn: Connection, origin: str, where: object) -> None:
    """Raise DatabaseForeign unless the log in it began as ours: a copy of another's would serve."""
    first = next(iter(entries_log.entries(conn, 0, 1)), None)
    began = None if first is None else event.decode(first).fields.get("origin")
    if began not in (None, origin):
        raise DatabaseForeign(
            f"database {where} holds the ledger of {began}, not of {origin}; "
            "put this process's own database back, or restore its backup"
        )
