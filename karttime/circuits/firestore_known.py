"""What is known of Firestore: documents, the circuits that they describe, and what the copy still has to be told.

A circuit that vanishes while we listen is gone at once: somebody removed it. What is missing when a new connection
begins may come yet, from a project that is being restored: it stays for seconds, and for half a minute where all of it
is missing, so that nobody is interrupted.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from karttime.circuits.circuit import Circuit
from karttime.circuits.firestore_documents import ID, Document, Fault, circuit_of, selection_of
from karttime.circuits.firestore_remote import Heard

log = logging.getLogger(__name__)

VANISHED_S: Final = 30.0
MISSING_S: Final = 5.0
_TOLD: Final = 20


class Known:
    """Documents and their circuits.

    Attributes:
        documents: as they were last heard of, by id.
        circuits: those that they describe.
        faults: what is wrong with documents.
        selected: the circuit that is selected in the app, empty for none.
    """

    def __init__(self, changed: Callable[[], None], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.documents: dict[str, Document] = {}
        self.circuits: Mapping[str, Circuit] = {}
        self.faults: tuple[Fault, ...] = ()
        self.selected = ""
        self._selection_fault = ""
        self._changed, self._monotonic = changed, monotonic
        self._vanished: dict[str, float] = {}
        self._unsaved: set[str] = set()

    def begin(self, documents: Iterable[Document], *, copied: bool = False) -> None:
        """Exactly these; `copied` where they are what the copy has."""
        self._become({document.id: document for document in documents})
        if copied:
            self._unsaved.clear()
        self._read()

    def heard(self, heard: Heard, *, first: bool = False) -> None:
        """The whole state, as it was heard; `first` on a new connection."""
        gone = self.documents.keys() - heard.documents.keys()
        if gone and first:
            wait = MISSING_S if heard.documents else VANISHED_S
            log.warning("Circuits have vanished from Firestore, and are kept for %.0f s: %d", wait, len(gone))
            until = self._monotonic() + wait
            self._vanished = {circuit_id: self._vanished.get(circuit_id, until) for circuit_id in gone}
        kept = {circuit_id: self.documents[circuit_id] for circuit_id in gone & self._vanished.keys()}
        self._vanished = {circuit_id: self._vanished[circuit_id] for circuit_id in kept}
        self._become(kept | dict(heard.documents))
        selected, self._selection_fault = selection_of(heard.selection)
        if selected != self.selected:
            self.selected = selected
            self._changed()
        self._read()

    def took(self, circuit_id: str, document: Document | None) -> None:
        """One document as it is now, None when there is none."""
        known = self.documents.get(circuit_id)
        if document is None:
            self.documents.pop(circuit_id, None)
        elif known is None or document.version.ns >= known.version.ns:
            self.documents[circuit_id] = document
        self._vanished.pop(circuit_id, None)
        self._unsaved.add(circuit_id)
        self._read()

    def forget_vanished(self) -> None:
        """Those that have stayed long enough are gone."""
        now = self._monotonic()
        for circuit_id in [circuit_id for circuit_id, until in self._vanished.items() if until <= now]:
            self.took(circuit_id, None)

    def unsaved(self) -> tuple[Sequence[Document], Sequence[str]]:
        """What the copy has to be told: documents that changed, and ids of those that are gone."""
        changed = [self.documents[key] for key in self._unsaved if key in self.documents]
        return changed, [key for key in self._unsaved if key not in self.documents]

    def saved(self, changed: Iterable[Document], gone: Iterable[str]) -> None:
        """The copy has it."""
        done = {document.id for document in changed if self.documents.get(document.id) == document}
        self._unsaved -= done | {key for key in gone if key not in self.documents}

    def _become(self, documents: dict[str, Document]) -> None:
        both = self.documents.keys() | documents.keys()
        self._unsaved |= {key for key in both if ID.fullmatch(key) and self.documents.get(key) != documents.get(key)}
        self.documents = documents

    def _read(self) -> None:
        circuits: dict[str, Circuit] = {}
        faults: list[Fault] = []
        for document in self.documents.values():
            circuit, wrong = circuit_of(document)
            faults += wrong
            if circuit is not None:
                circuits[circuit.id] = circuit
        if self._selection_fault:
            faults.append(Fault("session1", self._selection_fault, skipped=True))
        for fault in [fault for fault in faults if fault not in self.faults][:_TOLD]:
            log.warning("Firestore document %s%s: %s", fault.id, " is left out" if fault.skipped else "", fault.text)
        self.faults = tuple(faults)
        if circuits != self.circuits:
            self._changed()
        self.circuits = circuits
