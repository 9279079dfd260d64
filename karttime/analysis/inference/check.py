"""A generated parser on frames that inference did not see: what it reads, and where the feed contradicts it."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from karttime.analysis.inference.findings import Check
from karttime.analysis.inference.infer import is_timed
from karttime.analysis.inference.series import QUIET_MS
from karttime.domain.logbook import Logbook
from karttime.domain.session import Session
from karttime.domain.updates import LapCompleted, LapFlag
from karttime.feeds.base import Rejection
from karttime.feeds.declared.decoder import DeclaredDecoder
from karttime.feeds.declared.spec import FeedSpec
from karttime.feeds.frame import Frame

_MAX_LISTED: Final = 12
_LOOK_EVERY: Final = 25


def check_spec(spec: FeedSpec, seen: Sequence[Frame], unseen: Sequence[Frame]) -> Check:
    """Decode what inference saw, then judge what it did not see."""
    decoder = DeclaredDecoder(spec)
    logbook = Logbook()
    for frame in seen:
        _apply(logbook, decoder, frame)
    before = _counts(decoder)
    judge = _Judge(timed=is_timed([*seen, *unseen]))
    due = False
    for number, frame in enumerate(unseen):
        judge.frame(decoder, logbook, frame)
        due = due or number % _LOOK_EVERY == 0
        last = number == len(unseen) - 1
        if last or (due and unseen[number + 1].at - frame.at >= QUIET_MS):
            judge.look(logbook)
            due = False
    return judge.verdict(len(unseen), before, _counts(decoder))


def _apply(logbook: Logbook, decoder: DeclaredDecoder, frame: Frame) -> list[object]:
    facts: list[object] = []
    for update in decoder.feed(frame):
        facts.append(update)
        if not isinstance(update, Rejection):
            logbook.apply(update)
    return facts


def _counts(decoder: DeclaredDecoder) -> tuple[int, int, Counter[str], Counter[str]]:
    """Values read and not, in all and by field."""
    read: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    for table in decoder.tables:
        for index, field in enumerate(table.spec.fields):
            name = f"{table.spec.rows}.{field.path} as {field.role}"
            read[name] += table.rows.read[index]
            unread[name] += table.rows.unread[index]
    return read.total(), unread.total(), read, unread


class _Judge:
    def __init__(self, *, timed: bool) -> None:
        self._clock = timed
        self._refused = 0
        self._laps = 0
        self._timed = 0
        self._in_time = 0
        self._last_at: dict[str, int] = {}
        self._found: Counter[str] = Counter()
        self._looked: Counter[str] = Counter()

    def frame(self, decoder: DeclaredDecoder, logbook: Logbook, frame: Frame) -> None:
        for update in _apply(logbook, decoder, frame):
            if isinstance(update, Rejection):
                self._refused += 1
            elif isinstance(update, LapCompleted):
                self._lap(update)

    def _lap(self, lap: LapCompleted) -> None:
        self._laps += 1
        before, self._last_at[lap.competitor_id] = self._last_at.get(lap.competitor_id), lap.at
        if self._clock and before is not None and lap.at > before and not lap.flags & {LapFlag.PIT, LapFlag.DOUBTFUL}:
            self._timed += 1
            self._in_time += abs(lap.at - before - lap.time_ms) <= max(6000, lap.time_ms // 8)

    def look(self, logbook: Logbook) -> None:
        """The board as it is now: positions each once, nobody's best lap above the last."""
        if not logbook.sessions:
            return
        session = logbook.sessions[-1]
        positions = [c.position for c in session.competitors.values() if c.on_board and c.position]
        self._judge("two competitors with one position", len(set(positions)) < 0.95 * len(positions))
        self._judge("a best lap above the last lap", _best_above_last(session))

    def _judge(self, what: str, wrong: bool) -> None:
        self._looked[what] += 1
        self._found[what] += wrong

    def verdict(
        self,
        frames: int,
        before: tuple[int, int, Counter[str], Counter[str]],
        after: tuple[int, int, Counter[str], Counter[str]],
    ) -> Check:
        values, unread = after[0] - before[0], after[1] - before[1]
        said = [
            f"{what}, at {count} of {self._looked[what]} moments"
            for what, count in self._found.items()
            if count > 0.1 * self._looked[what]
        ]
        for name, count in (after[3] - before[3]).items():
            total = after[2][name] - before[2][name]
            if count > 0.1 * total:
                said.append(f"{count} of {total} values of {name} make no sense")
        if frames and not values:
            said.append("nothing that the spec explains was received")
        in_time = round(self._in_time / self._timed, 3) if self._timed >= 3 else None
        if in_time is not None and in_time < 0.5:
            said.append("laps do not last as long as what passes between them")
        return Check(
            frames,
            round(1 - self._refused / frames, 3) if frames else 0.0,
            values,
            round(1 - unread / values, 3) if values else 1.0,
            self._laps,
            in_time,
            tuple(said[:_MAX_LISTED]),
        )


def _best_above_last(session: Session) -> bool:
    wrong = compared = 0
    for competitor in session.competitors.values():
        values = competitor.values(session.columns)
        best, last = values.get("best_lap_ms"), values.get("last_lap_ms")
        if isinstance(best, int) and isinstance(last, int):
            compared += 1
            wrong += best > last + 10
    return wrong > 0.1 * compared and wrong >= 2
