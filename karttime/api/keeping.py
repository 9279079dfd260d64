"""What of a circuit's publications is kept: rows for the database."""

from karttime.circuits.circuit import Circuit
from karttime.circuits.urls import shown
from karttime.domain.display import clean
from karttime.engine.hub import Publication
from karttime.engine.status import StatusPublication
from karttime.storage.connections import ConnectionEvent
from karttime.storage.extract import Batch, Extract, Origin, Place

MAX_EVENT = 32
MAX_DETAIL = 1000


def event(circuit_id: str, at: int, name: str, detail: str) -> Batch:
    """An event of a circuit's connection, for its log."""
    return Batch(connections=[ConnectionEvent(circuit_id, at, name[:MAX_EVENT], detail[:MAX_DETAIL])])


class Keeping:
    """Makes the rows of one circuit."""

    def __init__(self, circuit: Circuit) -> None:
        self._circuit = circuit
        self._extract = Extract(Origin(circuit.id, shown(circuit.url), circuit.feed))
        self._running: str | None = None

    def adopt(self, circuit: Circuit) -> None:
        """The circuit was edited: rows name where they come from."""
        if (circuit.url, circuit.feed) != (self._circuit.url, self._circuit.feed):
            self._extract = Extract(Origin(circuit.id, shown(circuit.url), circuit.feed))
        self._circuit = circuit

    def status(self, item: StatusPublication) -> Batch:
        """The way to the timing system changed."""
        return event(self._circuit.id, item.at, item.state.value, clean(item.reason))

    def rows(self, place: Place, item: Publication) -> Batch:
        """What a publication at its place is worth."""
        session = item.session
        batch = self._extract.take(place, item.at, session, item.changes)
        if session is not None and session.id != self._running:
            self._running = session.id
            told = clean(f"{session.id} {session.title}")
            batch.extend(event(self._circuit.id, item.at, "session-change", told))
        return batch

    def forget(self) -> None:
        """Rows were lost: say everything again with the next ones."""
        self._extract.forget()
