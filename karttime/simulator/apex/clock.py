"""The session clocks `dyn1` and `dyn2`."""

from collections.abc import Callable

from karttime.domain.flags import Flag
from karttime.simulator.apex import texts
from karttime.simulator.apex.dialect import Clock, Dialect
from karttime.simulator.session import SessionState
from karttime.simulator.timers import Timers

CLOCK_MS = 30_000
SECOND_CLOCK_MS = 15_000


class Clocks:
    """`dyn1`: scheduled length, then time left or elapsed every 30 s, or `Tour 3/10`; `dyn2`: elapsed, every 15 s."""

    def __init__(self, dialect: Dialect, timers: Timers, touch: Callable[[], None]) -> None:
        self._dialect = dialect
        self._timers = timers
        self._touch = touch
        self._session: SessionState | None = None
        self.dyn1 = "dyn1|text|"
        self.dyn2 = "dyn2|text|00:00"

    def load(self, session: SessionState) -> None:
        self._session = session
        self.dyn2 = "dyn2|text|00:00"
        if session.plan.laps is None:
            self.dyn1 = f"dyn1|text|{texts.length(session.plan.length_ms)}"
        else:
            self.lap()

    def lap(self) -> None:
        """A kart crossed the line: the leader's lap may count."""
        session = self._session
        if session is not None and session.plan.laps is not None:
            self.dyn1 = f"dyn1|text|{self._dialect.words.lap_clock} {session.leader_laps}/{session.plan.laps}"

    def now(self, now: int) -> str:
        """`dyn1` at this moment, where it runs."""
        session = self._session
        if session is None or not self.dyn1.startswith(("dyn1|countdown|", "dyn1|count|")):
            return self.dyn1
        return self._running(session, now)

    def _running(self, session: SessionState, now: int) -> str:
        green = session.green_at or 0
        if self._dialect.clock is Clock.COUNT_UP:
            return f"dyn1|count|{now - green}"
        return f"dyn1|countdown|{max(0, green + session.plan.length_ms - now)}"

    def flag(self, now: int, flag: Flag) -> None:
        session = self._session
        if session is None:
            return
        if flag is Flag.CHEQUERED and session.plan.laps is None:
            self.dyn1 = "dyn1|text|"
        if flag is not Flag.GREEN or now != session.green_at:
            return
        if session.plan.laps is None:
            self.dyn1 = self._running(session, now)
            self._timers.every(now + CLOCK_MS, CLOCK_MS, lambda at: self._tick(session, at))
        if self._dialect.competition:
            self._timers.every(now + SECOND_CLOCK_MS, SECOND_CLOCK_MS, lambda at: self._second(session, at))

    def _tick(self, session: SessionState, now: int) -> bool:
        if session is not self._session or session.chequered_at is not None:
            return False
        self.dyn1 = self._running(session, now)
        self._touch()
        return True

    def _second(self, session: SessionState, now: int) -> bool:
        if session is not self._session or session.chequered_at is not None:
            return False
        self.dyn2 = f"dyn2|count|{now - (session.green_at or 0)}"
        self._touch()
        return True
