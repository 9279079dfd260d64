"""How it stands with Firestore, for people."""

import time
from dataclasses import dataclass
from typing import Literal

from karttime.circuits.firestore_documents import Fault

State = Literal["connecting", "listening", "away"]


@dataclass(frozen=True, slots=True)
class SharedStatus:
    """How it stands with Firestore; times are ms UTC.

    Attributes:
        project: which one.
        state: `connecting` before the first answer, `listening`, or `away`: the circuits are those of before.
        since: when the state began.
        reason: why it is away, and what to do.
        synced_at: when everything was heard last, None before.
        circuits: how many there are.
        faults: what is wrong with documents, and which are left out.
        selected: the circuit that is selected in the app, empty for none.
        reconnects: how often listening ended.
        pending: circuits whose detected mapping waits to be written.
        pending_since: the oldest of them.
        write_error: why it is not written.
    """

    project: str
    state: State
    since: int
    reason: str
    synced_at: int | None
    circuits: int
    faults: tuple[Fault, ...]
    selected: str
    reconnects: int
    pending: int
    pending_since: int | None
    write_error: str


def now_ms() -> int:
    """This machine's clock, ms UTC."""
    return time.time_ns() // 1_000_000
