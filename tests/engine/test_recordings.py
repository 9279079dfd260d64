"""The folder of raw recordings: names, rotation, what is removed and what never is."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.engine import Engine
from karttime.engine.recordings import Recordings, Retention
from karttime.engine.source import Connected, Connecting, Ended, SourceItem
from karttime.engine.status import CollectorState
from karttime.errors import UsageError
from karttime.feeds.base import FeedFormat
from karttime.feeds.frame import Frame
from karttime.recording.reader import open_recording

from .conftest import BEGIN, Eventually, HandClock, ListSource

DAY_S = 86_400
STAMP = "20260517T080000Z"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def old(folder: Path, name: str, days: float, size: int = 100) -> Path:
    """A file that was last written to so many days before the tests' time."""
    path = folder / name
    path.write_bytes(b"x" * size)
    at = BEGIN / 1000 - days * DAY_S
    os.utime(path, (at, at))
    return path


async def test_every_start_of_a_circuit_is_a_recording(
    tmp_path: Path, word_formats: dict[str, FeedFormat], circuit: Circuit, hand_clock: HandClock, eventually: Eventually
) -> None:
    """Raw, also what the decoder refuses; the status names the file."""
    recordings = Recordings(tmp_path / "new" / "folder", clock=hand_clock.clock)
    items: list[SourceItem] = [
        Connecting(1),
        Connected(),
        Frame(BEGIN, "session one"),
        Frame(BEGIN + 1, "rubbish"),
        Ended(),
    ]
    async with Engine(
        LocalCircuits([circuit]),
        formats=word_formats,
        source_factory=lambda _: ListSource(items),
        recorder_factory=recordings.tap,
    ) as engine:
        for _ in range(2):
            await engine.start("hill")
            await eventually(lambda: engine.collector("hill").state is CollectorState.STOPPED)
        recorder = engine.collector("hill").status().recorder
    folder = tmp_path / "new" / "folder"
    assert names(folder) == [f"hill-{STAMP}-2.jsonl.zst", f"hill-{STAMP}.jsonl.zst"]
    assert recorder is not None
    assert (recorder.path, recorder.frames) == (str(folder / f"hill-{STAMP}-2.jsonl.zst"), 4)
    recording = open_recording(folder / f"hill-{STAMP}.jsonl.zst")
    assert [frame.text for frame in recording] == ["session one", "rubbish"]


@pytest.mark.parametrize("circuit_id", ["../../evil", "a/b", "..", "", "x" * 300, "c:\\x", "hill\n"])
def test_a_circuits_id_does_not_lead_out_of_the_folder(tmp_path: Path, circuit_id: str, hand_clock: HandClock) -> None:
    folder = tmp_path / "in"
    tap = Recordings(folder, clock=hand_clock.clock).tap(Circuit(circuit_id, "Evil", "ws://a.example"))
    tap.write(Frame(BEGIN, "x"))
    tap.close()
    assert len(names(folder)) == 1
    assert names(tmp_path) == ["in"]


def test_a_long_recording_is_continued_in_parts(tmp_path: Path, circuit: Circuit, hand_clock: HandClock) -> None:
    tap = Recordings(tmp_path, Retention(part_bytes=2000), clock=hand_clock.clock).tap(circuit)
    for number in range(80):
        tap.write(Frame(BEGIN + number, os.urandom(60).hex()))
    tap.close()
    assert len(names(tmp_path)) > 2
    assert f"hill-{STAMP}.002.jsonl.zst" in names(tmp_path)
    assert all(path.stat().st_size <= 2100 for path in tmp_path.iterdir())


def test_what_is_too_old_is_removed(tmp_path: Path, hand_clock: HandClock) -> None:
    old(tmp_path, "hill-20260101T080000Z.jsonl.zst", 31)
    old(tmp_path, "hill-20260101T080000Z.002.jsonl.zst", 30.5)
    old(tmp_path, "hill-20260501T080000Z-2.jsonl.zst", 29)
    recordings = Recordings(tmp_path, Retention(keep_days=30), clock=hand_clock.clock)
    assert recordings.sweep() == 2
    assert names(tmp_path) == ["hill-20260501T080000Z-2.jsonl.zst"]


def test_the_oldest_go_when_there_is_too_much(tmp_path: Path, hand_clock: HandClock) -> None:
    for days in (5, 3, 4, 1, 2):
        old(tmp_path, f"hill-2026051{days}T080000Z.jsonl.zst", days, 1000)
    Recordings(tmp_path, Retention(keep_bytes=2500), clock=hand_clock.clock).sweep()
    assert names(tmp_path) == ["hill-20260511T080000Z.jsonl.zst", "hill-20260512T080000Z.jsonl.zst"]


def test_zero_keeps_everything(tmp_path: Path, hand_clock: HandClock) -> None:
    old(tmp_path, "hill-20200101T080000Z.jsonl.zst", 3000, 1000)
    assert Recordings(tmp_path, Retention(0, 0), clock=hand_clock.clock).sweep() == 0


def test_files_of_others_and_links_are_never_removed(tmp_path: Path, hand_clock: HandClock) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    outside = old(tmp_path, "outside.jsonl.zst", 300)
    (folder / "hill-20200101T080000Z.jsonl.zst").symlink_to(outside)
    for name in ("race.jsonl.zst", "hill-20200101T080000Z.jsonl", "notes.txt", "hill-20200101T080000Z.jsonl.zst.bak"):
        old(folder, name, 300)
    before = names(folder)
    assert Recordings(folder, Retention(1, 1), clock=hand_clock.clock).sweep() == 0
    assert names(folder) == before


def test_what_is_being_written_is_never_removed(tmp_path: Path, circuit: Circuit, hand_clock: HandClock) -> None:
    recordings = Recordings(tmp_path, Retention(keep_days=1, keep_bytes=1), clock=hand_clock.clock)
    tap = recordings.tap(circuit)
    tap.write(Frame(BEGIN, "x"))
    assert recordings.sweep() == 0
    assert tap.status().error == ""
    tap.close()


def test_a_start_removes_what_is_due(tmp_path: Path, circuit: Circuit, hand_clock: HandClock) -> None:
    old(tmp_path, "hill-20260101T080000Z.jsonl.zst", 300)
    tap = Recordings(tmp_path, clock=hand_clock.clock).tap(circuit)
    tap.write(Frame(BEGIN, "x"))
    tap.close()
    assert names(tmp_path) == [f"hill-{STAMP}.jsonl.zst"]


def test_a_full_disk_is_loud_and_recording_goes_on_when_there_is_room(
    tmp_path: Path,
    circuit: Circuit,
    hand_clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An error in the log and in the status, frames counted as missed; a new file after a minute."""
    tap = Recordings(tmp_path, clock=hand_clock.clock).tap(circuit)
    tap.write(Frame(BEGIN, "x"))
    write: Callable[[int, bytes], int] = os.write

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with caplog.at_level(logging.ERROR):
        tap.write(Frame(BEGIN + 1, "y"))
        tap.write(Frame(BEGIN + 2, "z"))
    assert "No space left on device" in caplog.text
    assert (tap.status().missed, "No space left" in tap.status().error) == (2, True)
    monkeypatch.setattr(os, "write", write)
    hand_clock.advance(61)
    tap.write(Frame(BEGIN + 61_000, "w"))
    tap.close()
    assert (tap.status().error, tap.status().missed, tap.status().frames) == ("", 2, 2)
    assert len(names(tmp_path)) == 2


def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="choose another RECORD_DIR"):
        Recordings(tmp_path / "file")
