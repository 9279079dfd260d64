"""The race-control list."""

import pytest

from karttime.domain.updates import Note
from karttime.feeds.apex.notes import MAX_NOTES, MAX_TEXT, NoteList, new_notes

START = '<p><b>20:41</b><span data-flag="green"></span>Départ</p>'
FLAG = '<p><b>20:43</b><span data-flag="chequered"></span>Arrivée</p>'
PENALTY = '<p><b>20:42</b><span data-flag="penalty"></span><span class="com_no no8">20</span>Contact - 1 Tour</p>'


def parse_notes(html: str) -> tuple[Note, ...]:
    """The list as sent, newest first."""
    notes = NoteList()
    assert notes.take(html) == tuple(reversed(notes.notes))
    return notes.notes


def test_entries() -> None:
    """Time of day, kind, kart number and text; newest first, as sent."""
    assert parse_notes(FLAG + PENALTY + START) == (
        Note("20:43", "chequered", "", "Arrivée"),
        Note("20:42", "penalty", "20", "Contact - 1 Tour"),
        Note("20:41", "green", "", "Départ"),
    )


@pytest.mark.parametrize("html", ["", "no list", "<div></div>"])
def test_no_entries(html: str) -> None:
    """An emptied list, and what is none."""
    assert parse_notes(html) == ()


@pytest.mark.parametrize(
    ("html", "note"),
    [
        ("<p>", Note("", "", "", "")),
        ("<p>only text</p>", Note("only text", "", "", "")),
        ("<p><b>20:41</b>Q&A < 5 min <3</p>", Note("20:41", "", "", "Q&A < 5 min <3")),
        ("<p><b>20:41</b><br/>two<br>lines</p>", Note("20:41", "", "", "twolines")),
        ('<p><b>20:41</b><span data-flag="GREEN!"></span>x</p>', Note("20:41", "", "", "x")),
        ("<p><b>20:41</b><script>alert(1)</script></p>", Note("20:41", "", "", "<script>alert(1)</script>")),
    ],
)
def test_odd_entries(html: str, note: Note) -> None:
    """Nothing is unescaped; tags of the list go, everything else stays text for whoever escapes it."""
    (found,) = parse_notes(html)
    assert found == note


def test_bounds() -> None:
    """At most so many entries, each field cut."""
    assert len(parse_notes(START * (MAX_NOTES + 50))) == MAX_NOTES
    (long,) = parse_notes(f'<p><b>{"9" * 99}</b><span data-flag="msg"></span>{"x" * 9999}</p>')
    assert (len(long.time), len(long.text)) == (16, MAX_TEXT)


def test_new_notes_are_those_not_there_before() -> None:
    """Oldest first."""
    before, now = parse_notes(START), parse_notes(FLAG + PENALTY + START)
    assert [note.kind for note in new_notes(before, now)] == ["penalty", "chequered"]


def test_moved_notes_are_not_new() -> None:
    """Entries of one minute are sorted anew now and then."""
    assert new_notes(parse_notes(START + FLAG), parse_notes(FLAG + START)) == ()


def test_the_same_entry_twice_is_one_new() -> None:
    """Two equal penalties are two."""
    assert len(new_notes(parse_notes(PENALTY), parse_notes(PENALTY + PENALTY))) == 1


def test_taken_away_notes_are_not_new() -> None:
    """A shorter list tells nothing new."""
    assert new_notes(parse_notes(FLAG + START), parse_notes(START)) == ()


def test_lists_one_after_another() -> None:
    """What is new is told, what stays is kept, what an emptied list held may come anew."""
    notes = NoteList()
    steps = [(START, ["green"]), (FLAG + START, ["chequered"]), (FLAG + START, []), ("", []), (START, ["green"])]
    for html, fresh in steps:
        assert [note.kind for note in notes.take(html)] == fresh
    assert [note.kind for note in notes.notes] == ["green"]


def test_memory_of_a_list_is_that_of_the_list() -> None:
    """Entries that are gone are forgotten, however many there were."""
    notes = NoteList()
    for number in range(500):
        notes.take(f"<p><b>{number}</b>x</p>")
    assert len(notes._parsed) == len(notes.notes) == 1
