"""The shapes of the `karttime.v1` stream, for its reference; `v1` makes the messages and says what they mean."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from karttime.api.messages import Label, Moment, shape
from karttime.domain.columns import SECTORS, Role
from karttime.domain.flags import Flag
from karttime.domain.updates import ClockMode, LapFlag, SessionKind, Status

_AT: Final = "2026-05-30T09:01:06.131Z"
Ms = Annotated[int, Field(description="Whole milliseconds.")]
Count = Annotated[int, Field(ge=0)]


class LapsBehind(BaseModel):
    """A gap of whole laps."""

    model_config = shape({"laps": 2})
    laps: int


class LeadersLap(BaseModel):
    """On the leader's own row: how many laps it has done."""

    model_config = shape({"lap": 16})
    lap: int


_SESSION: Final[Mapping[str, tuple[Any, str]]] = {
    "id": (str, "Which; a new one begins with a snapshot."),
    "kind": (SessionKind, "What is being run."),
    "event": (str, "The meeting."),
    "title": (str, "The run's name."),
    "track": (str, "The track's name."),
    "started_at": (Moment, "When it began."),
    "ended_at": (Moment, "When it ended; not there while it runs."),
    "flag": (Flag, "Track status."),
    "flag_text": (str, "The feed's own word, where the status is unknown."),
    "clock_at": (Moment, "When the clock was read."),
    "clock_mode": (ClockMode, "How the session clock runs."),
    "clock_ms": (Ms, "What the clock showed then."),
    "clock_text": (str, "The clock as displayed, where it is a text."),
    "message": (str, "The ticker."),
    "message_level": (str, "How important it is: `info`, `warning` or `penalty`."),
}

_COMPETITOR: Final[Mapping[str, tuple[Any, str]]] = {
    "position": (Count, "Place in the classification."),
    "team": (str, "The crew."),
    "driver": (str, "Who drives now."),
    "status": (Status, "What it does."),
    "in_pit": (bool, "Whether it is in the pit lane."),
    "laps_timed": (Count, "Timed laps that were seen."),
    "last_timed_ms": (Ms, "The last of them."),
    "best_timed_ms": (Ms, "The best of them."),
    "stops_seen": (Count, "Stops that were seen."),
    "last_line_at": (Moment, "When it passed the line last."),
    "number": (str, "The kart."),
    "nationality": (str, "As displayed."),
    "class": (str, "As displayed."),
    "last_lap_ms": (Ms, "The last lap, as displayed."),
    "best_lap_ms": (Ms, "The best lap, as displayed."),
    "gap": (Ms | LapsBehind | LeadersLap, "To the leader: milliseconds, or laps."),
    "interval": (Ms | LapsBehind | LeadersLap, "To the one ahead: milliseconds, or laps."),
    "laps": (Count, "Laps, as displayed."),
    "on_track_ms": (Ms, "Since the last stop."),
    "pit_time_ms": (Ms, "Of the last stop."),
    "pit_stops": (Count, "Stops, as displayed."),
    "penalty": (str, "As displayed."),
    "speed": (str, "As displayed."),
    "total_time_ms": (Ms, "Of the whole run."),
    "information": (str, "As displayed."),
    **{f"{role.value}_ms": (Ms, "A sector of the last lap.") for role in SECTORS},
}
_OWN_COLUMNS: Final = "Columns without a field stand as text under their own id, such as `C9`."


def _never_null(schema: dict[str, Any]) -> None:
    schema.pop("default", None)  # what shows nothing is not there


def _fields(table: Mapping[str, tuple[Any, str]], *, clearing: bool) -> dict[str, Any]:
    """Fields that may be missing; in a patch, null clears one."""
    return {
        name: (kind | None if clearing else kind, Field(None, description=text, json_schema_extra=_never_null))
        for name, (kind, text) in table.items()
    }


