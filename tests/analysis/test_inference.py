"""What inference makes of feeds that nobody has seen: made-up ones with known truth, hostile ones, none at all."""

import base64
import json
import random
import zlib
from collections import Counter
from collections.abc import Sequence

import pytest

from karttime.analysis.inference.infer import infer
from karttime.analysis.inference.study import study
from karttime.analysis.report import analyze
from karttime.domain.classification import classification
from karttime.feeds.declared.spec import FieldRole, load_spec
from karttime.feeds.frame import Frame

from . import synthetic

SEEDS = (1, 4, 6, 9, 16, 19, 26, 32)


def test_most_roles_are_right_and_none_is_surely_wrong() -> None:
    """Whatever fields are called, however rows are nested, wrapped and updated."""
    total: Counter[str] = Counter()
    for seed in SEEDS:
        feed = synthetic.make(seed)
        total += synthetic.judge(feed, infer(feed.frames))
    assert total["right"] >= 0.9 * total["decidable"]
    assert total["sure"] == 0


@pytest.mark.parametrize("seed", [3, 8, 16, 22, 26, 40])
def test_the_generated_parser_gives_the_laps_and_the_standing(seed: int) -> None:
    """Nearly every lap of the truth, at most one made up, and everybody in order."""
    feed = synthetic.make(seed)
    report = analyze(feed.frames)
    (session,) = report.logbook.sessions
    truth = Counter((number, round(ms, -1)) for number, laps in feed.laps.items() for ms in laps)
    made = Counter(
        (str(c.values(session.columns)["number"]), round(lap.time_ms, -1))
        for c in session.competitors.values()
        for lap in c.laps
    )
    near = sum(min(made[key], truth[key]) for key in truth)
    assert made.total() <= truth.total() + 1
    assert near >= 0.85 * truth.total(), feed.style  # times cut to two decimals may round the other way
    assert made.total() >= 0.98 * truth.total()
    assert [standing.number for standing in classification(session)] == list(feed.order)


def test_a_parser_is_checked_on_frames_that_inference_did_not_see() -> None:
    """Nearly all of it is understood, and nothing contradicts it."""
    found = study(synthetic.make(8).frames)
    assert found.check is not None
    assert found.check.understood > 0.95
    assert found.check.readable > 0.95
    assert found.check.laps > 10
    assert not found.check.contradictions


def test_a_person_corrects_a_role() -> None:
    """The corrected spec decodes: what was the interval is shown as the gap."""
    feed = synthetic.make(9)
    spec = analyze(feed.frames).spec
    assert spec is not None
    data = spec.model_dump(mode="json")
    for field in data["tables"][0]["fields"]:
        if field["role"] == "best_lap":
            field["role"] = "average_lap"
    report = analyze(feed.frames, spec=load_spec(data))
    roles = {column.role.value for column in report.logbook.sessions[-1].columns}
    assert "average_lap" in roles
    assert "best_lap" not in roles
    assert report.findings is None


def test_two_rows_cannot_tell_a_gap_from_an_interval() -> None:
    """They are the same: undecided, with candidates, whatever the name says."""
    rows = [{"pos": p, "no": n, "gap": g, "last": t} for p, n, g, t in ((1, "7", "", "30.1"), (2, "9", "1.25", "30.4"))]
    found = infer([Frame(0, json.dumps({"rows": rows}))])
    (gap,) = (field for field in found.fields if field.path.endswith(".gap"))
    assert gap.role is FieldRole.UNDECIDED


def bomb() -> str:
    packer = zlib.compressobj(9, wbits=-15)
    return base64.b64encode(packer.compress(bytes(50 << 20)) + packer.flush()).decode()


def packed_list() -> str:
    return base64.b64encode(zlib.compress(b"[" + b"1," * 900_000 + b"1]", 9)).decode()


def prose(rng: random.Random) -> str:
    words = ["kart", "went", "round", "somebody", "said", "hello", "while", "it", "rained", "on", "stands"]
    return " ".join(rng.choice(words) for _ in range(12)) + "."


