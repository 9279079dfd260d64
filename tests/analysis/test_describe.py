"""Frames in words."""

from pathlib import Path

from karttime.analysis.describe import MAX_LINES, describe
from karttime.domain.logbook import Logbook
from karttime.feeds.formats import FORMATS
from karttime.recording.merge import read_frames

RECORDING = Path(__file__).parents[2] / "recordings" / "endurance-fr.jsonl.gz"


def test_a_whole_race_is_told_in_bounded_plain_lines() -> None:
    """Laps by kart number, stops, flags, cells; never a control character."""
    decoder, logbook = FORMATS["apex"].decoder(), Logbook()
    told: list[str] = []
    for frame in read_frames([RECORDING]):
        changes = [logbook.apply(it) for it in decoder.feed(frame) if not hasattr(it, "reason")]
        lines = describe(changes, logbook.current)
        assert len(lines) <= MAX_LINES + 1
        told += lines
    assert all(line.isprintable() for line in told)
    for words in (" lap 1:0", " by crossing", "pit in", "pit out", "flag green", "session started: race", "notes "):
        assert any(words in line for line in told), words