def _session(name: str, text: str, *, clearing: bool) -> type[BaseModel]:
    config = shape({"id": "20260530T090000Z-1", "kind": "race", "title": "Final", "flag": "green"})
    made: type[BaseModel] = create_model(name, __config__=config, __doc__=text, **_fields(_SESSION, clearing=clearing))
    return made


class _Open(BaseModel):
    """Fields of a competitor, and texts of columns that have none."""

    model_config = ConfigDict(extra="allow")


class _Whole(_Open):
    __pydantic_extra__: dict[str, str]
    id: str


class _Changes(_Open):
    __pydantic_extra__: dict[str, str | None]


_ROW: Final[Mapping[str, Any]] = {
    "position": 1,
    "team": "LIONS",
    "number": "27",
    "status": "on-track",
    "last_lap_ms": 66_131,
    "gap": 0,
}

SessionState = _session("SessionState", "The running session; empty before the first.", clearing=False)
SessionChange = _session("SessionChange", "What changed of the session; null clears.", clearing=True)
CompetitorState: type[BaseModel] = create_model(
    "CompetitorState",
    __base__=_Whole,
    __doc__=f"One competitor; a field that is not there shows nothing. {_OWN_COLUMNS}",
    **_fields(_COMPETITOR, clearing=False),
)
CompetitorState.model_config |= ConfigDict(json_schema_extra={"examples": [{"id": "24089", **_ROW}]})
CompetitorChange: type[BaseModel] = create_model(
    "CompetitorChange",
    __base__=_Changes,
    __doc__=f"What changed of one competitor; null clears. {_OWN_COLUMNS}",
    **_fields(_COMPETITOR, clearing=True),
)
CompetitorChange.model_config |= ConfigDict(json_schema_extra={"examples": [{"last_lap_ms": 65_902, "penalty": None}]})


class ColumnShown(BaseModel):
    """A column of the board: what it means, its header, and which field of a competitor holds its value."""

    model_config = shape({"id": "C5", "role": "last_lap", "label": "Dern. tour", "field": "last_lap_ms"})
    id: Label
    role: Role
    label: str
    field: Label


class LapProvenance(BaseModel):
    """Where a lap comes from: frames by their number, the rule that made it, and why."""

    model_config = shape({"frames": [412], "rule": "last-lap-cell", "note": ""})
    frames: list[int]
    rule: str
    note: str


class LapFact(BaseModel):
    """A lap. `number` is null for one of the session before, `time_ms` when the timekeeper took it away."""

    model_config = shape(
        {
            "competitor_id": "24089",
            "number": 3,
            "time_ms": 66_131,
            "at": _AT,
            "sectors_ms": [21_040, None, 22_790],
            "flags": [],
            "driver": "Ada",
            "revised": False,
            "provenance": {"frames": [412], "rule": "last-lap-cell", "note": ""},
        }
    )
    competitor_id: str
    number: Count | None
    time_ms: Ms | None
    at: Moment
    sectors_ms: list[Ms | None]
    flags: list[LapFlag]
    driver: str
    revised: Annotated[bool, Field(description="It replaces the competitor's last lap.")]
    provenance: LapProvenance


class StopFact(BaseModel):
    """A competitor entered or left the pit lane."""

    model_config = shape({"competitor_id": "24089", "event": "in", "at": _AT})
    competitor_id: str
    event: Literal["in", "out"]
    at: Moment


class FlagFact(BaseModel):
    """The track status changed."""

    model_config = shape({"flag": "green", "text": "", "at": _AT})
    flag: Flag
    text: str
    at: Moment


class TickerFact(BaseModel):
    """The ticker shows something else; an empty text clears it."""

    model_config = shape({"level": "info", "text": "Pit lane closed", "at": _AT})
    level: str
    text: str
    at: Moment


class NoteFact(BaseModel):
    """A new entry of the race-control list; `time` is the time of day as shown."""

    model_config = shape({"time": "14:05", "kind": "penalty", "number": "27", "text": "10 s", "at": _AT})
    time: str
    kind: str
    number: str
    text: str
    at: Moment


