"""Manifests name who asked, and a grant that was closed is remembered for each requester.

Manifests of before were asked for by the only coordinator that there was, and name nobody.
"""

from runtime.storage.migrate import add_column, op, sa

revision = "v5"
down_revision = "v4"


def upgrade() -> None:
    """Add manifest.requester and closed_grant."""
    add_column("manifest", sa.Column("requester", sa.String(64), nullable=False), fill="")
    op.create_table(
        "closed_grant",
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("requester", sa.String(64), primary_key=True),
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
    )
