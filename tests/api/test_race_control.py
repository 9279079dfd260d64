"""What race control asks of a service: frames, stops, marks, decisions about laps, recordings on request."""

from pathlib import Path
from typing import Any

import pytest

from karttime.api.policy import Policy
from karttime.domain.flags import Flag
from karttime.domain.updates import FlagChanged, MessageShown, Note, NotesAdded, PitEntered, PitLeft
from karttime.recording.reader import open_recording

from .conftest import START, Venue, kart, lap, opening, serving, until

BODY: dict[str, Any] = {
    "session_id": "20260101T120000Z-1",
    "competitor_id": "24089",
    "number": 1,
    "excluded": True,
    "reason": "cut",
}


async def test_frames_come_with_what_was_decoded_from_them(venue: Venue) -> None:
    """Those before the first question are raw only; `after` asks for what came since."""
    await venue.publish(*opening())
    before = (await venue.http.get("/circuits/hill/frames")).json()
    assert [(it["number"], it["text"], it["updates"]) for it in before] == [(1, "0", None)]
    await venue.publish(*lap(START + 60_000, "1:00.000", 60_000))
    found = (await venue.http.get("/circuits/hill/frames", params={"after": 1})).json()
    assert [it["number"] for it in found] == [2]
    assert "kart 11 lap 1:00.000 by last-lap-cell" in found[0]["updates"]
    assert (await venue.http.get("/circuits/hill/frames", params={"after": 2})).json() == []
    assert (await venue.http.get("/circuits/dale/frames")).json() == []
    assert (await venue.http.get("/circuits/nowhere/frames")).status_code == 404


async def test_stops_of_the_running_session(venue: Venue) -> None:
    """Newest first, an open one without its end."""
    at = START + 100_000
    await venue.publish(*opening(), *lap(START + 60_000, "1:00.000", 60_000))
    await venue.publish(PitEntered(at, kart("24089")))
    await venue.publish(PitLeft(at + 30_000, kart("24089")), PitEntered(at + 50_000, kart("24090")))
    found = (await venue.http.get("/circuits/hill/stops")).json()
    assert [(it["competitor_id"], it["duration_ms"], it["after_lap"]) for it in found] == [
        ("24090", None, 0),
        ("24089", 30_000, 1),
    ]
    mine = (await venue.http.get("/circuits/hill/stops", params={"competitor": "24089"})).json()
    assert [it["number"] for it in mine] == [1]
    assert (await venue.http.get("/circuits/dale/stops")).json() == []


async def test_what_race_control_did_is_in_the_log(venue: Venue) -> None:
    """Flags, penalties and the list, whose entries are told anew by each connection, once; not the ticker."""
    note = Note("12:00:05", "penalty", "7", "cut the chicane")
    await venue.publish(*opening())
    await venue.publish(FlagChanged(START + 1, Flag.YELLOW, "SLOW"), MessageShown(START + 2, "info", "best lap"))
    await venue.publish(MessageShown(START + 3, "penalty", "kart 7: 10 s"), NotesAdded(START + 4, (note,)))
    await venue.publish(FlagChanged(START + 5, Flag.GREEN, "green"), NotesAdded(START + 6, (note,)))
    archive = venue.service.archive
    assert archive is not None
    await venue.service.gate.settled()
    await until(lambda: not archive.status().queued)
    found = [(it["event"], it["detail"]) for it in (await venue.http.get("/circuits/hill/logs")).json()]
    assert [it for it in reversed(found) if it[0] in {"flag", "note", "penalty", "message"}] == [
        ("flag", "yellow (SLOW)"),
        ("penalty", "kart 7: 10 s"),
        ("penalty", "12:00:05 kart 7: cut the chicane"),
        ("flag", "green"),
    ]


async def test_a_decision_is_kept_beside_the_lap(venue: Venue) -> None:
    """Excluded, restored: both stay known in order, the lap as it was timed."""
    await venue.publish(*opening(), *lap(START + 60_000, "1:00.000", 60_000))
    path = "/circuits/hill/laps/decisions"
    assert (await venue.http.post(path, json=BODY)).status_code == 201
    assert (await venue.http.post(path, json=BODY | {"excluded": False, "reason": "was fine"})).status_code == 201
    found = (await venue.http.get(path, params={"session": BODY["session_id"]})).json()
    assert [(it["excluded"], it["reason"]) for it in found] == [(True, "cut"), (False, "was fine")]
    assert (await venue.http.get(path, params={"session": "other"})).json() == []
    assert len((await venue.http.get("/circuits/hill/laps")).json()) == 1


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"number": 0}, {"session_id": "\x00"}, {"more": 1}])
async def test_a_decision_without_reason_or_sense_is_refused(venue: Venue, wrong: dict[str, Any]) -> None:
    """422."""
    assert (await venue.http.post("/circuits/hill/laps/decisions", json=BODY | wrong)).status_code == 422


async def test_who_may_decide(tmp_path: Path) -> None:
    """As changing anything; marking and recording as starting a circuit does."""
    async with serving(tmp_path, policy=Policy.CONTROL) as venue:
        decide = ("/circuits/hill/laps/decisions", BODY)
        assert (await venue.http.post(decide[0], json=decide[1])).status_code == 401
        assert (await venue.http.post(decide[0], json=decide[1], headers=venue.key("control"))).status_code == 403
        assert (await venue.http.post(decide[0], json=decide[1], headers=venue.key("admin"))).status_code == 201
        for path in ("marks", "start-recording", "stop-recording"):
            assert (await venue.http.post(f"/circuits/hill/{path}", json={"text": "x"})).status_code == 401


async def test_a_recording_on_request_with_a_mark(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun and ended once each; the mark stands in it and in the log."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    async def ask(name: str) -> str:
        answer: str = (await venue.http.post(f"/circuits/hill/{name}")).json()["status"]
        return answer

    assert await ask("stop-recording") == "not_recording"
    assert [await ask("start-recording"), await ask("start-recording")] == ["recording", "already_recording"]
    await venue.publish(*opening())
    assert (await venue.http.post("/circuits/hill/marks", json={"text": "debris\x1b"})).json()["text"] == "debris"
    await venue.publish(*lap(START + 60_000, "1:00.000", 60_000))
    recorder = (await venue.http.get("/circuits/hill/status")).json()["collector_status"]["recorder"]
    assert (recorder["frames"], recorder["error"]) == (2, "")
    assert [await ask("stop-recording"), await ask("stop-recording")] == ["stopped", "not_recording"]
    (path,) = (tmp_path / "data" / "karttime" / "recordings").iterdir()
    recording = open_recording(path)
    assert [frame.text for frame in recording] == ["0", "1"]
    assert "debris" in [mark.text for mark in recording.marks]
    archive = venue.service.archive
    assert archive is not None
    await venue.service.gate.settled()
    await until(lambda: not archive.status().queued)
    events = (await venue.http.get("/circuits/hill/logs")).json()
    assert ("mark", "debris") in [(it["event"], it["detail"]) for it in events]
