"""Circuits that are shared through Firestore: our copy of its documents, and mappings that are to be written there."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "shared_documents",
        sa.Column("project", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
    )
    op.create_table(
        "detected_mappings",
        sa.Column("project", sa.String(64), primary_key=True),
        sa.Column("circuit_id", sa.String(128), primary_key=True),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("written", sa.JSON),
    )
