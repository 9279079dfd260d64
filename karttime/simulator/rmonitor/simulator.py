"""A meeting as a timing computer or Race Monitor's relay tells it: frames, snapshot, truth."""

from collections.abc import Iterator, Mapping

from karttime.domain.ids import CompetitorId
from karttime.feeds.frame import Frame
from karttime.simulator import events
from karttime.simulator.model import Meeting
from karttime.simulator.race import Race
from karttime.simulator.rmonitor.dialect import Dialect
from karttime.simulator.rmonitor.live import LiveFeed
from karttime.simulator.rmonitor.shown import Shown
from karttime.simulator.truth import TruthKeeper

END = "\r\n"


class RMonitorSimulator:
    """A meeting over RMonitor.

    Args:
        meeting: what is raced.
        dialect: how the feed speaks.
        seed: same meeting, dialect and seed: same frames; the race is that of any other format.
        start_at: time of the first frame, milliseconds since 1970-01-01 UTC.
    """

    def __init__(self, meeting: Meeting, dialect: Dialect, *, seed: int, start_at: int) -> None:
        self._dialect = dialect
        self._start_at = start_at
        self._race = Race(meeting, seed)
        self._sessions = len(meeting.sessions)
        self._shown = Shown()
        self._live = LiveFeed(dialect, self._shown, seed=seed + 1, start_at=start_at, session=self._race.session)
        self._now = 0
        self.truth = TruthKeeper(start_at)

    def frames(self) -> Iterator[Frame]:
        """All frames, in time order, made as they are asked for; `truth` is complete when they are exhausted."""
        live, timers = self._live, self._live.timers
        while (self._race.next_at, timers.next_at) != (None, None):
            race, timer = self._race.next_at, timers.next_at
            self._now = min(at for at in (race, timer) if at is not None)
            if race == self._now:
                self._step()
            else:
                timers.run_next()
            if live.pending:
                said, live.pending = live.pending, []
                yield Frame(self._start_at + self._now, self._text(said), offset=self._now)
                self._shown.fold(said)

    def snapshot(self) -> str:
        """What a client is sent who connects now: the state that all frames but the last one handed out told."""
        return _joined(self._shown.dump(relay=self._dialect.relay, now_ms=self._start_at + self._now))

    def _text(self, said: list[str]) -> str:
        """Lines as they go out; the first ones are what a client gets on connecting."""
        if self._now:
            return _joined(said)
        first = Shown()
        first.fold(said)
        return _joined(first.dump(relay=self._dialect.relay, now_ms=self._start_at))

    def _step(self) -> None:
        for event in self._race.step():
            self._live.hear(event, self._race.session)
            self.truth.hear(event, self._race.session, unseen=False, told=self._told)
            if isinstance(event, events.SessionClosed) and self._race.ordinal + 1 == self._sessions:
                self._live.end()

    def _told(self, row: CompetitorId) -> Mapping[str, str]:
        """Columns that the feed has beyond laps and times."""
        standing = self._race.session.standings[row]
        return {"pit": str(standing.stops)} if self._dialect.tells_pits else {}


def _joined(said: list[str]) -> str:
    return "".join(line + END for line in said)
