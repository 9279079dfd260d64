"""How the feed of a circuit is read: found out, or declared by a person."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "circuit_parsers",
        sa.Column("circuit_id", sa.String(128), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("feed", sa.String(32), nullable=False),
        sa.Column("spec", sa.JSON),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )
