"""The tables. Times are integer milliseconds UTC; texts are cleaned before they come here.

| table | one row is | key |
|---|---|---|
| `schema_info` | the version of this schema | |
| `sessions` | one run on track | circuit, session |
| `laps` | one timed lap, with the frames and the rule that decided it | circuit, session, competitor, number |
| `timing_data` | one competitor's row as displayed, each time it changed | id, growing |
| `connection_logs` | one event of a circuit's connection | id, growing |
"""

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Table, Text

SCHEMA_VERSION: Final = 1

metadata: Final = MetaData()

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER key

schema_info = Table("schema_info", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

sessions = Table(
    "sessions",
    metadata,
    Column("circuit_id", String(128), primary_key=True),
    Column("session_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("event", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("track", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("sessions_by_start", "circuit_id", "started_at"),
)

laps = Table(
    "laps",
    metadata,
    Column("circuit_id", String(128), primary_key=True),
    Column("session_id", String(64), primary_key=True),
    Column("competitor_id", String(128), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("kart", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("driver", Text, nullable=False),
    Column("sectors", JSON, nullable=False),
    Column("flags", JSON, nullable=False),
    Column("provenance", JSON, nullable=False),
    Index("laps_by_time", "circuit_id", "at"),
)

timing_data = Table(
    "timing_data",
    metadata,
    Column("id", _BIG_ID, primary_key=True, autoincrement=True),
    Column("circuit_id", String(128), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("competitor_id", String(128), nullable=False),
    Column("mapped", JSON, nullable=False),
    Column("raw", JSON, nullable=False),
    Column("source_url", Text, nullable=False),
    Column("source_format", String(32), nullable=False),
    Index("timing_data_by_time", "circuit_id", "at", "id"),
    Index("timing_data_by_session", "circuit_id", "session_id", "at", "id"),
)

connection_logs = Table(
    "connection_logs",
    metadata,
    Column("id", _BIG_ID, primary_key=True, autoincrement=True),
    Column("circuit_id", String(128), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Index("connection_logs_by_time", "circuit_id", "at", "id"),
)
