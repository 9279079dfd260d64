"""The shapes of what the live stream sends and takes: the published formats, and what all formats have in common.

Nothing is checked against these while the service runs; the reference page and `/asyncapi.json` are made of them, and
tests hold real messages against them. `karttime.v1` has its own in `v1_messages`.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from karttime.engine.status import CollectorState

Moment = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
        description="ISO 8601 UTC with milliseconds and `Z`.",
        examples=["2026-05-30T09:01:06.131Z"],
    ),
]
Label = Annotated[str, Field(min_length=1)]
COLUMN_KEY: Final = r"^C[1-9]\d*$"
_AT: Final = "2026-05-30T09:01:06.131Z"


def shape(*examples: dict[str, Any]) -> ConfigDict:
    """A message's configuration: exactly these keys, with examples for the reference."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": list(examples)})


class RawData(BaseModel):
    """What the feed sent for this change: its row, and by cell the style class and the text, as they came."""

    model_config = shape({"row": "r24089", "cells": {"c4": ["ti", "1:06.131"]}})
    row: str
    cells: dict[Annotated[str, Field(pattern=r"^c[1-9]\d*$")], Annotated[list[str], Field(min_length=2, max_length=2)]]


class TimingRow(BaseModel):
    """One competitor's whole row as displayed, and what the feed sent for it."""

    model_config = shape(
        {
            "mapped_data": {"C1": "1", "C2": "27", "C3": "LIONS", "C4": "1:06.131"},
            "raw_data": {"row": "r24089", "cells": {"c4": ["ti", "1:06.131"]}},
            "timestamp": _AT,
        }
    )
    mapped_data: dict[Annotated[str, Field(pattern=COLUMN_KEY)], str]
    raw_data: RawData
    timestamp: Moment


class TimingDataMessage(BaseModel):
    """One competitor that changed; right after connecting, one for everybody on the board."""

    model_config = shape(
        {
            "type": "timing_data",
            "circuit_id": "hill-kart",
            "data": {
                "mapped_data": {"C1": "1", "C2": "27", "C3": "LIONS", "C4": "1:06.131"},
                "raw_data": {"row": "r24089", "cells": {"c4": ["ti", "1:06.131"]}},
                "timestamp": _AT,
            },
        }
    )
    type: Literal["timing_data"]
    circuit_id: str
    data: TimingRow


class KartingDataMessage(BaseModel):
    """Whole rows by column name, of everybody right after connecting, then of those that changed.

    Rows are merged by their id: what is not in a later message stays. `-` says that a cell was cleared. `Dernier T.`
    and `Meilleur T.` are a time as `M:SS.mmm`, or not there.
    """

    model_config = shape(
        {
            "type": "karting_data",
            "circuit_id": "hill-kart",
            "drivers": {"24089": {"Classement": "1", "Kart": "27", "Equipe": "LIONS", "Dernier T.": "1:06.131"}},
            "column_order": ["Classement", "Kart", "Equipe", "Pilote", "Dernier T.", "Meilleur T.", "Ecart"],
            "message_count": 412,
            "timestamp": _AT,
        }
    )
    type: Literal["karting_data"]
    circuit_id: str
    drivers: dict[Annotated[str, Field(min_length=1)], dict[Label, str]]
    column_order: list[Label]
    message_count: Annotated[int, Field(ge=1)]
    timestamp: Moment


class StatusUpdateMessage(BaseModel):
    """The way to the timing system, right after connecting and whenever it changes; its loss never ends a connection.

    `data_age_ms` is null before the first timing data; `reason` is a sentence for a person, empty when all is well.
    """

    model_config = shape(
        {
            "type": "status_update",
            "circuit_id": "hill-kart",
            "timing_connected": True,
            "state": "live",
            "data_age_ms": 180,
            "reason": "",
            "timestamp": _AT,
        }
    )
    type: Literal["status_update"]
    circuit_id: str
    timing_connected: bool
    state: CollectorState
    data_age_ms: Annotated[int, Field(ge=0)] | None
    reason: str
    timestamp: Moment


class PongMessage(BaseModel):
    """The answer to a `ping` message."""

    model_config = shape({"type": "pong", "timestamp": _AT})
    type: Literal["pong"]
    timestamp: Moment


class ErrorMessage(BaseModel):
    """Something is wrong with what the client sent, or with its token; the stream goes on.

    `not-understood`: a message that is none; sent at a bounded rate. `token-expired`: the token is no good any more,
    and the connection ends within ten seconds unless an `auth` message brings a new one. `token-refused`: the new one
    is no good, and the one before counts.
    """

    model_config = shape(
        {
            "type": "error",
            "code": "not-understood",
            "detail": 'only {"type":"ping"} is understood here, as a text message',
            "timestamp": _AT,
        }
    )
    type: Literal["error"]
    code: Literal["not-understood", "token-expired", "token-refused"]
    detail: str
    timestamp: Moment


class PingMessage(BaseModel):
    """Asks for a `pong`. Needed by nobody: protocol pings keep the connection open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "ping"}]})
    type: Literal["ping"]


class AuthMessage(BaseModel):
    """The token, where AUTH_POLICY wants one and neither header nor address brought it: within ten seconds.

    An API key, or the ID token of somebody who is signed in to the app. Sent again at any time it renews an ID token,
    which expires after an hour: no update is missed.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "auth", "token": "kt_…"}]})
    type: Literal["auth"]
    token: Annotated[str, Field(min_length=1)]
