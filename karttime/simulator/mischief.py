"""Misbehaviour of a feed, on request: what real upstreams do to their readers, laid over a stream of frames.

Every kind strikes at random, so many times a minute of feed time (`RATES` unless told otherwise), the same for the
same seed. The truth of the simulation stays valid for a reader who copes, except as said here:

| name | what happens | truth |
|---|---|---|
| foreign | bytes of a stranger: HTTP requests, TLS, port scanners, as frames of their own | valid |
| duplicates | cells of a frame are sent again, without their row events | valid |
| late | some plain cells come with the next frame only | valid |
| flicker | the session title changes for some seconds and changes back | valid: same session |
| reinit | the whole board is sent again in the middle of the session | valid |
| blip | `init|n|` for some seconds; then the board of before and all that was held back | as under silence |
| silence | nothing for 20 to 50 s, then all at once | told late: laps equal to the one before are doubtful |
| disconnect | every connection is closed; a client who returns gets the board of then | laps it missed are lost |
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from karttime.errors import UsageError
from karttime.feeds.frame import Frame

RATES: Mapping[str, float] = {
    "foreign": 2.0,
    "duplicates": 4.0,
    "late": 6.0,
    "flicker": 0.3,
    "reinit": 0.3,
    "blip": 0.2,
    "silence": 0.2,
    "disconnect": 0.3,
}

BLANK = "init|n|\nbest|hide|\neffects||\ncomments||\ntrack||\n"
STRANGERS = (
    "GET / HTTP/1.1\nHost: 192.0.2.7:9430\nUser-Agent: Mozilla/5.0 zgrab/0.x\nAccept: */*\n\n\n",
    "GET /..%2F..%2F..%2Fetc%2Fpasswd HTTP/1.1\nHost: 192.0.2.7:9430\n\n\n",
    "POST /ext/bc/C/rpc HTTP/1.1\nHost: 192.0.2.7:9430\nContent-Length: 66\n\n"
    '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}\n',
    "MGLNDD_192.0.2.7_9430\n\n",
    "\x16\x03\x01\x00\ufffd\x01\x00\x00\ufffd\x03\x03\ufffd|\ufffd\n\ufffd|\x00 \ufffd\ufffd\x13\x02\x13\x03\ufffd\n",
    "\x03\x00\x00\x13\x0e\ufffd\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00\n",
    "OPTIONS sip:nm SIP/2.0\nVia: SIP/2.0/TCP nm;branch=foo\nFrom: <sip:nm@nm>;tag=root\n\n",
)
OTHER_TITLES = ("Session 99", "ENTRENOS", "", "INIT", "TEST TEST")


def is_disconnect(frame: Frame) -> bool:
    """Whether a frame is the marker that connections break here: neither text nor bytes."""
    return frame.text is None and frame.data is None


def parse(text: str, known: Mapping[str, float] = RATES) -> dict[str, float]:
    """`foreign,blip=0.5` as rates per minute by name; `all` for everything but disconnects.

    Args:
        text: as it was typed.
        known: every name, with the rate where none is given.

    Raises:
        UsageError: there is no such misbehaviour, or the rate is no number above 0.
    """
    rates: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, rate = part.partition("=")
        if name == "all" and not rate:
            rates.update({kind: value for kind, value in known.items() if kind != "disconnect"})
        elif name in known:
            rates[name] = _rate(name, rate, known[name])
        else:
            raise UsageError(f"there is no mischief {name!r}: choose from {', '.join(known)} or all")
    return rates


def _rate(name: str, rate: str, usual: float) -> float:
    if not rate:
        return usual
    try:
        value = float(rate)
    except ValueError:
        value = 0.0
    if not 0 < value <= 600:
        raise UsageError(f"{name}={rate} is not a rate: give times per minute, above 0 and up to 600")
    return value


@dataclass(slots=True)
class _Hold:
    """Frames that are kept back, and what a client who connects meanwhile is sent."""

    until: int
    snapshot: str
    blank: bool
    frames: list[Frame] = field(default_factory=list)


class Mischief:
    """Lays misbehaviour over frames.

    Args:
        frames: of a simulator, not yet iterated.
        snapshot: the simulator's; see there what it means between two frames.
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
        self._hold: _Hold | None = None
        self._title = ""
        self._title_back_at: int | None = None
        self._late: list[str] = []
        self._began = False
        self._latest = 0

    def snapshot(self) -> str:
        """What a client who connects now is sent, so that with the frames to come nothing is missing or double."""
        if self._hold is None:
            return self._snapshot()
        return BLANK if self._hold.blank else self._hold.snapshot

    def frames(self) -> Iterator[Frame]:
        """All frames, in time order."""
        last: Frame | None = None
        for frame in self._source:
            elapsed = 0 if last is None else frame.at - last.at
            last = frame
            for out in self._around(frame, elapsed):
                if self._hold is not None:
                    self._hold.frames.append(out)
                else:
                    yield out
        yield from self._released(None)
        rest = list(self._late)
        if self._title_back_at is not None:
            rest.append(f"title2||{self._title}")
        if last is not None and rest:  # the stream ends, and with it what was to be put right later
            yield last._replace(at=max(last.at, self._latest), text="".join(f"{line}\n" for line in rest))

    def _around(self, frame: Frame, elapsed: int) -> Iterator[Frame]:
        if self._hold is not None and frame.at >= self._hold.until:
            yield from self._released(frame.at)
        if self._began and self._hold is None:
            yield from self._before(frame, elapsed)
        self._began = True
        yield self._mixed(frame, elapsed)
        if self._strikes("duplicates", elapsed):
            cells = [line for line in _lines(frame) if _is_cell(line)]
            if cells:
                again = self._rng.sample(cells, self._rng.randrange(1, len(cells) + 1))
                yield frame._replace(text="\n".join(again) + "\n")

    def _before(self, frame: Frame, elapsed: int) -> Iterator[Frame]:
        """What comes between the frame before and this one."""
        if self._strikes("foreign", elapsed):
            yield frame._replace(text=self._rng.choice(STRANGERS))
        yield from self._flicker(frame, elapsed)
        if self._strikes("reinit", elapsed):
            yield frame._replace(text=self._snapshot())
        if self._strikes("disconnect", elapsed):
            yield frame._replace(text=None)
        if self._strikes("blip", elapsed):
            hold = _Hold(frame.at + self._rng.randrange(3_000, 20_000), self._snapshot(), blank=True)
            yield frame._replace(text=BLANK)
            self._hold = hold
        elif self._strikes("silence", elapsed):
            self._hold = _Hold(frame.at + self._rng.randrange(20_000, 50_000), self._snapshot(), blank=False)

    def _flicker(self, frame: Frame, elapsed: int) -> Iterator[Frame]:
        if self._title_back_at is not None and frame.at >= self._title_back_at:
            self._title_back_at = None
            yield frame._replace(text=f"title2||{self._title}\n")
        elif self._title_back_at is None and self._strikes("flicker", elapsed):
            other = self._rng.choice([title for title in OTHER_TITLES if title != self._title])
            self._title_back_at = frame.at + self._rng.randrange(2_000, 14_000)
            yield frame._replace(text=f"title2||{other}\n")

    def _mixed(self, frame: Frame, elapsed: int) -> Frame:
        """The frame with the cells that the one before left out, and perhaps without some of its own."""
        lines, late = _lines(frame), self._late
        self._late = []
        for line in lines:
            if line.startswith("title2||"):
                self._title = line.removeprefix("title2||")
        if any(line.startswith("init|") for line in lines):
            self._title_back_at = None
            return frame  # a whole board makes the late ones pointless
        kept = lines
        if self._strikes("late", elapsed):
            self._late = [line for line in lines if _is_plain(line)]
            kept = [line for line in lines if not _is_plain(line)]
        if not late and kept == lines:
            return frame
        return frame._replace(text="".join(f"{line}\n" for line in late + kept) or "\n")

    def _released(self, now: int | None) -> Iterator[Frame]:
        hold, self._hold = self._hold, None
        if hold is None:
            return
        at = self._latest = hold.until if now is None else now
        if hold.blank:
            yield Frame(at, hold.snapshot, offset=hold.frames[-1].offset if hold.frames else None)
        for frame in hold.frames:
            yield frame._replace(at=max(at, frame.at))

    def _strikes(self, name: str, elapsed: int) -> bool:
        rate = self._rates.get(name)
        return rate is not None and self._rng.random() < rate * elapsed / 60_000


def _lines(frame: Frame) -> list[str]:
    return (frame.text or "").removesuffix("\n").split("\n")


def _is_cell(line: str) -> bool:
    subject, _, _ = line.partition("|")
    return subject.startswith("r") and "c" in subject


def _is_plain(line: str) -> bool:
    """A cell that is neither a time nor a state: gaps, counters, names."""
    return _is_cell(line) and line.split("|")[1] in ("in", "ib", "dr", "drteam") and not line.endswith("|")
