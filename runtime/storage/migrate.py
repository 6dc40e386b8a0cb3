"""Running a kind's migrations with Alembic, and what a migration is written with.

Everything happens on the connection that is handed in, inside its caller's transaction: both
SQLite and PostgreSQL take back a change of tables as they take back a row. Alembic's own log goes
to ``logging`` and nowhere else: nothing here configures it. Migrations take ``op`` and ``sa``,
Alembic's operations and SQLAlchemy, from here: these two stay in this package.
CONTRIBUTING.md, "How to add a column".
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from runtime.storage.faults import DatabaseUnusable
from runtime.storage.revisions import Revisions

__all__ = ["add_column", "migrate", "op", "sa"]

_HEAD: Final = "head"


def migrate(connection: sa.Connection, revisions: Revisions) -> None:
    """Run every migration that this database has not seen; the caller begins and commits.

    Raises DatabaseUnusable where the files do not make one chain.
    """
    folder = str(revisions.folder)
    scripts = ScriptDirectory(folder, version_locations=[folder])

    def steps(seen: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(_HEAD, seen)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=_HEAD) as environment:
        environment.configure(connection=connection)
        try:
            environment.run_migrations()
        except CommandError as error:
            raise DatabaseUnusable(f"its migrations make no chain: {error}") from error


def add_column(table: str, column: "sa.Column[Any]", *, fill: Any = None) -> None:
    """In a migration: add a column, with ``fill`` in every row that is there already.

    The table ends as if it had been made so: no default stays behind. SQLite writes the table
    anew for a column that may not be empty, which takes the room and time of a copy of it.
    """
    op.add_column(table, sa.Column(column.name, column.type, nullable=True))
    if fill is not None:
        at = sa.table(table, sa.column(column.name, column.type))
        op.execute(at.update().values({column.name: fill}))
    if not column.nullable:
        with op.batch_alter_table(table) as changed:
            changed.alter_column(column.name, existing_type=column.type, nullable=False)