HOSTILE = {
    "deep": ["[" * 100_000 + "]" * 100_000] * 3,
    "nested": [json.dumps({"a": [[[[[[[[[[{"b": [1, 2, 3]}]]]]]]]]]]})] * 20,
    "giant": ["a;" * 1_000_000] * 3,
    "bomb": [json.dumps({"z": bomb()})] * 5,
    "colons": ["1:" * 100_000] * 3,
    "digits": [json.dumps({"rows": [{"t": "1" * 5000, "g": ":" * 5000, "p": 10**300}] * 5})] * 3,
    "keys": [json.dumps({f"k{n}": n for n in range(20_000)})] * 3,
    "rows": [json.dumps([{f"c{c}": c * r for c in range(60)} for r in range(800)])] * 4,
    "xml": ["<a>" * 5000],
    "entities": ['<!DOCTYPE x [<!ENTITY a "b">]><x>' + "&a;" * 100 + "</x>"] * 3,
    "surrogates": ['{"a": "\\ud800", "rows": [{"n": "\\ud800"}, {"n": "x"}]}'] * 3,
    "many bombs": [json.dumps({"z": [packed_list()] * 100})] * 3,
    "packed bomb": [bomb()] * 3,
    "packed lists": [packed_list()] * 8,
    "tables": ["Pos  No  Name\n" + "\n".join(f"{n % 90:>3} {n % 70:>3}  abc" for n in range(20_000))] * 2,
    "wide": [";".join(f"h{n}" for n in range(5000)) + "\n" + ";".join(str(n) for n in range(5000))] * 3,
    "maps": [json.dumps({f"m{k}": {f"i{n}": n for n in range(500)} for k in range(50)})] * 3,
    "lists": [json.dumps({f"m{k}": [*range(800)] for k in range(60)})] * 3,
    "heads": [json.dumps({"cols": [f"c{k}" for k in range(250)], "rows": [[*range(250)]] * 200})] * 3,
    "tiny": ["1"] * 40_000,
    "kinds": [json.dumps({"type": f"t{n}", "rows": [{"a": n}] * 5}) for n in range(3000)],
    "stomp": ["MESSAGE\n" + "a:b\n" * 50_000 + "\n\n{}\0"] * 3,
    "infinite": ['{"rows":[{"a":1e999,"b":2},{"a":1,"b":-1e999}]}'] * 20,
    "numbers": ['{"rows":[{"a":1e308,"b":-1e308},{"a":1e308,"b":NaN}]}', '{"rows":[{"a":1e308,"b":9e99}]}'],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_samples_are_bounded(name: str) -> None:
    """Nothing is raised, and it ends soon (the suite's limit of time)."""
    frames = [Frame(1000 * number, text) for number, text in enumerate(HOSTILE[name])]
    assert analyze(frames).frames == len(frames)


def texts(lines: Sequence[str]) -> list[Frame]:
    return [Frame(1_790_000_000_000 + 1000 * number, line) for number, line in enumerate(lines)]


def test_what_is_no_timing_is_not_decoded() -> None:
    """Prose, chat, web pages, stock tickers, weather: no standing is found in them."""
    rng = random.Random(5)
    chat = [json.dumps({"user": f"u{rng.randint(1, 9)}", "text": prose(rng), "id": n}) for n in range(120)]
    ticks = [
        json.dumps(
            {
                "s": rng.choice(("AAA", "BBB", "CCC", "DDD")),
                "p": round(90 + rng.random() * 9, 2),
                "v": rng.randint(1, 999),
            }
        )
        for _ in range(300)
    ]
    board = [
        json.dumps([{"symbol": s, "bid": 50 + rng.random(), "vol": rng.randint(1, 9**6)} for s in "ABCDE"])
        for _ in range(80)
    ]
    page = ["<html><body><table><tr><td>Home</td><td>About</td></tr></table><p>Welcome</p></body></html>"] * 5
    weather = [json.dumps({"temp": 20 + n % 3, "wind": n % 9, "city": "X"}) for n in range(60)]
    for lines in ([prose(rng) for _ in range(80)], chat, ticks, board, page, weather):
        report = analyze(texts(lines))
        assert report.detection.name == "unknown"
        assert report.spec is None, lines[0]
        assert not report.logbook.sessions


def test_binary_is_described() -> None:
    """How many, how long, how they begin; nothing is decoded."""
    report = analyze([Frame(n, None, bytes((0x92, n % 7, n))) for n in range(30)])
    assert report.findings is not None
    assert report.findings.framing == "binary"
    assert "30 binary messages" in report.findings.notes[0]
