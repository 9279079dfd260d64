"""The messages, without a server: the app's column names and the published shapes."""

import random
import unicodedata
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.api.karting import document_id, lap_time, layout, row, with_cleared
from karttime.api.wire import KartingData, TimingData, changed, error, iso, parse_command, pong
from karttime.domain.columns import Column, Role
from karttime.domain.competitor import Competitor
from karttime.domain.ids import SessionId
from karttime.domain.logbook import Logbook
from karttime.domain.session import Change, Session
from karttime.domain.updates import BoardRow, BoardShown, Cell, CellsChanged, Named, Status, StatusChanged, Update

from .conftest import START, kart, lap, opening


def names(*columns: tuple[Role, str]) -> list[str]:
    """The app's names of columns with these roles and labels."""
    return [field.name for field in layout([Column(n, role, label, "") for n, (role, label) in enumerate(columns, 1)])]


def board(*cells: tuple[Role, str], label: str = "") -> tuple[Session, Competitor]:
    """A session with one competitor who shows these cells."""
    session = Session(SessionId("s"), START)
    columns = tuple(Column(n, role, label, "") for n, (role, _) in enumerate(cells, 1))
    session.apply(
        BoardShown(START, columns, {kart("7"): BoardRow(1, {n: Cell("", t) for n, (_, t) in enumerate(cells, 1)})})
    )
    return session, session.competitors[kart("7")]


def shown(*cells: tuple[Role, str]) -> dict[str, str]:
    """The app's row of a competitor who shows these cells."""
    session, competitor = board(*cells)
    return row(session, competitor, layout(session.columns))


class Follower:
    """The app's merge, as it treats every message: empty values and missing karts change nothing."""

    def __init__(self) -> None:
        self.karts: dict[str, dict[str, str]] = {}

    def take(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            for name, values in orjson.loads(message)["drivers"].items():
                if name not in self.karts:
                    self.karts[name] = dict(values)
                self.karts[name].update({key: value for key, value in values.items() if value.strip()})


# -- names -------------------------------------------------------------------------------------------------------


def test_names_come_from_roles_not_from_headers() -> None:
    """Whatever language the venue's headers are in."""
    assert names((Role.POSITION, "Clasif."), (Role.NUMBER, "Nr"), (Role.LAST_LAP, "Último"), (Role.GAP, "Dif.")) == [
        "Classement",
        "Kart",
        "Dernier T.",
        "Ecart",
        "Meilleur T.",
    ]


def test_team_and_driver_replace_the_cell_that_alternates() -> None:
    """One board column gives two for the app, once, where the column is."""
    assert names((Role.NUMBER, ""), (Role.DRIVER, ""), (Role.TEAM, ""), (Role.GAP, ""))[1:5] == [
        "Kart",
        "Equipe",
        "Pilote",
        "Ecart",
    ]


def test_a_board_without_positions_still_sorts() -> None:
    """`Classement` is the app's only sort key; the position is known from events."""
    assert names((Role.NUMBER, "N"))[0] == "Classement"


@pytest.mark.parametrize("label", ["Dernier T.", "Last Lap", "dernier tour", "Clt", "Kart", "Number", "Best", "Team"])
def test_an_unknown_column_never_gets_a_name_with_a_meaning(label: str) -> None:
    """Else every change of it would count as a lap, or sort the table."""
    assert f"{label} (C1)" in names((Role.UNKNOWN, label))


def test_names_are_unique_and_unknown_ones_keep_their_label() -> None:
    """The app keys values by name: two equal names would collapse into one."""
    found = names((Role.UNKNOWN, "Bonus"), (Role.UNKNOWN, "Bonus"), (Role.UNKNOWN, ""), (Role.SPEED, ""))
    assert [name for name in found if name.startswith(("Bonus", "C3"))] == ["Bonus", "Bonus 2", "C3"]
    assert len(set(found)) == len(found)


def test_a_hostile_label_is_bounded_text() -> None:
    """No control characters, at most 32 characters."""
    assert names((Role.UNKNOWN, "\x1b[31mA\u202eB" + "x" * 99))[1] == ("[31mAB" + "x" * 99)[:32]


# -- values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [("1:06.131", "1:06.131"), ("45.123", "0:45.123"), ("1:01:02.003", "61:02.003"), ("52.54", "0:52.540")],
)
def test_lap_times_are_minutes_seconds_millis(text: str, told: str) -> None:
    """The only notation that the app reads everywhere; it knows no hours."""
    assert shown((Role.LAST_LAP, text), (Role.BEST_LAP, text)).items() >= {
        ("Dernier T.", told),
        ("Meilleur T.", told),
    }


