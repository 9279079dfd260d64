"""`FeedSpec`: what a feed means, as data. Read from JSON, validated, interpreted; nothing in it is ever executed.

```json
{"karttime_spec": 1, "name": "hill karting",
 "framing": {"syntax": "json", "envelope": "signalr"},
 "tables": [{"kind": "board", "rows": "runs[]", "key": "kart", "update": "snapshot",
             "fields": [{"path": "pos", "role": "position"}, {"path": "lt", "role": "last_lap", "unit": "ms"}]}],
 "session": [{"path": "left", "role": "clock_remaining", "unit": "s"}],
 "laps": {"by": "count"}}
```

A person corrects a role by editing `role` (and `unit`) of a field and running `karttime analyze FILE --feed SPEC`.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from karttime.errors import UsageError
from karttime.feeds.declared.paths import parse_path

VERSION: Final = 1
MAX_SPEC: Final = 1 << 20


class SpecError(UsageError):
    """A spec cannot be used; the text says where it is wrong."""


class FieldRole(StrEnum):
    """What a field of a feed means. Those of the second group are told but not shown on a board."""

    POSITION = "position"
    NUMBER = "number"
    DRIVER = "driver"
    TEAM = "team"
    NATIONALITY = "nationality"
    CLASS = "class"
    LAPS = "laps"
    LAST_LAP = "last_lap"
    BEST_LAP = "best_lap"
    AVERAGE_LAP = "average_lap"
    GAP = "gap"
    INTERVAL = "interval"
    SECTOR_1 = "sector_1"
    SECTOR_2 = "sector_2"
    SECTOR_3 = "sector_3"
    SECTOR_4 = "sector_4"
    SECTOR_5 = "sector_5"
    SECTOR_6 = "sector_6"
    SECTOR_7 = "sector_7"
    SECTOR_8 = "sector_8"
    SECTOR_9 = "sector_9"
    TOTAL_TIME = "total_time"
    STATUS = "status"
    IN_PIT = "in_pit"
    PIT_STOPS = "pit_stops"
    PIT_TIME = "pit_time"
    PENALTY = "penalty"
    SPEED = "speed"
    FLAG = "flag"
    CLOCK_REMAINING = "clock_remaining"
    CLOCK_ELAPSED = "clock_elapsed"
    SESSION = "session"
    TRACK = "track"
    MESSAGE = "message"

    CLASS_POSITION = "class_position"
    LAP_NUMBER = "lap_number"
    LAP_TIME = "lap_time"
    BEST_SECTOR = "best_sector"
    BEST_LAP_NUMBER = "best_lap_number"
    PASSING = "passing"
    TIME_OF_DAY = "time_of_day"
    TRANSPONDER = "transponder"
    ID = "id"
    COLOUR = "colour"
    UNDECIDED = "undecided"


Unit = Literal["", "text", "s", "ms", "us", "100ns", "min", "s-or-laps"]
"""How a time is written: `text` as in `1:02.345`, else a number (or its text) of seconds, milliseconds, …; `s-or-laps`
is seconds, or laps where it is a negative whole number."""


def _check_path(text: str) -> str:
    parse_path(text)
    return text


PathText = Annotated[str, AfterValidator(_check_path)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Embedded(_Model):
    """A string inside a message that holds another value: JSON, or base64 of (compressed) JSON, or separated fields."""

    path: PathText
    codec: Literal["json", "base64", "fields"]
    separator: str = Field(default="", max_length=4)


class Patches(_Model):
    """Deltas as lists of changes: each change names a path and a value.

    Attributes:
        kind: of the messages that hold changes.
        target: the kind of message that they change.
        changes: where in the message the changes are.
        root: where in the message that they change their paths begin.
        path: where in a change the path is; empty for changes that are lists and begin with their keys; `@key` for
            an object whose keys are paths.
        value: where the new value is; for lists the index of it.
        separator: what separates the segments of the path text.
    """

    kind: str = ""
    target: str = ""
    changes: PathText = ""
    root: PathText = ""
    path: str = ""
    value: PathText = ""
    separator: str = Field(default="/", min_length=1, max_length=2)


class Pivot(_Model):
    """A table that is told by column.

    Attributes:
        kind: of the messages that hold it.
        form: `heads`: rows are lists in the order of names; `maps`: an object per field, values by competitor.
        rows: where the rows are; for `maps` the object that holds the fields.
        names_kind: of `heads`: the kind of the messages with the names, which may be another.
        names: of `heads`: where in those the names are.
        name: of `heads`: where in an entry of the names its text is; empty: it is the text.
        members: of `maps`: the names of the fields.
    """

    kind: str = ""
    form: Literal["heads", "maps"] = "heads"
    rows: PathText = ""
    names_kind: str = ""
    names: PathText = ""
    name: PathText = ""
    members: tuple[str, ...] = Field(default=(), max_length=500)


class Framing(_Model):
    """How the text of a frame becomes messages.

    Attributes:
        split: what separates messages in one frame.
        prefix: the transport's wrapping of a message, taken off.
        syntax: the language of a message.
        separator: of `fields`; for `pairs` the one between pairs; for `table` empty where columns are told by width.
        equals: of `pairs`, the one between key and value.
        tagged: of `fields`: the first field names the kind of the message.
        envelope: the shape around the payload.
        kind: for envelope `field`: where the kind stands.
        body: for envelope `field`: where the payload stands; empty: the message itself.
        bundles: a message whose keys are kinds holds one body for each.
        embedded: strings that hold values, in this order.
        patches: deltas that name paths.
        pivots: tables that are told by column.
    """

    split: Literal["none", "lines", "records"] = "none"
    prefix: Literal["none", "engine.io", "sockjs", "sse", "jsonp", "stomp", "packed"] = "none"
    syntax: Literal["json", "fields", "pairs", "table", "html", "xml"] = "json"
    separator: str = Field(default=",", max_length=4)
    equals: str = Field(default="=", max_length=2)
    tagged: bool = False
    envelope: Literal["none", "signalr", "signalr-core", "ddp", "phoenix", "tagged", "field"] = "none"
    kind: PathText = ""
    body: PathText = ""
    bundles: bool = False
    embedded: tuple[Embedded, ...] = ()
    patches: tuple[Patches, ...] = ()
    pivots: tuple[Pivot, ...] = ()


class FieldSpec(_Model):
    """One field: where it is in its row, what it means.

    Attributes:
        path: within the row, or within the message for session fields; `@place` is the row's place in its list,
            `@key` the key of its object.
        role: what it means; `undecided` where nobody can say.
        unit: of times.
        part: of a driver's name that comes in two fields.
        values: meaning of codes: flags (`green`, `red`, …) or states (`on-track`, `in-pit`, …) by the feed's text.
        confidence: 0 to 1; 1 for what a person said.
        candidates: roles that the data cannot tell apart.
    """

    path: PathText
    role: FieldRole
    unit: Unit = ""
    part: Literal["", "first", "last", "short"] = ""
    values: Mapping[str, str] = Field(default_factory=dict)
    label: str = ""
    confidence: float = Field(default=1.0, ge=0, le=1)
    candidates: tuple[FieldRole, ...] = ()


class SourceSpec(_Model):
    """Another place where rows of a table are sent: what changed, after everything was sent once.

    Attributes:
        kind: of the messages.
        rows: where in them the rows are; empty: each message is one row.
        key: the field that identifies a competitor, with the same values as that of the table.
        update: how these rows update the table.
    """

    kind: str = ""
    rows: PathText = ""
    key: PathText
    update: Literal["snapshot", "merge", "places"] = "merge"


class TableSpec(SourceSpec):
    """Rows of one kind of message.

    Attributes:
        kind: of the messages; empty for messages without kind.
        rows: where the rows are; empty: each message is one row.
        key: the field that identifies a competitor; `@key` for the key of an object or the index in a list.
        key_is: what that field is, where other tables are keyed differently: `number` is looked up.
        holds: standings, one row per competitor, or laps, one row per lap.
        update: `snapshot`: who is not sent has left; `merge`: only changes are sent; `places`: the same, but a row is
            a place on the board, and who is in it changes like everything else.
        also: other messages that hold rows of this table, with the same fields.
    """

    key_is: Literal["id", "number"] = "id"
    holds: Literal["standings", "laps"] = "standings"
    update: Literal["snapshot", "merge", "places"] = "snapshot"
    fields: tuple[FieldSpec, ...]
    also: tuple[SourceSpec, ...] = ()


class SessionFieldSpec(FieldSpec):
    """One field that is about the session, in messages of a kind."""

    kind: str = ""


class LapRule(_Model):
    """When a lap is a lap.

    `count`: the lap counter rises, and the last lap beside it is its time; `change`: the last lap changes;
    `rows`: a table of laps says so; `none`: nothing in the feed says so.
    """

    by: Literal["count", "change", "rows", "none"] = "none"


class SessionRule(_Model):
    """When a new session begins: `name`: a session field changes; `fall`: most lap counters fall."""

    new_when: tuple[Literal["name", "fall"], ...] = ("name", "fall")


class FeedSpec(_Model):
    """What a feed means."""

    karttime_spec: Literal[1] = 1
    name: str = Field(default="unknown", max_length=100)
    framing: Framing = Framing()
    tables: tuple[TableSpec, ...] = ()
    session: tuple[SessionFieldSpec, ...] = ()
    laps: LapRule = LapRule()
    sessions: SessionRule = SessionRule()
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_meaning(self) -> "FeedSpec":
        if len(self.tables) > 64 or sum(len(table.fields) for table in self.tables) > 2000:
            raise ValueError("too many tables or fields")
        return self


def dump_spec(spec: FeedSpec) -> dict[str, Any]:
    """The spec as JSON data; what is as by default is left out, but for the version."""
    return {"karttime_spec": VERSION, **spec.model_dump(mode="json", exclude_defaults=True)}


def write_spec(spec: FeedSpec) -> str:
    """The spec as JSON text for people."""
    return json.dumps(dump_spec(spec), indent=1, ensure_ascii=False) + "\n"


def parse_spec(text: str) -> FeedSpec:
    """Read a spec.

    Raises:
        SpecError: it is none; the text says what is wrong and where.
    """
    if len(text) > MAX_SPEC:
        raise SpecError("the spec is larger than 1 MiB")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SpecError(f"the spec is no JSON: {str(error)[:120]}") from error
    return load_spec(data)


def load_spec(data: object) -> FeedSpec:
    """Validate a spec that came as JSON data.

    Raises:
        SpecError: see `parse_spec`.
    """
    if not isinstance(data, dict) or "karttime_spec" not in data:
        raise SpecError('this is no spec: it must be a JSON object with "karttime_spec": 1')
    if data["karttime_spec"] != VERSION:
        raise SpecError(f"the spec has version {str(data['karttime_spec'])[:20]!r}, this karttime reads version 1")
    try:
        return FeedSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the spec"
        raise SpecError(f"the spec is wrong at {where}: {first['msg'][:200]}") from error
