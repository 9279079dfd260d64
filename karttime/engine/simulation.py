"""Simulations as upstreams and as recordings with their truth."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from karttime.engine.doors import Door, RelayDoor, tcp_door, web_socket_door
from karttime.engine.upstream import Service, UpstreamServer
from karttime.errors import RecorderError, UsageError
from karttime.feeds.frame import Frame
from karttime.recording.format import RecordingHeader
from karttime.recording.pace import paced
from karttime.recording.writer import RecordingWriter
from karttime.simulator.formats import FORMATS, Misbehaving
from karttime.simulator.mischief import is_disconnect
from karttime.simulator.scenarios import Options
from karttime.simulator.truth import TruthKeeper

_DOORS: Mapping[str, Callable[[], Door]] = {
    "apex": lambda: web_socket_door,
    "rmonitor": lambda: tcp_door,
    "racemonitor": RelayDoor,
}


@dataclass(slots=True)
class Simulation:
    """A simulated upstream that is chosen, not begun; each use begins it anew, the same every time.

    Attributes:
        options: what is raced and how it is shown.
        mischief: times per minute by name.
        format: a key of the simulator's formats.
    """

    options: Options
    mischief: Mapping[str, float] = field(default_factory=dict)
    format: str = "apex"
    _now: Misbehaving | None = None

    def begin(self) -> tuple[Iterator[Frame], TruthKeeper]:
        """Frames from the first one on, and the truth that is complete when they are exhausted."""
        spoken = FORMATS[self.format]
        race = spoken.make(self.options)
        self._now = spoken.lay(race.frames(), race.snapshot, self.mischief, seed=self.options.seed)
        return self._now.frames(), race.truth

    def snapshot(self) -> str:
        """What a client is sent who connects now; before the beginning: that there is no session."""
        return FORMATS[self.format].nothing if self._now is None else self._now.snapshot()

    def server(self, service: Service) -> UpstreamServer:
        """An upstream that serves it; clients who come late get the board as it is then."""

        def schedule() -> Iterable[tuple[int, Frame]]:
            frames, _truth = self.begin()
            return paced(frames, speed=service.speed)

        keep_alive = FORMATS[self.format].keep_alive
        return UpstreamServer(
            schedule, service, snapshot=self.snapshot, keep_alive=keep_alive, door=_DOORS[self.format]()
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written."""

    path: Path
    truth_path: Path
    frames: int
    sessions: int
    laps: int


def record(simulation: Simulation, path: Path, command: str = "") -> Recorded:
    """Write a simulation and its truth; a broken connection shows as the board that the next one begins with.

    Args:
        simulation: what to write.
        path: a file that does not exist: .jsonl, .jsonl.gz or .jsonl.zst.
        command: how to make the file again, kept in the truth.

    Raises:
        UsageError: a file exists, or cannot be created.
        RecorderError: it cannot be written.
    """
    truth_path = _truth_path(path)
    frames, truth = simulation.begin()
    options = simulation.options
    header = RecordingHeader(
        created_at=options.start_at, source="simulator", circuit=options.preset, feed=simulation.format
    )
    with RecordingWriter(path, header) as writer:
        for frame in frames:
            writer.write(frame._replace(text=simulation.snapshot()) if is_disconnect(frame) else frame)
        written = writer.frames
    facts = truth.as_json() | {"command": command}
    _write_new(truth_path, orjson.dumps(facts, option=orjson.OPT_INDENT_2) + b"\n")
    laps = sum(len(laps) for session in truth.sessions for laps in session.laps.values())
    return Recorded(path, truth_path, written, len(truth.sessions), laps)


def _truth_path(path: Path) -> Path:
    name = path.name.removesuffix(".gz").removesuffix(".zst").removesuffix(".jsonl")
    truth_path = path.with_name(f"{name}.truth.json")
    if truth_path.exists():
        raise UsageError(f"{truth_path} exists and is never overwritten: choose another name or remove it")
    return truth_path


def _write_new(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise RecorderError(
            f"the truth cannot be written to {path} ({error.strerror}): free space or choose another place"
        ) from error