@pytest.mark.parametrize("text", ["", "PIT", "IN", "-", "0.000", "-1.234", "L1"])
def test_what_is_no_time_is_left_out(text: str) -> None:
    """A word in `Dernier T.` would be counted as a lap, one in `Meilleur T.` as the best."""
    values = shown((Role.LAST_LAP, text), (Role.BEST_LAP, text))
    assert not values.keys() & {"Dernier T.", "Meilleur T."}


def test_times_come_from_crossings_where_the_board_has_no_column() -> None:
    """Last and best lap; a count of laps would be wrong for who came when the race was on."""
    session, competitor = board((Role.NUMBER, "5"))
    for at, text, ms in ((1, "1:02.000", 62_000), (2, "1:01.000", 61_000), (3, "1:03.000", 63_000)):
        session.apply(lap(START + at, text, ms, "7")[1])
    values = row(session, competitor, layout(session.columns))
    assert (values["Dernier T."], values["Meilleur T."]) == ("1:03.000", "1:01.000")
    assert "Tours" not in values


def test_every_value_is_text_and_sectors_are_times() -> None:
    """Also numbers; a sector cell that is no time stays as displayed."""
    values = shown((Role.SECTOR_1, "22.150"), (Role.SECTOR_2, "stop"), (Role.LAPS, "12"), (Role.PIT_STOPS, "2"))
    assert values.items() >= {("S1", "0:22.150"), ("S2", "stop"), ("Tours", "12"), ("Stands", "2")}
    assert all(isinstance(value, str) for value in values.values())


def test_the_status_is_a_word() -> None:
    """Its cell is an icon without text."""
    session, competitor = board((Role.STATUS, ""))
    session.apply(StatusChanged(START, kart("7"), Status.IN_PIT))
    assert row(session, competitor, layout(session.columns))["Statut"] == "Stands"


def test_a_position_that_is_not_known_is_left_out() -> None:
    """The app would fail to read an empty number."""
    session, competitor = board((Role.POSITION, ""))
    competitor.position = 0
    assert "Classement" not in row(session, competitor, layout(session.columns))


def test_cleared_cells_clear_in_the_app_too() -> None:
    """An empty text leaves the old one there; times and names are never replaced by a dash."""
    filled: set[str] = set()
    assert with_cleared({"Ecart": "", "Pilote": ""}, filled) == {"Ecart": "", "Pilote": ""}
    with_cleared({"Ecart": "1 Tour", "Pilote": "Ada", "Dernier T.": "1:00.000"}, filled)
    assert with_cleared({"Ecart": "", "Pilote": ""}, filled) == {"Ecart": "-", "Pilote": ""}


@pytest.mark.parametrize(
    ("competitor", "document"),
    [
        ("24089", "24089"),
        ("900038041", "900038041"),
        ("a_B-1", "a_B-1"),
        ("5", "id-5"),
        ("9", "9"),
        ("a/b", "id-a%2Fb"),
        ("..", "id-%2E%2E"),
        ("__x__", "id-__x__"),
        ("id-5", "id-id-5"),
        ("", "id-"),
    ],
)
def test_ids_are_safe_in_a_document_path(competitor: str, document: str) -> None:
    """No slash, no dots, nothing reserved, never the simulator's 1 to 8, and different ids stay different."""
    assert document_id(competitor) == document


@given(st.text(max_size=80), st.text(max_size=80))
def test_ids_never_collide(one: str, other: str) -> None:
    """Printable ids that differ stay different."""
    if one.isprintable() and other.isprintable() and one != other:
        assert document_id(one) != document_id(other)


@pytest.mark.parametrize(("ms", "text"), [(None, ""), (0, ""), (-5, ""), (1, "0:00.001"), (3_600_000, "60:00.000")])
def test_lap_time_edges(ms: int | None, text: str) -> None:
    """Minutes grow beyond 59; nothing stands for no time."""
    assert lap_time(ms) == text


# -- streams -----------------------------------------------------------------------------------------------------


def apply(logbook: Logbook, *updates: Update) -> list[Change]:
    return [logbook.apply(update) for update in updates]


