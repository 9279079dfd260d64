"""What of a circuit's publications is kept: rows for the database."""

from collections.abc import Iterator

from karttime.circuits.circuit import Circuit
from karttime.circuits.parser import is_other_feed
from karttime.circuits.urls import shown
from karttime.domain.display import clean, flag_text, note_text
from karttime.domain.session import MAX_NOTES
from karttime.domain.updates import FlagChanged, MessageShown, NotesAdded, Update
from karttime.engine.hub import Publication
from karttime.engine.status import StatusPublication
from karttime.storage.connections import ConnectionEvent
from karttime.storage.extract import Batch, Extract, Origin, Place

MAX_EVENT = 32
MAX_DETAIL = 1000
_RACE_CONTROL = (FlagChanged, MessageShown, NotesAdded)


def event(circuit_id: str, at: int, name: str, detail: str) -> Batch:
    """An event of a circuit's connection, for its log."""
    return Batch(connections=[ConnectionEvent(circuit_id, at, name[:MAX_EVENT], detail[:MAX_DETAIL])])


class Keeping:
    """Makes the rows of one circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._feed = circuit.feed
        self._extract = self._begin()
        self._running: str | None = None
        self._noted: set[str] = set()

    def _begin(self) -> Extract:
        return Extract(Origin(self._circuit.id, shown(self._circuit.url), self._feed))

    def read_as(self, feed: str) -> None:
        """The feed is read as this format: rows name it."""
        if feed != self._feed:
            self._feed = feed
            self._extract = self._begin()

    def adopt(self, circuit: Circuit) -> None:
        """The circuit was edited: rows name where they come from."""
        before, self._circuit = self._circuit, circuit
        if is_other_feed(before, circuit):
            self._feed = circuit.feed
            self._extract = self._begin()

    def status(self, item: StatusPublication) -> Batch:
        """The way to the timing system changed."""
        return event(self._circuit.id, item.at, item.state.value, clean(item.reason))

    def rows(self, place: Place, item: Publication) -> Batch:
        """What a publication at its place is worth."""
        session = item.session
        batch = self._extract.take(place, item.at, session, item.changes)
        if session is not None and session.id != self._running:
            self._running = session.id
            self._noted.clear()
            told = clean(f"{session.id} {session.title}")
            batch.extend(event(self._circuit.id, item.at, "session-change", told))
        for change in item.changes:
            for fact in change.facts:
                if isinstance(fact, _RACE_CONTROL):
                    batch.connections.extend(self._race_control(fact))
        return batch

    def _race_control(self, fact: Update) -> Iterator[ConnectionEvent]:
        for name, told in _told(fact):
            if isinstance(fact, NotesAdded):  # each connection of a feed tells the whole list
                if told in self._noted:
                    continue
                if len(self._noted) >= MAX_NOTES:
                    self._noted.clear()
                self._noted.add(told)
            yield ConnectionEvent(self._circuit.id, fact.at, name, told[:MAX_DETAIL])

    def forget(self) -> None:
        """Rows were lost: say everything again with the next ones."""
        self._extract.forget()


def _told(fact: Update) -> Iterator[tuple[str, str]]:
    """What race control did, for the log: flags, notes, penalties. Other messages are a ticker, which never ends."""
    match fact:
        case FlagChanged():
            yield "flag", flag_text(fact.flag.value, clean(fact.text))
        case MessageShown(level="penalty") if text := clean(fact.text):
            yield "penalty", text
        case NotesAdded():
            for note in fact.notes:
                told = note_text(clean(note.time), clean(note.number), clean(note.text))
                yield "penalty" if note.kind == "penalty" else "note", told
        case _:
            pass
