"""Real traffic through the encoders and the archive's extract, as a live session would send it."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from karttime.api.wire import KartingData, TimingData
from karttime.domain.logbook import Logbook
from karttime.domain.session import Change, Session
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.base import Rejection
from karttime.recording.reader import open_recording
from karttime.storage.extract import Batch, Extract, Origin, Place

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures" / "apex"
NAMES = (
    "los-santos-3h-race-start.ndjson",
    "mariembourg-24h-start.jsonl",
    "onlykart-rental-day.jsonl",
    "sevilla-competition-edition.ndjson",
)


class App:
    """What today's app makes of the stream: its merge, and its way to count laps."""

    def __init__(self) -> None:
        self.karts: dict[str, dict[str, str]] = {}
        self.laps = 0

    def take(self, message: dict[str, Any]) -> None:
        assert all(isinstance(name, str) for name in message["column_order"])
        for kart, values in message["drivers"].items():
            known = self.karts.setdefault(kart, dict(values))
            for name, value in values.items():
                assert isinstance(value, str)
                if name == "Dernier T.":
                    assert re.fullmatch(r"\d{1,3}:\d\d\.\d{3}", value), value
                    self.laps += value != known.get(name)
                if value.strip():
                    known[name] = value


def run(name: str) -> tuple[App, App, Batch, Logbook]:
    """The stream of a capture, what a late joiner at its end is sent, and the rows that are stored."""
    decoder, logbook, extract, batch = ApexDecoder(), Logbook(), Extract(Origin("x", "u", "apex")), Batch()
    karting, timing, app = KartingData("x"), TimingData("x"), App()
    session: Session | None = None
    for seq, frame in enumerate(open_recording(CAPTURES / name), 1):
        changes = [logbook.apply(fact) for fact in decoder.feed(frame) if not isinstance(fact, Rejection)]
        changes = [change for change in changes if change.session_id is not None]
        session = logbook.current
        if not changes or session is None:
            continue
        batch.extend(extract.take(Place("e", seq), frame.at, session, changes))
        for message in _messages(karting, timing, session, changes, frame.at):
            app.take(message)
    late = App()
    late.take(orjson.loads(karting.full(session, 0)[0]))
    return app, late, batch, logbook


def _messages(
    karting: KartingData, timing: TimingData, session: Session, changes: list[Change], at: int
) -> list[dict[str, Any]]:
    if any(change.snapshot for change in changes):
        timing.full(session, at)
        return [orjson.loads(message) for message in karting.full(session, at)]
    timing.update(session, changes, at)
    return [orjson.loads(message) for message in karting.update(session, changes, at)]


@pytest.mark.captures
@pytest.mark.parametrize("name", NAMES)
def test_the_app_follows_real_traffic(name: str) -> None:
    """It ends with what a late joiner sees, counts laps, and never reads a word as a time."""
    if not CAPTURES.is_dir():
        pytest.skip(f"real traffic is not here: {CAPTURES}")
    app, late, batch, logbook = run(name)
    assert late.karts
    for kart, values in late.karts.items():
        kept = {column: value for column, value in values.items() if value.strip()}
        assert kept.items() <= app.karts[kart].items()
    laps = sum(len(competitor.laps) for session in logbook.sessions for competitor in session.competitors.values())
    # Two equal times in a row are one lap for the app: it counts a few fewer, and hardly ever one that was none.
    assert laps * 0.97 <= app.laps <= laps + 3
    stored = {(row.session_id, row.competitor_id, row.number) for row in batch.laps}
    assert len(stored) == laps, "every lap is stored, once"
    assert {row.session_id for row in batch.sessions} == {session.id for session in logbook.sessions}
