"""Ready-made meetings: a preset gives the field, the sessions and the board; options vary it."""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from karttime.domain.flags import Flag
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import SessionKind
from karttime.errors import UsageError
from karttime.simulator import names
from karttime.simulator.apex import ApexSimulator, Dialect, Edition
from karttime.simulator.apex.words import LANGUAGES, Words
from karttime.simulator.model import (
    Action,
    Driver,
    Entry,
    Interruption,
    Intervention,
    Meeting,
    SessionPlan,
    Start,
    StopLap,
    Stops,
    Track,
)

START_AT = 1_780_131_600_000  # 2026-05-30 09:00:00 UTC: simulations have a fixed calendar, so that they repeat


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose; None: what the preset is made for."""

    preset: str = "endurance"
    karts: int | None = None
    duration_ms: int | None = None
    language: str | None = None
    edition: str | None = None
    seed: int = 1
    start_at: int = START_AT


@dataclass(frozen=True, slots=True)
class Preset:
    """A kind of meeting and the board that shows it."""

    about: str
    board: Dialect
    karts: int
    duration_ms: int
    track: Track
    teams: bool = False
    drivers: int = 1
    first_id: int = 1


LEISURE, COMPETITION = Edition.LEISURE, Edition.COMPETITION


def _columns(line: str) -> tuple[str, ...]:
    return tuple(line.split())


PRESETS: Mapping[str, Preset] = {
    "endurance": Preset(
        about="practice and a team race with pit stops, driver changes and kart swaps",
        board=Dialect(
            LEISURE,
            "fr",
            (
                _columns("grp sta rk no dr llp blp gap int tlp otr pit pen"),
                _columns("sta rk no dr llp tlp gap int blp otr pit pen"),
            ),
            team_header=True,
            alternates=True,
        ),
        karts=20,
        duration_ms=30 * 60_000,
        track=Track("PISTE DES TILLEULS", 987, 60_000),
        teams=True,
        drivers=3,
        first_id=24077,
    ),
    "pit-lane": Preset(
        about="a team race at a venue whose laps end in the pit lane; stops counted on exit, first crossing counted",
        board=Dialect(
            LEISURE,
            "nl",
            (_columns("sta rk no dr llp gap int blp otr pit tlp"),),
            team_header=True,
            alternates=True,
            counts_stop_on_exit=True,
            counts_first_crossing=True,
        ),
        karts=16,
        duration_ms=30 * 60_000,
        track=Track("DUINBOCHT", 700, 57_000, stop_lap=StopLap.EXIT),
        teams=True,
        drivers=2,
        first_id=3640,
    ),
    "sprint": Preset(
        about="qualifying and a race over a number of laps; no lap counter, no status column",
        board=Dialect(LEISURE, "en", (_columns("rk no dr llp blp gap int"),)),
        karts=14,
        duration_ms=8 * 60_000,
        track=Track("KETTLEBROOK PARK", 1172, 48_000),
        first_id=900006301,
    ),
    "rental": Preset(
        about="heats one after another with sectors; row ids are used again, rows are added while the heat runs",
        board=Dialect(
            LEISURE,
            "it",
            (
                _columns("grp sta rk no dr s1 s2 s3 llp blp gap tlp"),
                _columns("grp sta rk no dr s1 s2 s3 llp blp gap int tlp"),
            ),
        ),
        karts=8,
        duration_ms=8 * 60_000,
        track=Track("PISTA LUNGA", 750, 61_000, sectors=(340, 385, 275)),
        first_id=101,
    ),
    "competition": Preset(
        about="practice, qualifying and a final on the competition edition",
        board=Dialect(COMPETITION, "es", (_columns("grp sta rk pos no nat dr class s1 s2 s3 sp1 llp best gap int"),)),
        karts=12,
        duration_ms=8 * 60_000,
        track=Track("CIRCUITO DE LA VEGA", 1384, 58_000, sectors=(450, 130, 420)),
        first_id=2,
    ),
}


def simulator(options: Options) -> ApexSimulator:
    """The simulator of a preset.

    Raises:
        UsageError: there is no such preset, language or edition, or the field or duration makes no race.
    """
    return ApexSimulator(meeting(options), _chosen(options).board, seed=options.seed, start_at=options.start_at)


def meeting(options: Options) -> Meeting:
    """What a preset races, whatever format shows it; `edition` and `language` change words alone.

    Raises:
        UsageError: as `simulator`.
    """
    preset = _chosen(options)
    return Meeting(_SESSIONS[options.preset](preset, preset.board.words, random.Random(options.seed)))


def _chosen(options: Options) -> Preset:
    _known("preset", options.preset, PRESETS)
    preset = PRESETS[options.preset]
    if options.language is not None:
        _known("language", options.language, LANGUAGES)
        preset = replace(preset, board=replace(preset.board, language=options.language))
    if options.edition is not None:
        _known("edition", options.edition, [edition.value for edition in Edition])
        preset = replace(preset, board=replace(preset.board, edition=Edition(options.edition)))
    if options.karts is not None:
        if not 1 <= options.karts <= 200:
            raise UsageError(f"{options.karts} karts cannot race here: choose from 1 to 200")
        preset = replace(preset, karts=options.karts)
    if options.duration_ms is not None:
        least = 3 * preset.track.lap_ms
        if not least <= options.duration_ms <= 24 * 3_600_000:
            raise UsageError(f"a session lasts from {least // 1000}s (three laps) to 24h")
        preset = replace(preset, duration_ms=options.duration_ms)
    return preset


def _known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UsageError(f"there is no {what} {name!r}: choose from {', '.join(known)}")


# -- the field ----------------------------------------------------------------------------------------------------


def _field(preset: Preset, rng: random.Random, count: int | None = None) -> tuple[Entry, ...]:
    karts = count or preset.karts
    people = names.drivers(rng, karts * preset.drivers)
    crews: list[str | None] = list(names.teams(rng, karts)) if preset.teams else [None] * karts
    numbers = rng.sample(range(1, max(100, 2 * karts)), karts)
    return tuple(
        Entry(
            competitor_id=CompetitorId(str(preset.first_id + ordinal)),
            number=str(numbers[ordinal]),
            team=crews[ordinal],
            drivers=tuple(
                Driver(people.pop(), rng.randrange(0, 900) if preset.drivers > 1 else 0) for _ in range(preset.drivers)
            ),
            pace_ms=rng.randrange(0, preset.track.lap_ms // 30),
            spread_ms=rng.randrange(120, 450),
            nation=rng.choice(names.NATIONS),
            category=rng.choice(("PRO", "AMATEUR", "MASTER")),
            colour=rng.randrange(1, 9),
        )
        for ordinal in range(karts)
    )


def _plan(preset: Preset, kind: SessionKind, event: str, title: str, entries: tuple[Entry, ...]) -> SessionPlan:
    return SessionPlan(kind, event, title, preset.track, entries, length_ms=preset.duration_ms)


# -- the meetings -------------------------------------------------------------------------------------------------


def _endurance(preset: Preset, said: Words, rng: random.Random) -> tuple[SessionPlan, ...]:
    event = f"{_hours(preset)} {preset.track.name}"
    field_ = _field(preset, rng)
    length = preset.duration_ms
    each = max(1, min(6, length // 600_000))
    practice = replace(
        _plan(preset, SessionKind.PRACTICE, event, said.practice, field_),
        length_ms=max(3 * preset.track.lap_ms, length // 5),
        start=Start.PITS,
        interruptions=(Interruption(100_000, Flag.RED, 25_000),),
    )
    race = replace(
        _plan(preset, SessionKind.RACE, event, said.race, field_),
        waiting_ms=90_000,
        start=Start.STANDING,
        stops=Stops(each, min(150_000, length // 10), change_driver=True, swap_kart=True),
        interruptions=(Interruption(length // 3, Flag.YELLOW, 45_000),),
        interventions=(
            Intervention(length // 4, Action.WARNING, entry=1, text="contact"),
            Intervention(length // 3 + 60_000, Action.LAYOUT),
            Intervention(length // 2, Action.PENALTY, entry=2, text="push to pass - 10.000"),
            Intervention(length // 2 + 40_000, Action.BLANK, for_ms=7_000),
            Intervention(length * 3 // 4, Action.NOTE, text="Q&A < 5 min"),
        ),
        retire_per_mille=30,
        tail_ms=75_000,
    )
    return (practice, race)


def _pit_lane(preset: Preset, said: Words, rng: random.Random) -> tuple[SessionPlan, ...]:
    length = preset.duration_ms
    race = replace(
        _plan(preset, SessionKind.RACE, f"{_hours(preset)} {preset.track.name}", said.race, _field(preset, rng)),
        stops=Stops(max(1, min(8, length // 480_000)), min(140_000, length // 10), change_driver=True),
        start=Start.FLYING,
        tail_ms=75_000,
    )
    return (race,)


def _sprint(preset: Preset, said: Words, rng: random.Random) -> tuple[SessionPlan, ...]:
    field_ = _field(preset, rng)
    event = preset.track.name
    qualifying = replace(
        _plan(preset, SessionKind.QUALIFYING, event, said.qualifying, field_),
        length_ms=max(3 * preset.track.lap_ms, preset.duration_ms // 2),
        start=Start.PITS,
    )
    laps = max(2, preset.duration_ms // preset.track.lap_ms)
    race = replace(_plan(preset, SessionKind.RACE, event, said.race, field_), laps=laps, retire_per_mille=60)
    return (qualifying, race)


def _rental(preset: Preset, said: Words, rng: random.Random) -> tuple[SessionPlan, ...]:
    heats = []
    for heat in range(1, 4):
        karts = max(1, preset.karts - rng.randrange(3))
        plan = _plan(preset, SessionKind.PRACTICE, "", f"{said.heat} {heat}", _field(preset, rng, karts))
        redraws = (Intervention(preset.duration_ms // 3, Action.REDRAW),) if heat == 2 else ()
        layouts = (Intervention(preset.duration_ms // 2, Action.LAYOUT),) if heat == 3 else ()
        heats.append(
            replace(
                plan,
                start=Start.PITS,
                return_to_pits=True,
                late=min(2, karts - 1) if heat == 1 else 0,
                interventions=redraws + layouts,
                retire_per_mille=60,
                tail_ms=130_000,
            )
        )
    return tuple(heats)


def _competition(preset: Preset, said: Words, rng: random.Random) -> tuple[SessionPlan, ...]:
    field_ = _field(preset, rng)
    event = "SENIOR"
    qualifying = replace(
        _plan(preset, SessionKind.QUALIFYING, event, said.qualifying, field_), start=Start.PITS, return_to_pits=True
    )
    laps = max(2, preset.duration_ms // preset.track.lap_ms)
    final = replace(
        _plan(preset, SessionKind.RACE, event, f"{said.race} 1", field_), laps=laps, return_to_pits=True, tail_ms=90_000
    )
    return (qualifying, final)


def _hours(preset: Preset) -> str:
    hours, rest = divmod(preset.duration_ms, 3_600_000)
    return f"{hours}H" if hours and not rest else f"{preset.duration_ms // 60_000} MIN"


_SESSIONS = {
    "endurance": _endurance,
    "pit-lane": _pit_lane,
    "sprint": _sprint,
    "rental": _rental,
    "competition": _competition,
}
