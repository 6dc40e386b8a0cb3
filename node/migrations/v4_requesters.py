"""A holder's participation names who relayed; revocation lists are counted for each coordinator.

A participation of before was the only coordinator's, and names nobody. The number of the newest
revocation list of before is forgotten, for it does not say whose it was: until the first list
after the upgrade, a list is refused only for its age.
"""

from runtime.storage.migrate import add_column, op, sa

revision = "v4"
down_revision = "v3"


def upgrade() -> None:
    """Add holder_opening.requester; make revocations_seen anew."""
    add_column("holder_opening", sa.Column("requester", sa.String(64), nullable=False), fill="")
    op.drop_table("revocations_seen")
    op.create_table(
        "revocations_seen",
        sa.Column("requester", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
