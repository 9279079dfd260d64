"""The tables. Times are integer milliseconds UTC; texts are cleaned before they come here.

| table | one row is | key |
|---|---|---|
| `sessions` | one run on track | circuit, session |
| `laps` | one timed lap, with the frames and the rule that decided it | circuit, session, competitor, number |
| `timing_data` | one competitor's row as displayed, each time it changed | id, growing |
| `connection_logs` | one event of a circuit's connection | id, growing |
| `circuits` | one circuit and how to reach its feed | id |
| `api_keys` | one operator's key, hashed | id; hash |
| `circuit_analysis` | the last analysis of a circuit's feed | circuit |
| `circuit_parsers` | how a circuit's feed is read: found out, or declared by a person | circuit |
| `lap_decisions` | one decision of a person about a lap: excluded or restored, why | id, growing |
| `shared_documents` | our copy of one document of Firestore | project, id |
| `detected_mappings` | the last mapping detected of a circuit of Firestore's, pending or not | project, circuit |

A timing row's position in the stream (circuit, epoch, seq, competitor) is unique too: writing it again changes nothing.
What is here must be what `migrations` makes, which a test holds.
"""

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

VERSION_TABLE: Final = "karttime_version"

metadata: Final = MetaData()

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER key

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
    Column("epoch", String(32)),  # null in rows of before there were epochs
    Index("timing_data_by_time", "circuit_id", "at", "id"),
    Index("timing_data_by_session", "circuit_id", "session_id", "at", "id"),
    Index("timing_data_by_position", "circuit_id", "epoch", "seq", "competitor_id", unique=True),
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

circuits = Table(
    "circuits",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("feed", String(32), nullable=False),
    Column("live_timing_url", Text, nullable=False),
    Column("column_labels", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", String(256), nullable=False),
    Column("scope", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("api_keys_by_hash", "hash", unique=True),
)

circuit_analysis = Table(
    "circuit_analysis",
    metadata,
    Column("circuit_id", String(128), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("result", JSON, nullable=False),
)

circuit_parsers = Table(
    "circuit_parsers",
    metadata,
    Column("circuit_id", String(128), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("feed", String(32), nullable=False),
    Column("spec", JSON(none_as_null=True)),
    Column("origin", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
)

lap_decisions = Table(
    "lap_decisions",
    metadata,
    Column("id", _BIG_ID, primary_key=True, autoincrement=True),
    Column("circuit_id", String(128), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("competitor_id", String(128), nullable=False),
    Column("number", Integer, nullable=False),
    Column("excluded", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("lap_decisions_by_session", "circuit_id", "session_id", "id"),
)

shared_documents = Table(
    "shared_documents",
    metadata,
    Column("project", String(64), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("fields", JSON, nullable=False),
)

detected_mappings = Table(
    "detected_mappings",
    metadata,
    Column("project", String(64), primary_key=True),
    Column("circuit_id", String(128), primary_key=True),
    Column("labels", JSON, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("pending", Boolean, nullable=False),
    Column("written", JSON(none_as_null=True)),
)
