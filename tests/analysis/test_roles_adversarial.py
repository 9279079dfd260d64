"""Boards made to mislead: no role is claimed wrongly and surely, and what the data decide is decided."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from karttime.analysis.inference.infer import infer
from karttime.analysis.report import analyze
from karttime.domain.classification import classification

from .adversarial import START, UNITS, Board, Race, Show, Shown, drive, frames, gap, judge, plain, random_board, text

S = Shown


def D(role: str, show: Show = plain, right: tuple[str, ...] = ()) -> Shown:  # noqa: N802 - as short as S: boards are read as tables
    """A field whose role the sample decides."""
    return Shown(role, show, right, decidable=True)


RACE = drive(1)
PRACTICE = drive(2, by_best=True)


def times(unit: str, names: str, *roles: str) -> dict[str, Shown]:
    return {name: S(role, UNITS[unit], decidable=True) for name, role in zip(names.split(), roles, strict=True)}


LAPS = ("last_lap", "best_lap")
SECTORS = ("sector_1", "sector_2", "sector_3")

BOARDS: Mapping[str, tuple[Race, Board]] = {
    "gap and interval swapped": (
        RACE,
        {
            "pos": D("position"), "no": D("number"), "laps": D("laps"),
            "gap": D("interval", gap()), "int": D("gap", gap()),
            **times("text", "last best", *LAPS),
        },
    ),
    "best and last swapped": (
        RACE,
        {
            "rank": D("position"), "nr": D("number"), "laps": D("laps"),
            **times("text", "best_lap last_lap", *LAPS), "driver": D("driver"),
        },
    ),
    "position and laps swapped": (
        RACE,
        {
            "laps": D("position"), "pos": D("laps"), "car": D("number"),
            **times("ms", "last best", *LAPS),
        },
    ),
    "no names": (
        RACE,
        {
            "qa": D("position"), "qb": D("laps"), "qc": D("gap", gap()),
            "qd": D("interval", gap()), **times("s", "qe qf", *LAPS), **times("s", "qg qh qi", *SECTORS),
            "qj": S("number"), "qk": S("id"), "ql": S("grid"), "qm": S("age", right=("number",)),
            "qn": D("driver"), "qo": D("total_time", UNITS["s"]),
        },
    ),
    "one letter each": (
        RACE,
        {
            "p": D("position"), "n": S("number"), "l": D("laps"), "g": D("gap", gap()),
            "i": D("interval", gap()), **times("text", "t b", *LAPS), "s": S("in_pit"), "d": D("driver"),
        },
    ),
    "letters mean other things within": (
        RACE,
        {
            "p": D("position"), "c.n": S("number", right=("id",)), "c.p": S("grid"), "l.n": D("laps"),
            "l.l": D("last_lap", UNITS["ms"]), "l.b": D("best_lap", UNITS["ms"]), "d.n": D("driver"),
            "d.a": S("age", right=("number",)),
        },
    ),
    **{
        f"times in {unit}": (
            RACE,
            {
                "pos": D("position"), "no": D("number"), "laps": D("laps"),
                **times(unit, "last best", *LAPS), **times(unit, "x y z", *SECTORS), "w": D("average_lap", UNITS[unit]),
            },
        )
        for unit in UNITS
    },
    "counters that are no laps": (
        RACE,
        {
            "position": D("position"), "kart": D("number"), "tours": D("laps"),
            "beat": S("heartbeat"), "stops": D("pit_stops"),
            "charge": S("battery"), "best_in_lap": S("best_lap_number"),
            **times("text", "lastLap bestLap", *LAPS),
        },
    ),
    "numbers that look like times": (
        RACE,
        {
            "pos": D("position"), "no": D("number"), "laps": D("laps"), "v": S("speed"),
            "a": S("age", right=("number",)), "w": S("weight", right=("number",)),
            "since": S("since", right=("passing",)),
            **times("s", "last best", *LAPS),
        },
    ),
    "ids, transponders, karts": (
        RACE,
        {
            "id": S("id", right=("transponder",)), "transponder": D("transponder", right=("id",)),
            "kartNumber": D("number"), "rank": D("position"), "laps": D("laps"),
            "nat": D("nationality"), "color": D("colour"), **times("ms", "llt blt", *LAPS),
        },
    ),
    "two classes": (
        RACE,
        {
            "rank": S("class_position"), "overall": D("position"), "category": D("class"),
            "grid": S("grid"), "no": D("number"), "laps": D("laps"), **times("comma", "last best", *LAPS),
        },
    ),
    "laps behind in words": (
        RACE,
        {
            "clt": D("position"), "num": D("number"), "tours": D("laps"),
            "ecart": D("gap", gap("tours")), "intervalle": D("interval", gap("tours", "", "-")),
            "dernier tour": D("last_lap", UNITS["text"]), "meilleur tour": D("best_lap", UNITS["text"]),
            "équipe": D("team"), "pilote": D("driver"),
        },
    ),
    "German": (
        RACE,
        {
            "Platz": D("position"), "Startnummer": D("number"), "Runden": D("laps"),
            "Rückstand": D("gap", gap("Rd.")), "Letzte Runde": D("last_lap", UNITS["comma"]),
            "Beste Runde": D("best_lap", UNITS["comma"]), "Fahrer": D("driver"),
            "Boxenstopps": D("pit_stops"), "Klasse": D("class"),
        },
    ),
    "pits as numbers and words": (
        RACE,
        {
            "pos": D("position"), "no": D("number"), "laps": D("laps"), **times("ms", "last best", *LAPS),
            "inPit": D("in_pit", lambda value: str(int(value))),
            "state": D("in_pit", lambda value: "PIT" if value else "RUN", right=("status",)),
            "pits": D("pit_stops"), "pitTime": D("pit_time", UNITS["s"]), "pen": D("penalty"),
        },
    ),
    "qualifying": (
        PRACTICE,
        {
            "pos": D("position"), "no": D("number"), "laps": D("laps"), **times("text", "last best", *LAPS),
            "diff": D("gap", gap(plus="")), "behind": D("interval", gap(plus="")), "name": D("driver"),
        },
    ),
    "qualifying without names": (
        PRACTICE,
        {
            "k1": D("position"), "k2": S("number"), "k3": D("laps"), "k4": D("last_lap", UNITS["text"]),
            "k5": D("best_lap", UNITS["text"]), "k6": D("gap", gap(plus="")),
        },
    ),
}  # fmt: skip


def nested(message: dict[str, Any]) -> dict[str, Any]:
    """Names with a dot are fields of objects within the row."""
    for row in message["rows"]:
        for name in [name for name in row if "." in name]:
            outer, _, inner = name.partition(".")
            row.setdefault(outer, {})[inner] = row.pop(name)
    return message


def test_nothing_is_wrong_and_sure_and_what_is_decidable_is_decided() -> None:
    """Over all boards; the sentences say which field of which board."""
    total: Counter[str] = Counter()
    said = []
    for name, (race, board) in BOARDS.items():
        counts, sentences = judge(board, infer(frames(race, board, extra=nested)))
        total += counts
        said += [f"{name}: {sentence}" for sentence in sentences]
    assert total["sure"] == 0, "\n".join(said)
    assert total["right"] >= 0.95 * total["decidable"], "\n".join(said)


@pytest.mark.parametrize("name", ["no names", "one letter each", "qualifying without names"])
def test_of_some_seconds_little_is_claimed(name: str) -> None:
    """Ten seconds without telling names: nothing is sure but what one moment proves."""
    race, board = BOARDS[name]
    every = frames(race, board)
    for first in (1, 30):
        counts, said = judge(board, infer(every[first : first + 2]))
        assert counts["sure"] == 0, said


@pytest.mark.parametrize(("named", "share"), [(True, 0.95), (False, 0.8)])
def test_random_boards(named: bool, share: float) -> None:
    """Any fields in any units, also in races too short: never wrong and sure; names decide what data cannot."""
    total: Counter[str] = Counter()
    said = []
    for seed in range(8):
        race, board = random_board(seed, named=named)
        counts, sentences = judge(board, infer(frames(race, board)))
        total += counts
        said += [f"{seed}: {sentence}" for sentence in sentences]
    assert total["sure"] == 0, "\n".join(said)
    assert total["right"] >= share * total["decidable"], "\n".join(said)


CLOCKS: Mapping[str, tuple[Show, str]] = {
    "up": (plain, "clock_elapsed"),
    "down": (lambda second: 3600 - second, "clock_remaining"),
    "down as text": (lambda second: text((3600 - second) * 1000), "clock_remaining"),
    "down as a period": (lambda second: f"PT{(3600 - second) // 60}M{(3600 - second) % 60}S", "clock_remaining"),
    "epoch": (lambda second: START + second * 1000, "time_of_day"),
    "a heartbeat": (lambda second: second // 5, "undecided"),
    "the air": (lambda second: 20 + second % 7 / 10, "undecided"),
    "the leader's laps": (lambda second: second // 40, "undecided"),
}


@pytest.mark.parametrize("kind", CLOCKS)
def test_clocks_without_a_name(kind: str) -> None:
    """What runs with the recording is a clock; beats, temperatures and laps are none."""
    show, role = CLOCKS[kind]
    race, board = BOARDS["German"]
    found = infer(frames(race, board, extra=lambda message: {"rows": message["rows"], "a": show(message["t"])}))
    (clock,) = (field for field in found.fields if field.path == "a")
    assert clock.role.value == role


def test_what_stands_is_how_long_something_takes() -> None:
    """Whatever it is called: a time that has passed goes on. A zero has no unit, so that no parser reads it."""
    race, board = BOARDS["German"]
    extra = {"raceTime": "8:00", "elapsed": 480, "remaining": 0}
    found = infer(frames(race, board, extra=lambda message: {"rows": message["rows"], **extra}))
    said = {field.path: field.role.value for field in found.fields if field.path in extra}
    assert said == {"raceTime": "undecided", "elapsed": "undecided", "remaining": "clock_remaining"}
    assert found.spec is not None
    assert not found.spec.session


@pytest.mark.parametrize("karts", [1, 2])
@pytest.mark.parametrize("name", ["German", "no names", "ids, transponders, karts"])
def test_one_or_two_competitors(name: str, karts: int) -> None:
    """Nothing is sure that many rows would have to show."""
    board = BOARDS[name][1]
    counts, said = judge(board, infer(frames(drive(3, karts=karts), board)))
    assert counts["sure"] == 0, said


def test_start_numbers_that_are_keys_alone() -> None:
    """Rows in an object by start number, without a field for it: the board has the numbers."""
    race, board = BOARDS["German"]
    shown = {name: field for name, field in board.items() if field.role != "number"}
    every = frames(race, shown | {"n": S("number")}, extra=lambda message: {"k": by_number(message["rows"])})
    report = analyze(every)
    assert report.spec is not None
    assert ("@key", "number") in {(field.path, field.role.value) for field in report.spec.tables[0].fields}
    assert {standing.number for standing in classification(report.logbook.sessions[-1])} == {
        str(kart.number) for kart in race.karts
    }


def by_number(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(row["n"]): {name: value for name, value in row.items() if name != "n"} for row in rows}
