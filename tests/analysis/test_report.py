"""What a run of frames says, and the document that is made of it."""

import json
from functools import cache

import pytest

from karttime import __version__
from karttime.analysis.document import csv_safe, document, lap_rows, session_document, standing_rows
from karttime.analysis.report import Report, analyze
from karttime.feeds.frame import Frame
from karttime.simulator.mischief import STRANGERS
from karttime.simulator.scenarios import Options, simulator


@cache
def frames() -> tuple[Frame, ...]:
    options = Options(preset="pit-lane", karts=4, duration_ms=400_000, seed=3)
    return tuple(simulator(options).frames())


@cache
def report() -> Report:
    return analyze(frames())


SESSION_KEYS = {
    "id", "kind", "event", "title", "track", "started_at", "ended_at", "flag", "columns", "classification", "laps",
    "figures", "pit_stops", "notes",
}  # fmt: skip
STANDING_KEYS = {
    "position", "competitor_id", "number", "team", "driver", "laps", "last_lap_ms", "best_lap_ms", "gap", "gap_ms",
    "gap_laps", "interval", "interval_ms", "interval_laps", "pit_stops", "status", "in_pit",
}  # fmt: skip
LAP_KEYS = {"competitor_id", "lap", "time_ms", "at", "sectors_ms", "driver", "flags", "provenance"}


def test_shape_of_the_document() -> None:
    """Every key that programs rely on; everything is plain JSON."""
    made = document(report(), report().logbook.sessions, source="wss://example.org:8523")
    assert set(made) >= {"karttime", "recording", "format", "refused", "doubts", "sessions"}
    assert made["karttime"] == __version__
    assert set(made["recording"]) >= {"frames", "bytes", "first_at", "last_at", "source"}
    assert set(made["format"]) >= {"name", "confidence", "evidence", "ranking"}
    assert made["format"]["ranking"][0] == {"name": "apex", "score": 1.0}
    assert json.loads(json.dumps(made)) == made
    (session,) = made["sessions"]
    assert set(session) >= SESSION_KEYS
    assert all(set(row) >= STANDING_KEYS for row in session["classification"])
    assert all(set(lap) >= LAP_KEYS for lap in session["laps"])
    assert set(session["laps"][0]["provenance"]) >= {"frames", "rule", "note"}
    assert set(session["columns"][0]) >= {"column", "role", "label", "type"}
    assert set(session["figures"][0]) >= {"competitor_id", "laps", "best_ms", "mean_ms", "spread_ms"}
    stop = {"competitor_id", "stop", "after_lap", "in_at", "out_at", "duration_ms"}
    assert session["pit_stops"]
    assert all(set(one) >= stop for one in session["pit_stops"])
    assert session["notes"]
    assert set(session["notes"][0]) >= {"time", "kind", "number", "text"}


def test_frames_and_bytes_are_counted() -> None:
    """All frames, payload bytes in UTF-8, first and last time."""
    assert report().frames == len(frames())
    assert report().bytes == sum(len((frame.text or "").encode()) for frame in frames())
    assert (report().first_at, report().last_at) == (frames()[0].at, frames()[-1].at)


def test_bytes_of_binary_frames_and_lone_surrogates() -> None:
    """Whatever a recording holds can be counted."""
    found = analyze([Frame(0, None, b"12345"), Frame(1, "\ud800"), Frame(2, None)])
    assert (found.frames, found.bytes) == (3, 8)


def test_no_frames() -> None:
    """An answer, not an error."""
    found = analyze([])
    assert (found.frames, found.bytes, found.first_at, found.last_at) == (0, 0, None, None)
    assert found.detection.name == "unknown"
    made = document(found, [], source="")
    assert (made["recording"]["first_at"], made["sessions"]) == (None, [])


def test_frames_of_an_unknown_format_are_counted_only() -> None:
    """Nothing is decoded, and it is said."""
    found = analyze([Frame(n, "hello\n") for n in range(10)])
    assert (found.frames, found.logbook.sessions) == (10, [])
    assert any("no known format" in doubt for doubt in found.doubts)


