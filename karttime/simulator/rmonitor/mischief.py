"""Misbehaviour of RMonitor feeds, laid over a stream of frames, each kind so many times a minute of feed time.

| name | what happens | truth |
|---|---|---|
| foreign | lines of a stranger: HTTP requests, TLS, port scanners | valid |
| truncated | after its lines, a frame repeats one that is cut short | valid |
| fused | the same, with another line fused to it | valid |
| double | a crossing is read twice: `$J` again, some milliseconds off, without a lap more | valid |
| correction | `$G` takes a lap back, and gives it back | valid |
| refresh | everything but passings is sent again | valid |
| reset | the same after `$I`: a reset of the scoreboard in mid-run | valid |
| unknown | records that nobody knows, and fields too many | valid |
| endings | lines end in LF or CR CR LF, blank lines between | valid |
| split | a line is torn over two reads | valid |
| cp1252 | a frame is in Windows-1252 where its letters allow it | valid |
| silence | nothing for 20 to 50 s, then all at once | valid |
| disconnect | every connection is closed; a client who returns gets the state of then | laps it missed are lost |

Race Monitor's relay sends messages of text over WebSocket: neither `split` nor `cp1252` happens there.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from karttime.feeds.frame import Frame
from karttime.simulator.mischief import STRANGERS

RATES: Mapping[str, float] = {
    "foreign": 2.0,
    "truncated": 4.0,
    "fused": 4.0,
    "double": 3.0,
    "correction": 0.5,
    "refresh": 0.5,
    "reset": 0.2,
    "unknown": 2.0,
    "endings": 6.0,
    "split": 6.0,
    "cp1252": 6.0,
    "silence": 0.2,
    "disconnect": 0.3,
}
RELAY_RATES: Mapping[str, float] = {name: rate for name, rate in RATES.items() if name not in {"split", "cp1252"}}

_QUOTED: Final = ("$J,", "$G,", "$H,", "$F,", "$RMHL,")  # cut within their last field, these cannot look whole
_PASSED: Final = re.compile(r'\$J,("[^"]*"),"(\d\d:\d\d:\d\d\.\d{3})","(\d\d:\d\d:\d\d\.\d{3})"')
_COUNTED: Final = re.compile(r'\$G,(\d+),("[^"]*"),(\d+),(".*")')
_REFRESHED: Final = ("$B,", "$A,", "$COMP,", "$C,", "$E,", "$H,", "$G,")
_OTHER_CUTS: Final = 0.02  # share of frames without a crossing in which lines may be cut: most are around crossings
_WAITING: Final = ("truncated", "fused", "double", "correction", "cp1252")  # for a frame that has what they need
_STRANGE: Final = ('$X,1,2,"three"', '$F,9999,"00:00:00"', "$GET,7", "$Z", '$RMXX,"7"', "$")


class RMonitorMischief:
    """Lays misbehaviour over frames.

    Args:
        frames: of a simulator, not yet iterated.
        snapshot: the simulator's.
        rates: times per minute by name.
        seed: same frames, rates and seed: same result.
    """

    def __init__(
        self, frames: Iterator[Frame], snapshot: Callable[[], str], rates: Mapping[str, float], *, seed: int
    ) -> None:
        self._source = frames
        self._snapshot = snapshot
        self._rates = rates
        self._rng = random.Random(seed)
        self._held: list[Frame] = []
        self._held_until = 0
        self._held_snapshot = ""
        self._due: set[str] = set()

    def snapshot(self) -> str:
        """What a client who connects now is sent, so that with the frames to come nothing is missing or double."""
        return self._held_snapshot or self._snapshot()

    def frames(self) -> Iterator[Frame]:
        """All frames, in time order."""
        last: Frame | None = None
        for frame in self._source:
            elapsed = 0 if last is None else frame.at - last.at
            self._due.update(name for name in _WAITING if self._strikes(name, elapsed))
            if self._held_snapshot and frame.at >= self._held_until:
                yield from self._released(frame.at)
            for out in self._around(frame, elapsed, first=last is None):
                if self._held_snapshot:
                    self._held.append(out)
                else:
                    yield out
            last = frame
        yield from self._released(self._held_until)

    def _around(self, frame: Frame, elapsed: int, *, first: bool) -> Iterator[Frame]:
        if not first and not self._held_snapshot:
            yield from self._before(frame, elapsed)
        lines = (frame.text or "").splitlines(keepends=True)
        lines += self._after(lines)
        if self._strikes("endings", elapsed):
            end = self._rng.choice(("\n", "\r\r\n", "\r\n\r\n"))
            lines = [line.removesuffix("\r\n") + end for line in lines]
        yield from self._bytes(frame._replace(text="".join(lines)), elapsed)

    def _before(self, frame: Frame, elapsed: int) -> Iterator[Frame]:
        """What comes between the frame before and this one."""
        if self._strikes("foreign", elapsed):
            yield frame._replace(text=self._rng.choice(STRANGERS))
        if self._strikes("unknown", elapsed):
            yield frame._replace(text=self._rng.choice(_STRANGE) + "\r\n")
        if self._strikes("refresh", elapsed):
            yield frame._replace(text=self._everything())
        if self._strikes("reset", elapsed):
            yield frame._replace(text='$I,"00:00:00","1 Jan 00"\r\n' + self._everything())
        if self._strikes("disconnect", elapsed):
            yield frame._replace(text=None)
        if self._strikes("silence", elapsed):
            self._held_until = frame.at + self._rng.randrange(20_000, 50_000)
            self._held_snapshot = self._snapshot()

    def _everything(self) -> str:
        lines = self._snapshot().splitlines(keepends=True)
        return "".join(line for start in _REFRESHED for line in lines if line.startswith(start))

    def _after(self, lines: list[str]) -> list[str]:
        """What follows the lines of a frame."""
        more: list[str] = []
        whole = [line.removesuffix("\r\n") for line in lines if line.startswith(_QUOTED)]
        crossed = any(line.startswith("$J,") for line in whole)
        cuttable = whole if crossed or self._rng.random() < _OTHER_CUTS else []
        if cuttable and self._is_due("truncated"):
            more.append(self._cut(self._rng.choice(cuttable)) + "\r\n")
        if cuttable and self._is_due("fused"):
            more.append(self._cut(self._rng.choice(cuttable)) + self._rng.choice(lines))
        passed = next((one for line in lines if (one := _PASSED.match(line)) and one[2] != "00:00:00.000"), None)
        if passed and self._is_due("double"):
            more.append(f'$J,{passed[1]},"{_earlier(passed[2])}","{_earlier(passed[3])}"\r\n')
        counted = next((one for line in lines if (one := _COUNTED.match(line)) and int(one[3]) > 1), None)
        if counted and self._is_due("correction"):
            fewer = int(counted[3]) - 1
            more += [f"$G,{counted[1]},{counted[2]},{fewer},{counted[4]}\r\n", f"{counted[0]}\r\n"]
        return more

    def _cut(self, line: str) -> str:
        """A line that stops within its last field."""
        return line[: self._rng.randrange(line.rindex(',"') + 2, len(line))]

    def _bytes(self, frame: Frame, elapsed: int) -> Iterator[Frame]:
        text = frame.text or ""
        if not text.isascii() and self._is_due("cp1252"):
            with suppress(UnicodeEncodeError):  # another alphabet, which such a computer would not show either
                frame = frame._replace(text=None, data=text.encode("cp1252"))
        if frame.text is None or len(text) < 2 or not self._strikes("split", elapsed):
            yield frame
            return
        place = self._rng.randrange(1, len(text))
        yield frame._replace(text=text[:place])
        yield frame._replace(text=text[place:])

    def _released(self, now: int) -> Iterator[Frame]:
        held, self._held, self._held_snapshot = self._held, [], ""
        for frame in held:
            yield frame._replace(at=max(now, frame.at))

    def _is_due(self, name: str) -> bool:
        """For what needs a frame that fits: whether it has struck since the last one that did."""
        due = name in self._due
        self._due.discard(name)
        return due

    def _strikes(self, name: str, elapsed: int) -> bool:
        rate = self._rates.get(name)
        return rate is not None and self._rng.random() < rate * elapsed / 60_000


def _earlier(time: str) -> str:
    """Four milliseconds before; the same where that would need another second."""
    head, _, thousandths = time.rpartition(".")
    return f"{head}.{max(0, int(thousandths) - 4):03}"
