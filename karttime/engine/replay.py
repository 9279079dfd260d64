"""Recordings as upstreams: the exact frames, at the recorded pace."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from karttime.engine.doors import Door, web_socket_door
from karttime.engine.upstream import Service, UpstreamServer
from karttime.errors import UsageError
from karttime.feeds.frame import Frame
from karttime.recording.merge import read_frames
from karttime.recording.pace import paced

MAX = "max"


def parse_speed(text: str) -> float | None:
    """`2`, `0.5`, or `max`, which is None: as fast as possible.

    Raises:
        UsageError: it is neither.
    """
    if text == MAX:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1_000_000:
        raise UsageError(f"{text[:40]!r} is not a speed: give a number above 0, such as 10, or max")
    return speed


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a recording, counted from its first frame; longer silences are cut to `max_gap_ms`."""

    from_ms: int = 0
    until_ms: int | None = None
    max_gap_ms: int | None = None


def replay_server(
    paths: Sequence[Path], service: Service, cut: Cut = Cut(), door: Door = web_socket_door
) -> UpstreamServer:
    """An upstream that serves recordings of one feed, merged, through a door: over WebSocket or TCP.

    What lies before `from_ms` is sent at once, because a client who has not seen the beginning does not know the board.

    Raises:
        RecordingError: one cannot be read.
        UsageError: a speed or offset that makes no sense.
    """
    recording = read_frames(paths)

    def schedule() -> Iterable[tuple[int, Frame]]:
        return paced(
            recording, speed=service.speed, from_ms=cut.from_ms, until_ms=cut.until_ms, max_gap_ms=cut.max_gap_ms
        )

    schedule()  # refuses nonsense before anything is listened on
    return UpstreamServer(schedule, service, door=door)
