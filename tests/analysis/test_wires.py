"""What inference makes of one race told in the shapes that timing systems use, and of what is no timing at all."""

import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.analysis.inference.infer import infer
from karttime.analysis.inference.study import study
from karttime.analysis.report import analyze
from karttime.feeds.frame import Frame
from karttime.recording.merge import read_frames

from .races import race
from .strangers import STRANGERS
from .strangers import frames as frames_of_strangers
from .wire import frames, judge, parsed
from .wires import WIRES

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"


@pytest.mark.parametrize("name", WIRES)
def test_a_race_is_understood_however_it_is_told(name: str) -> None:
    """Nearly all fields that can be decided are, none is surely wrong; the parser gives every lap and the order."""
    wire = WIRES[name]
    report = analyze(frames(wire))
    assert report.findings is not None
    counts = judge(wire, report.findings)
    assert counts["sure"] == 0, counts
    assert counts["right"] >= 0.85 * counts["decidable"], counts
    assert not parsed(wire, report, race())


@pytest.mark.parametrize("pack", [str.encode, lambda text: zlib.compress(text.encode())])
def test_bytes_that_hold_text_are_read(pack: Callable[[str], bytes]) -> None:
    """Compressed or not."""
    wire = WIRES["graphql"]
    report = analyze([Frame(frame.at, None, pack(frame.text or "")) for frame in frames(wire)])
    assert report.spec is not None
    assert not parsed(wire, report, race())
    assert not report.refused


@pytest.mark.parametrize("name", ["init_and_updates", "columns_once", "csv_header", "typed_updates"])
def test_the_parser_holds_on_what_inference_did_not_see(name: str) -> None:
    """The last third of the race is read and nothing contradicts what was found in the first part."""
    found = study(frames(WIRES[name], seed=5))
    assert found.check is not None
    assert found.check.understood > 0.95
    assert found.check.readable > 0.95
    assert found.check.laps > 5
    assert not found.check.contradictions


def test_an_id_is_hardly_a_start_number() -> None:
    """A stream that is joined after its board was sent has ids alone: they are shown, and never called sure."""
    sent = frames(WIRES["by_id"])
    found = infer(sent[len(sent) // 3 :])
    ids = next(field for field in found.fields if field.path.endswith("racer_id"))
    assert ids.role.value == "number"
    assert ids.confidence < 0.8


def test_the_order_of_a_list_whose_columns_have_no_names() -> None:
    """A stream that is joined after its columns were described: a counter falls, gaps grow within equal counts."""
    found = infer(frames(WIRES["specified"])[1:])
    claimed = {field.path: field.role.value for field in found.fields}
    assert claimed["cars[].@place"] == "position"
    assert claimed["cars[].4"] == "laps"
    assert claimed["cars[].5"] == "gap"


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_timing_gets_no_parser(name: str) -> None:
    """Scores, prices, charts, chats, logs, pages: whatever ranks and times they have."""
    report = analyze(frames_of_strangers(name))
    assert report.detection.name == "unknown"
    assert report.spec is None
    assert not report.logbook.sessions


def test_a_mixed_recording_of_one_known_protocol_and_another() -> None:
    """The known one is decoded, the other is told of."""
    lines = [f'$G,{n % 9 + 1},"{n % 9 + 3}",{n},"00:12:{n % 60:02d}.075"\n' for n in range(60)]
    others = [json.dumps({"type": "speed", "car": n % 9, "kmh": 80 + n % 7}) for n in range(60)]
    texts = [text for pair in zip(lines, others, strict=True) for text in pair]
    report = analyze([Frame(1000 * n, text) for n, text in enumerate(texts)])
    assert report.detection.name == "rmonitor"
    assert 0.4 < report.detection.mixed["other"] < 0.6


@pytest.mark.captures
@pytest.mark.parametrize("system", ["apex", "rmonitor"])
def test_fragments_of_real_traffic_are_recognised(system: str) -> None:
    """Wherever a stream is joined and however little of it is seen, as long as it is more than keep-alives."""
    if not CAPTURES.exists():
        pytest.skip("no captures here")
    rng = random.Random(11)
    for path in sorted((CAPTURES / system).iterdir()):
        every = [frame for frame in read_frames([path]) if frame.text and frame.text.strip()]
        every = [frame for frame in every if "\ufffd" not in (frame.text or "") and "HTTP/1" not in (frame.text or "")]
        for many in (1, 2, 3, 5, 10, 50):
            at = rng.randrange(max(len(every) - many, 1))
            found = analyze(every[at : at + many]).detection
            assert found.name in (system, "racemonitor"), (path.name, at, many)


@pytest.mark.captures
@pytest.mark.parametrize(
    ("path", "roles"),
    [
        ("racefacer/kartarenacheb_session71.pretty.json", "position number driver laps last_lap best_lap gap interval"),
        ("clubspeed/stream_reconstructed.txt", "position number driver last_lap best_lap laps"),
        ("indycar/timingscoring-ris.json", "position number driver laps last_lap best_lap gap interval"),
        ("nls/n24q_pid0_first10rows.json", "position number driver last_lap best_lap"),
        ("nfs-kyiv/getmaininfo.json", "number driver last_lap best_lap laps"),
        ("f1-feed/2024_Imola_Qualifying_subscribe.txt", "position number driver laps"),
    ],
)
def test_real_systems_are_understood(path: str, roles: str) -> None:
    """What a board needs is found in small captures of systems that karttime has no decoder for."""
    if not (CAPTURES / "other").exists():
        pytest.skip("no captures here")
    found = study([*read_frames([CAPTURES / "other" / path])])
    claimed = {field.role.value for field in found.fields}
    assert set(roles.split()) <= claimed
    assert found.spec is not None
