"""When a detected mapping is written to the app's circuits, and what is remembered of it.

A person's labels are never overwritten. Ours are replaced by a later detection only while the document still holds
exactly what we wrote and nobody has saved the mapping since: the app sets `updatedAt` when a person does, a detection
sets `autoDetectionSucceededAt` and `updatedAt` to the same moment of the server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from karttime.circuits.firestore_documents import (
    REQUIRED,
    SUCCEEDED,
    SUCCEEDED_AT,
    UPDATED_AT,
    Document,
    Labels,
    columns_of,
)
from karttime.circuits.labels import APP_COLUMNS
from karttime.circuits.mapping import LABELS

FEWEST: Final = 3
"""The app cannot select a circuit with fewer labelled columns."""

STAMPS: Final = (SUCCEEDED_AT, UPDATED_AT)
_CHOICES: Final = frozenset(LABELS.values())


class Verdict(StrEnum):
    """What becomes of a detected mapping."""

    SAME = "same"  # the document says it already
    WRITE = "write"  # nobody has labelled the columns, or we have and nobody has touched them
    KEPT = "kept"  # a person chose otherwise
    FEW = "few"  # too little was detected for the app


@dataclass(frozen=True, slots=True)
class Detected:
    """The last mapping that was detected of a circuit.

    Attributes:
        circuit_id: whose.
        labels: by `C1`…`C14`, in the app's words.
        at: ms UTC.
        pending: it has to be written.
        written: what we wrote last, None before the first time.
    """

    circuit_id: str
    labels: Mapping[str, str]
    at: int
    pending: bool = False
    written: Mapping[str, str] | None = None


class Copy(Protocol):
    """What is kept of Firestore on our side. Called in threads; every method may raise `StorageError`."""

    def documents(self) -> Sequence[Document]:
        """The documents as they were last seen."""
        ...

    def keep(self, changed: Sequence[Document], gone: Sequence[str]) -> None:
        """Documents that changed, and ids of those that are gone."""
        ...

    def detected(self) -> Sequence[Detected]:
        """What was detected last, of every circuit."""
        ...

    def detected_of(self, circuit_id: str) -> Detected | None:
        """What was detected last of one circuit."""
        ...

    def put(self, detected: Detected) -> None:
        """Keep what was detected; what was kept of that circuit before is replaced."""
        ...


def app_labels(proposed: Mapping[str, str]) -> dict[str, str]:
    """The part of a proposal that the app can show: `C1`…`C14`, labels that it offers, each once."""
    found: dict[str, str] = {}
    for name in APP_COLUMNS:
        label = proposed.get(name.upper(), "")
        if label in _CHOICES and label not in found.values():
            found[name.upper()] = label
    return found


def decide(stored: Labels, wanted: Mapping[str, str], written: Mapping[str, str] | None) -> Verdict:
    """Whether a detected mapping is written over what is stored; `written` is what we wrote last."""
    if len(wanted) < FEWEST:
        return Verdict.FEW
    if stored.odd:
        return Verdict.KEPT
    if stored.labels == wanted:
        return Verdict.SAME
    if not stored.labels:
        return Verdict.WRITE
    ours = stored.automatic and written is not None and stored.labels == written
    return Verdict.WRITE if ours else Verdict.KEPT


def settled(detected: Detected, stored: Labels) -> Detected:
    """What is remembered once the document needs no write.

    Another node that detected the same writes the same: what it wrote counts as ours, too.
    """
    written = detected.labels if stored.automatic and stored.labels == detected.labels else detected.written
    return Detected(detected.circuit_id, detected.labels, detected.at, pending=False, written=written)


def mapping_fields(labels: Mapping[str, str]) -> dict[str, str | bool]:
    """What is written; the moments in `STAMPS` are the server's."""
    return {**columns_of(labels), SUCCEEDED: True, REQUIRED: False}


def differing(stored: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """The columns in which two mappings differ, for people: `C2 Kart, detected Classement`."""
    columns = sorted({*stored, *wanted}, key=lambda name: int(name[1:]))
    return "; ".join(
        f"{name} {stored.get(name) or '-'}, detected {wanted.get(name) or '-'}"
        for name in columns
        if stored.get(name) != wanted.get(name)
    )
