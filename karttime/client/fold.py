"""The fold of the `karttime.v1` stream: a snapshot and the messages after it give the state, at every `seq`.

Pure: a state is never changed, a message makes the next one of it, so whoever holds one may keep it. What was not
touched is shared between the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from karttime.errors import FeedError

Fields = Mapping[str, Any]

FACTS: Final = ("laps", "stops", "flags", "messages", "notes", "sessions")
"""The kinds of events that a snapshot or patch of the stream may carry, each a list under its name."""


class OutOfStepError(FeedError):
    """A message does not continue the state: a new snapshot is needed."""


@dataclass(frozen=True, slots=True)
class State:
    """One circuit at one `seq`. A field that is not there shows nothing.

    Attributes:
        circuit_id: whose.
        epoch: a `seq` means nothing without it.
        seq: of the last message that is contained.
        at: when that was, ISO 8601.
        session: fields of the running session; empty before the first.
        columns: the board's columns, each with `id`, `role`, `label` and the `field` that holds its value.
        competitors: fields by competitor id.
    """

    circuit_id: str
    epoch: str
    seq: int
    at: str
    session: Fields = field(default_factory=dict)
    columns: tuple[Fields, ...] = ()
    competitors: Mapping[str, Fields] = field(default_factory=dict)

    def standings(self) -> list[tuple[str, Fields]]:
        """Competitors by position; those without one last."""
        return sorted(self.competitors.items(), key=lambda item: item[1].get("position", 1_000_000))


def fold(state: State | None, message: Fields) -> State | None:
    """The state after a message; messages of other kinds leave it as it is.

    Raises:
        OutOfStepError: the message does not follow the state, or is not shaped as the stream's messages are.
    """
    kind = message.get("type")
    try:
        if kind == "snapshot":
            return _snapshot(message)
        if kind == "patch":
            return _patch(state, message)
        if kind == "resumed" and (state is None or (message["epoch"], message["seq"]) != (state.epoch, state.seq)):
            raise OutOfStepError("the server goes on from another place than the one we asked for")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise OutOfStepError(f"a {kind} of the stream is not shaped as promised: {error!r}", str(message)) from error
    return state


def _snapshot(message: Fields) -> State:
    competitors = {row["id"]: {name: row[name] for name in row if name != "id"} for row in message["competitors"]}
    return State(
        message["circuit_id"],
        message["epoch"],
        int(message["seq"]),
        message["at"],
        message["session"],
        tuple(message["columns"]),
        competitors,
    )


def _patch(state: State | None, message: Fields) -> State:
    if state is None or message["seq"] != state.seq + 1:
        known = "no snapshot" if state is None else f"seq {state.seq}"
        raise OutOfStepError(f"a patch with seq {message['seq']} came after {known}")
    competitors = {**state.competitors}
    for key, changes in message.get("competitors", {}).items():
        competitors[key] = merged(competitors.get(key, {}), changes)
    for key in message.get("removed", ()):
        competitors.pop(key, None)
    return replace(
        state,
        seq=state.seq + 1,
        at=message["at"],
        session=merged(state.session, message.get("session", {})),
        columns=tuple(message.get("columns", state.columns)),
        competitors=competitors,
    )


def merged(fields: Fields, changes: Fields) -> Fields:
    """Fields with changes set over them; null clears."""
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}