def test_laps_that_wait_are_decided_at_the_end() -> None:
    """The recording stops right after a crossing whose cell was sent one frame before."""
    made = frames()
    last_crossing = max(n for n, frame in enumerate(made) if "|*|" in (frame.text or ""))
    cut = analyze(made[: last_crossing + 1])
    laps = sum(len(row.laps) for session in cut.logbook.sessions for row in session.competitors.values())
    assert laps == sum(
        len([lap for lap in row.laps if max(lap.provenance.frames) <= last_crossing])
        for session in report().logbook.sessions
        for row in session.competitors.values()
    )


def test_refused_lines_are_counted_with_samples() -> None:
    """Every reason; at most five samples each."""
    mixed = [one for n, frame in enumerate(frames()[:200]) for one in (frame, frame._replace(text=STRANGERS[n % 7]))]
    found = analyze(mixed)
    assert found.refused["foreign-bytes"] > 200
    assert set(found.samples) <= set(found.refused)
    assert all(1 <= len(samples) <= 5 for samples in found.samples.values())
    assert document(found, [], source="")["refused"] == dict(sorted(found.refused.items()))


def test_progress_is_told() -> None:
    """Frames and bytes so far; at the end all of them."""
    told: list[tuple[int, int]] = []
    analyze(frames(), progress=lambda count, size: told.append((count, size)))
    assert told == sorted(told)
    assert told[-1] == (report().frames, report().bytes)


def test_one_kart_only() -> None:
    """By number or id, and nobody else's laps."""
    (session,) = report().logbook.sessions
    whole = session_document(session)
    row = whole["classification"][0]
    for kart in (row["number"], row["competitor_id"]):
        one = session_document(session, kart)
        assert [found["competitor_id"] for found in one["classification"]] == [row["competitor_id"]]
        assert one["laps"] == [lap for lap in whole["laps"] if lap["competitor_id"] == row["competitor_id"]]
    assert session_document(session, "nobody")["laps"] == []


def test_rows_for_csv_hold_what_the_document_holds() -> None:
    """As many laps and places, the same times."""
    sessions = report().logbook.sessions
    whole = session_document(sessions[0])
    laps = list(lap_rows(sessions))
    assert [row["time_ms"] for row in laps] == [lap["time_ms"] for lap in whole["laps"]]
    assert [row["position"] for row in standing_rows(sessions)] == [row["position"] for row in whole["classification"]]
    assert len({tuple(row) for row in laps}) == 1
    kart = whole["classification"][0]["number"]
    assert {row["number"] for row in lap_rows(sessions, kart)} == {kart}
    assert [row["number"] for row in standing_rows(sessions, kart)] == [kart]


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("ANN", "ANN"),
        ("", ""),
        (-5, -5),
        (None, None),
    ],
)
def test_csv_cells(value: object, safe: object) -> None:
    """No cell that a spreadsheet takes for a formula; numbers stay numbers."""
    assert csv_safe(value) == safe


def test_texts_of_the_document_are_clean() -> None:
    """Control bytes of a feed do not get out, wherever they stood."""
    evil = "\x1b[2J\x00\u202eX"
    grid = (
        f'grid||<tbody><tr data-id="r0" class="head"><td data-id="c1" data-type="no">{evil}</td>'
        f'<td data-id="c2" data-type="dr"></td></tr><tr data-id="r7" data-pos="1"><td class="no">'
        f'<div data-id="r7c1" class="">{evil}</div></td><td data-id="r7c2" class="dr">{evil}</td></tr></tbody>'
    )
    text = f"init|r|\ntitle1||{evil}\ntitle2||{evil}\ntrack||{evil}\ncom||<p><b>{evil}</b>{evil}</p>\n{grid}\n"
    found = analyze([Frame(0, text)])
    made = json.dumps(document(found, found.logbook.sessions, source=evil), ensure_ascii=False)
    assert not [one for one in ("\\u001b", "\\u0000", "\u202e", "\x1b", "\x00") if one in made]
