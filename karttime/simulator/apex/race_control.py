"""The race-control list (`com`) and the ticker (`msg`): complete replacements, newest entry first."""

from karttime.domain.flags import Flag
from karttime.simulator.apex import texts
from karttime.simulator.apex.dialect import Dialect
from karttime.simulator.model import Action, Intervention
from karttime.simulator.session import SessionState, Standing

ENTRY_KIND = {Action.WARNING: "warning", Action.PENALTY: "penalty", Action.NOTE: "msg"}
TICKER_CLASS = {Action.WARNING: "msgw", Action.PENALTY: "msgp", Action.NOTE: "msgt"}


class RaceControl:
    """Entries of one session."""

    def __init__(self, dialect: Dialect, start_at: int) -> None:
        self._dialect = dialect
        self._start_at = start_at
        self._entries: list[str] = []
        self._ticker = "msg||"

    def clear(self) -> None:
        self._entries.clear()
        self._ticker = "msg||"

    def com_line(self) -> str:
        return "com||" + "".join(self._entries)

    def msg_line(self) -> str:
        return self._ticker

    def flag(self, now: int, flag: Flag) -> None:
        """Green and chequered are written down; yellow and red only change the light."""
        words = self._dialect.words
        if flag is Flag.GREEN:
            self._write(now, f'<span data-flag="green"></span>{words.green}')
        elif flag is Flag.CHEQUERED:
            self._write(now, f'<span data-flag="chequered"></span>{words.chequered}')

    def best_lap(self, session: SessionState, standing: Standing) -> None:
        """The ticker of the leisure edition names every new best lap; the competition edition's stays empty."""
        if self._dialect.competition or standing.last_ms is None:
            return
        lap = texts.lap_time(standing.last_ms)
        speed = texts.speed(session.plan.track.length_m, standing.last_ms)
        self._ticker = f"msg||{self._dialect.words.best_lap} : {standing.line_name} - {lap} ({speed} km/h)"

    def decide(self, now: int, intervention: Intervention, standing: Standing) -> None:
        """A warning, penalty or note of the stewards."""
        action, words = intervention.action, self._dialect.words
        kind = ENTRY_KIND[action]
        if action is Action.NOTE:
            self._write(now, f'<span data-flag="{kind}"></span>{intervention.text}')
            self._ticker = f"msg|{TICKER_CLASS[action]}|{intervention.text}"
            return
        decision = words.warning if action is Action.WARNING else words.penalty
        text = f"{decision} - {intervention.text}"
        number = f'<span class="com_no no{standing.colour}">{standing.number}</span>'
        self._write(now, f'<span data-flag="{kind}"></span>{number}{text}')
        self._ticker = f"msg|{TICKER_CLASS[action]}|N°{standing.number} {standing.line_name} : {text}"

    def _write(self, now: int, html: str) -> None:
        time = texts.wall_clock(self._start_at + now, self._dialect.utc_offset_min)
        self._entries.insert(0, f"<p><b>{time}</b>{html}</p>")
