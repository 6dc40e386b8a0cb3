"""Version 3, the last one before there were migrations, is taken over as it is.

Alembic makes its own table, in which this revision stands from now on.
"""

revision = "v4"
down_revision = None


def upgrade() -> None:
    """Nothing changes in the tables."""
