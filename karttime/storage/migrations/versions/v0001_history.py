"""What ran: sessions, laps, timing rows, connection events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _sessions()
    _laps()
    _timing_data()
    _connection_logs()


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("circuit_id", sa.String(128), primary_key=True),
        sa.Column("session_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("track", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
    )
    op.create_index("sessions_by_start", "sessions", ["circuit_id", "started_at"])


def _laps() -> None:
    op.create_table(
        "laps",
        sa.Column("circuit_id", sa.String(128), primary_key=True),
        sa.Column("session_id", sa.String(64), primary_key=True),
        sa.Column("competitor_id", sa.String(128), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("kart", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("driver", sa.Text, nullable=False),
        sa.Column("sectors", sa.JSON, nullable=False),
        sa.Column("flags", sa.JSON, nullable=False),
        sa.Column("provenance", sa.JSON, nullable=False),
    )
    op.create_index("laps_by_time", "laps", ["circuit_id", "at"])


def _timing_data() -> None:
    op.create_table(
        "timing_data",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("circuit_id", sa.String(128), nullable=False),
        sa.Column("session_id", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("competitor_id", sa.String(128), nullable=False),
        sa.Column("mapped", sa.JSON, nullable=False),
        sa.Column("raw", sa.JSON, nullable=False),
        sa.Column("source_url", sa.Text, nullable=False),
        sa.Column("source_format", sa.String(32), nullable=False),
    )
    op.create_index("timing_data_by_time", "timing_data", ["circuit_id", "at", "id"])
    op.create_index("timing_data_by_session", "timing_data", ["circuit_id", "session_id", "at", "id"])


def _connection_logs() -> None:
    op.create_table(
        "connection_logs",
        sa.Column("id", _BIG_ID, primary_key=True, autoincrement=True),
        sa.Column("circuit_id", sa.String(128), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("connection_logs_by_time", "connection_logs", ["circuit_id", "at", "id"])