def test_the_app_follows_a_stream_to_the_state_of_a_late_joiner() -> None:
    """Merging as the app does, through five hundred random changes, gives what a full message says."""
    rng = random.Random(7)
    logbook = Logbook()
    apply(logbook, *opening(("31", "32", "33")))
    session = logbook.current
    assert session is not None
    stream, follower = KartingData("hill"), Follower()
    follower.take(stream.full(session, START))
    for n in range(500):
        name = kart(rng.choice(("31", "32", "33")))
        texts = ("", "1 Tour", "12.3", "x", "1:02.003")
        updates: list[Update] = [CellsChanged(START + n, {name: {rng.randint(1, 7): Cell("in", rng.choice(texts))}})]
        if rng.random() < 0.2:
            updates.append(Named(START + n, name, "TEAM", rng.choice(("Ada", "Bo"))))
        follower.take(stream.update(session, apply(logbook, *updates), START + n))
    fresh = Follower()
    fresh.take(stream.full(session, START))
    for name_, values in fresh.karts.items():
        kept = {key: value for key, value in follower.karts[name_].items() if key not in ("Dernier T.", "Meilleur T.")}
        assert {key: value for key, value in values.items() if key in kept} == kept


def test_a_repeated_cell_is_no_karting_message() -> None:
    """Phones are not woken for what looks the same."""
    logbook = Logbook()
    apply(logbook, *opening())
    assert logbook.current is not None
    stream = KartingData("hill")
    stream.full(logbook.current, START)
    for expected in (1, 0):
        assert (
            len(stream.update(logbook.current, apply(logbook, *lap(START, "1:06.131", 66_131)[:1]), START)) == expected
        )


def test_timing_data_is_sent_for_cells_and_positions_alone() -> None:
    """A name that is known from events changes no displayed row."""
    logbook = Logbook()
    apply(logbook, *opening())
    session = logbook.current
    assert session is not None
    stream = TimingData("hill")
    assert len(stream.full(session, START)) == 2
    assert not stream.update(session, apply(logbook, Named(START, kart("24089"), "T", None)), START)
    assert len(stream.update(session, apply(logbook, *lap(START, "1:06.131", 66_131)), START)) == 1


_TEXT = st.text(max_size=40) | st.sampled_from(["\ud800", "\x00", "PIT", "1:02.003", "999999999999", "\x1b[2J", "NaN"])


@settings(max_examples=60, deadline=None)
@given(
    columns=st.lists(st.tuples(st.sampled_from(list(Role)), _TEXT), max_size=16),
    rows=st.dictionaries(_TEXT, st.lists(_TEXT, max_size=16), max_size=6),
)
def test_any_board_gives_messages_that_the_app_can_read(columns: list[Any], rows: dict[str, list[str]]) -> None:
    """Valid JSON, texts alone, safe ids, unique names, no control character: whatever a feed shows."""
    session = Session(SessionId("s"), START)
    session.apply(
        BoardShown(
            START,
            tuple(Column(n, role, label, "") for n, (role, label) in enumerate(columns, 1)),
            {
                kart(name): BoardRow(n, {i: Cell("", text) for i, text in enumerate(texts, 1)})
                for n, (name, texts) in enumerate(rows.items())
            },
        )
    )
    [message] = [orjson.loads(found) for found in KartingData("hill").full(session, START)]
    assert all(isinstance(name, str) for name in message["column_order"])
    assert len(set(message["column_order"])) == len(message["column_order"])
    for name, values in message["drivers"].items():
        assert not set(name) & set("/.")
        assert set(values) <= set(message["column_order"])
        for value in values.values():
            assert not {unicodedata.category(character) for character in value} & {"Cc", "Cs"}
            assert not set(value) & set("\u202a\u202e\u2066\u2069")
    for found in TimingData("hill").full(session, START):
        assert all(isinstance(value, str) for value in orjson.loads(found)["data"]["mapped_data"].values())


def test_changed_merges_what_one_frame_says_twice() -> None:
    """The last cell counts; event fields that nobody shows do not."""
    changes = [
        Change(START, SessionId("s"), cells={kart("1"): {1: Cell("", "a"), 2: Cell("", "b")}}),
        Change(START, SessionId("s"), cells={kart("1"): {1: Cell("", "c")}}),
        Change(START, SessionId("s"), values={kart("2"): {"last_line_at": 1}, kart("3"): {"status": "on-track"}}),
    ]
    assert changed(changes) == {kart("1"): {1: Cell("", "c"), 2: Cell("", "b")}, kart("3"): {}}


def test_small_messages() -> None:
    """Times end with Z, also those that no calendar has; commands are JSON objects."""
    assert orjson.loads(pong(START)) == {"type": "pong", "timestamp": "2026-01-01T12:00:00.000Z"}
    assert orjson.loads(error("a", "b", START))["detail"] == "b"
    assert iso(10**18) == "1970-01-01T00:00:00.000Z"
    assert parse_command('{"type":"ping"}') == {"type": "ping"}
    assert parse_command("[]") is parse_command("{") is None
