"""Version 2, the last one before there were migrations, is taken over as it is.

Alembic makes its own table, in which this revision stands from now on.
"""

revision = "v3"
down_revision = None


def upgrade() -> None:
    """Nothing changes in the tables."""