class NotesClearedFact(BaseModel):
    """The race-control list was emptied: entries before this one are not shown any more."""

    model_config = shape({"cleared": True, "at": _AT})
    cleared: Literal[True]
    at: Moment


class SessionFact(BaseModel):
    """A session began, has another description, or ended."""

    model_config = shape({"id": "20260530T090000Z-1", "event": "started", "at": _AT})
    id: str | None
    event: Literal["started", "changed", "ended"]
    at: Moment


class _Numbered(BaseModel):
    """A numbered message; its facts, in order and by kind, happened with it and are told once."""

    seq: Annotated[int, Field(ge=0)]
    at: Moment
    laps: Annotated[list[LapFact], Field(json_schema_extra=_never_null)] = []
    stops: Annotated[list[StopFact], Field(json_schema_extra=_never_null)] = []
    flags: Annotated[list[FlagFact], Field(json_schema_extra=_never_null)] = []
    messages: Annotated[list[TickerFact], Field(json_schema_extra=_never_null)] = []
    notes: Annotated[list[NoteFact | NotesClearedFact], Field(json_schema_extra=_never_null)] = []
    sessions: Annotated[list[SessionFact], Field(json_schema_extra=_never_null)] = []


class SnapshotMessage(_Numbered):
    """The whole state at `seq`: the first message, and that of a new session.

    `recovered` is there, and false, for a client that asked for what it missed and cannot have it; `conflated`, and
    true, for one that read too slowly: it comes in place of its backlog.
    """

    model_config = shape(
        {
            "type": "snapshot",
            "circuit_id": "hill-kart",
            "epoch": "5f2c9a1e",
            "seq": 412,
            "at": _AT,
            "session": {"id": "20260530T090000Z-1", "kind": "race", "title": "Final", "flag": "green"},
            "columns": [{"id": "C5", "role": "last_lap", "label": "Dern. tour", "field": "last_lap_ms"}],
            "competitors": [{"id": "24089", **_ROW}],
        }
    )
    type: Literal["snapshot"]
    circuit_id: str
    epoch: Label
    session: SessionState  # type: ignore[valid-type]  # made of a table
    columns: list[ColumnShown]
    competitors: list[CompetitorState]  # type: ignore[valid-type]
    recovered: Annotated[Literal[False], Field(json_schema_extra=_never_null)] = False
    conflated: Annotated[Literal[True], Field(json_schema_extra=_never_null)] = True


class PatchMessage(_Numbered):
    """What changed with this message, whose number is one higher than that of the message before.

    `columns` is the whole list where it is there; `removed` competitors are not on the board any more.
    """

    model_config = shape(
        {
            "type": "patch",
            "seq": 413,
            "at": _AT,
            "competitors": {"24089": {"last_lap_ms": 65_902, "penalty": None}},
            "removed": ["24090"],
            "session": {"flag": "yellow"},
            "stops": [{"competitor_id": "24089", "event": "in", "at": _AT}],
        }
    )
    type: Literal["patch"]
    session: Annotated[SessionChange, Field(None, json_schema_extra=_never_null)]  # type: ignore[valid-type]
    columns: Annotated[list[ColumnShown], Field(json_schema_extra=_never_null)] = []
    competitors: Annotated[dict[str, CompetitorChange], Field(json_schema_extra=_never_null)] = {}  # type: ignore[valid-type]
    removed: Annotated[list[str], Field(json_schema_extra=_never_null)] = []


class ResumedMessage(BaseModel):
    """The answer to `?epoch=…&seq=…`: the messages after `seq` follow, and none is missing."""

    model_config = shape(
        {"type": "resumed", "circuit_id": "hill-kart", "epoch": "5f2c9a1e", "seq": 412, "recovered": True}
    )
    type: Literal["resumed"]
    circuit_id: str
    epoch: Label
    seq: Annotated[int, Field(ge=0)]
    recovered: Literal[True]
