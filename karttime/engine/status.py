"""What the engine tells about itself: states a person understands, and counters."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class CollectorState(StrEnum):
    """What a collector is doing."""

    STOPPED = "stopped"  # nobody asked for it, or it was stopped, or its recording was played to the end
    CONNECTING = "connecting"  # on the way to its first data since it was started
    LIVE = "live"  # timing data arrives
    SILENT = "silent"  # connected, but no timing data for a while: no session on track, or the timing PC is off
    DETECTING = "detecting"  # messages arrive, and what they mean is being found out: they are kept until it is known
    FLOODING = "flooding"  # timing data arrives, more than a feed may send: it is read more slowly
    RECONNECTING = "reconnecting"  # the upstream went away; the next attempt is made or waited for
    GAVE_UP = "gave-up"  # the allowed number of attempts failed; `start` tries again
    FAILED = "failed"  # our own fault: it crashed, and restarts by itself after a while


@dataclass(frozen=True, slots=True)
class StatusPublication:
    """What subscribers and taps learn when the way to the timing system changes. The session is not touched by it.

    Attributes:
        at: ms UTC.
        state: what the collector does now.
        timing_connected: whether the connection to the timing system stands.
        data_age_ms: time since the last timing data (keep-alives are none), None before the first.
        reason: one sentence for a person, empty when all is well; escaped, safe to show.
    """

    at: int
    state: CollectorState
    timing_connected: bool = False
    data_age_ms: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """A recorder tap. `error` is empty while frames reach the disk; `missed` counts those that did not.

    `bytes` is what the present file, with its parts, has on disk.
    """

    path: str
    frames: int
    missed: int
    error: str
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class DetectionStatus:
    """How a feed `auto` or `spec` is read.

    Attributes:
        reading: what arrives is understood.
        feed: the format that was found, `spec` where a declaration reads it; empty while nothing does.
        name: of the declaration.
        by: `person` or `detection`; empty while nothing reads it.
        settled: laps were seen and understood; else it is looked at again with more messages.
        sufficed: messages after which it was known, 0 for what a person gave.
        revision: of what is stored, 0 while nothing is.
        reason: one sentence for a person, empty when all is well.
        looks: analyses so far.
        next_look_ms: until the next analysis at the earliest; None when it may begin with the next message.
        kept: messages that are kept, to be read by what is found.
        kept_bytes: their size.
        lost: messages that found no room before it was known what the feed is.
    """

    reading: bool
    feed: str
    name: str
    by: str
    settled: bool
    sufficed: int
    revision: int
    reason: str
    looks: int
    next_look_ms: int | None
    kept: int
    kept_bytes: int
    lost: int


@dataclass(frozen=True, slots=True)
class CollectorStatus:
    """One collector as it is now. Times are ms UTC, ages ms.

    Attributes:
        circuit_id: whose feed it collects.
        name: the circuit's name.
        state: what it does.
        reason: one sentence for a person, empty when all is well.
        running: whether it works or waits to try again; `start` would answer `already_running`.
        timing_connected: whether the connection to the timing system stands.
        connected_since: None while it does not.
        last_frame_at: when the last message came, keep-alives included; by our clock, also in a replay.
        data_age_ms: time since the last timing data, None before the first.
        frames: messages received.
        bytes: their size.
        updates: facts decoded.
        refused: what was refused, by reason.
        reconnects: connections lost after they stood.
        crashes: restarts by the supervisor.
        last_error: the last thing that went wrong, kept after recovery.
        session_id: the running session.
        epoch: the hub's.
        seq: the hub's.
        subscribers: subscriptions to the hub.
        tap_failures: how often a tap of the hub raised.
        frame_age_ms: time since the last message, keep-alives included, None before the first.
        slow_frames: frames whose decoding and handing on took longer than the limit.
        slowest_ms: the longest of those, 0 before the first.
        doubts: what the decoder cannot know, in sentences.
        recorder: None when nothing is recorded.
        session_title: of the running session, as the feed sent it.
        detection: how a feed is read that is found out or declared; None for a feed whose name says it.
    """

    circuit_id: str
    name: str
    state: CollectorState
    reason: str
    running: bool
    timing_connected: bool
    connected_since: int | None
    last_frame_at: int | None
    data_age_ms: int | None
    frames: int
    bytes: int
    updates: int
    refused: Mapping[str, int]
    reconnects: int
    crashes: int
    last_error: str
    session_id: str | None
    epoch: str
    seq: int
    subscribers: int
    tap_failures: int
    frame_age_ms: int | None = None
    slow_frames: int = 0
    slowest_ms: int = 0
    doubts: tuple[str, ...] = ()
    recorder: RecorderStatus | None = None
    session_title: str = ""
    detection: DetectionStatus | None = None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """The whole engine as it is now; `started_at` is ms UTC."""

    started_at: int
    uptime_ms: int
    collectors: tuple[CollectorStatus, ...]
