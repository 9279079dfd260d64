"""Circuits, API keys, analyses; and timing rows know their position in the stream, which makes writing them idempotent.

Rows of before have no epoch, and nothing is known about their repetition: null keeps them all.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "circuits",
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("feed", sa.String(32), nullable=False),
        sa.Column("live_timing_url", sa.Text, nullable=False),
        sa.Column("column_labels", sa.JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.String(256), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("api_keys_by_hash", "api_keys", ["hash"], unique=True)
    op.create_table(
        "circuit_analysis",
        sa.Column("circuit_id", sa.String(128), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )
    op.add_column("timing_data", sa.Column("epoch", sa.String(32)))
    op.create_index(
        "timing_data_by_position", "timing_data", ["circuit_id", "epoch", "seq", "competitor_id"], unique=True
    )
    if sa.inspect(op.get_bind()).has_table("schema_info"):  # how the first version was known before Alembic
        op.drop_table("schema_info")
