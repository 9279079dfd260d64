"""Circuits as the app keeps them in Firestore: documents of the collection `circuits`, read with care.

| field | type | |
|---|---|---|
| `nom`, `liveTimingUrl`, `wssUrl` | text | name, the venue's page, address of the feed |
| `c1`…`c14` | text | column labels; `Non utilisé`, blank, null or absent: none |
| `createdAt`, `updatedAt` | timestamp | by the server; the app sets `updatedAt` when a person saves the mapping |
| `autoDetectionSucceeded`, `autoDetectionSucceededAt`, `configurationRequired` | | set where we detected the mapping |
| `feed` | text | ours: the wire format, where `wssUrl` does not tell it |

Whoever has the app can write there: every document is checked, and what is wrong with it is told by its id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from karttime.circuits.circuit import Circuit
from karttime.circuits.labels import APP_COLUMNS, UNUSED
from karttime.circuits.local import check_name, check_page
from karttime.circuits.urls import check_url, feed_of, shown
from karttime.domain.display import clean
from karttime.errors import UsageError

COLLECTION: Final = "circuits"
SELECTION: Final = ("sessions", "session1")
SELECTED: Final = "selectedCircuitId"

SUCCEEDED: Final = "autoDetectionSucceeded"
SUCCEEDED_AT: Final = "autoDetectionSucceededAt"
REQUIRED: Final = "configurationRequired"
CREATED_AT: Final = "createdAt"
UPDATED_AT: Final = "updatedAt"
FIELDS: Final = (
    "nom",
    "liveTimingUrl",
    "wssUrl",
    "feed",
    *APP_COLUMNS,
    CREATED_AT,
    UPDATED_AT,
    SUCCEEDED,
    SUCCEEDED_AT,
)

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
MAX_TEXT: Final = 4000
MAX_DOCUMENTS: Final = 1000

_FEED: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_MAX_LABEL: Final = 100


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment in nanoseconds UTC, exactly as stored."""

    ns: int

    @property
    def ms(self) -> int:
        return self.ns // 1_000_000


@dataclass(frozen=True, slots=True)
class Foreign:
    """A value of a kind that no field of ours has, such as a number or a reference; only its kind is kept."""

    kind: str


Value = str | bool | Timestamp | Foreign | None


@dataclass(frozen=True, slots=True)
class Document:
    """One document, of its fields those that concern us.

    Attributes:
        id: as it is in Firestore: any text.
        fields: by name; what is absent is absent here.
        version: the server's update time, exact, which grows with every write; 0 before the first answer.
    """

    id: str
    fields: Mapping[str, Value]
    version: Timestamp = Timestamp(0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a document; `skipped` where nothing can be made of it."""

    id: str
    text: str
    skipped: bool


@dataclass(frozen=True, slots=True)
class Labels:
    """The column labels of a document.

    Attributes:
        labels: by `C1`…`C14`, those that are set.
        automatic: they were written by a detection, and nobody has saved the mapping since.
        odd: a label is no text at all.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    automatic: bool = False
    odd: bool = False


def circuit_of(document: Document) -> tuple[Circuit | None, list[Fault]]:
    """The circuit of a document, None where it is none, and what is wrong with it."""
    faults: list[Fault] = []
    shown_id = clean(document.id, 100)

    def note(text: str, *, skipped: bool) -> None:
        faults.append(Fault(shown_id, clean(text, 300), skipped))

    if not ID.fullmatch(document.id):
        note("the document's id is none for a circuit: letters, digits, - and _ are", skipped=True)
        return None, faults
    try:
        name, url = check_name(_text(document, "nom")), check_url(_text(document, "wssUrl"))
    except UsageError as error:
        note(shown(str(error)), skipped=True)
        return None, faults
    page = ""
    try:
        page = check_page(_text(document, "liveTimingUrl")) if document.fields.get("liveTimingUrl") else ""
    except UsageError as error:
        note(f"liveTimingUrl is left out: {error}", skipped=False)
    mapping = mapping_of(document)
    if mapping.odd:
        note("a column's label is no text, and is left out", skipped=False)
    feed = document.fields.get("feed")
    created = document.fields.get(CREATED_AT)
    circuit = Circuit(
        id=document.id,
        name=name,
        url=url,
        feed=feed if isinstance(feed, str) and _FEED.fullmatch(feed) else feed_of(url),
        column_labels=mapping.labels,
        live_timing_url=page,
        created_at=created.ms if isinstance(created, Timestamp) else 0,
        updated_at=document.version.ms,
        version=str(document.version.ns),
    )
    return circuit, faults


def mapping_of(document: Document) -> Labels:
    """The column labels of a document, and whose they are."""
    labels: dict[str, str] = {}
    odd = False
    for name in APP_COLUMNS:
        value = document.fields.get(name)
        if isinstance(value, str):
            text = clean(value, _MAX_LABEL).strip()
            if text and text != UNUSED:
                labels[name.upper()] = text
        elif value is not None:
            odd = True
    succeeded_at, updated_at = document.fields.get(SUCCEEDED_AT), document.fields.get(UPDATED_AT)
    automatic = (
        document.fields.get(SUCCEEDED) is True and isinstance(succeeded_at, Timestamp) and succeeded_at == updated_at
    )
    return Labels(labels, automatic, odd)


def fields_of(circuit: Circuit) -> dict[str, str]:
    """What a document says of a circuit.

    Raises:
        UsageError: it has a label beyond `C14`, which the app has not.
    """
    return {
        "nom": circuit.name,
        "liveTimingUrl": circuit.live_timing_url,
        "wssUrl": circuit.url,
        **columns_of(circuit.column_labels),
        **({"feed": circuit.feed} if circuit.feed != feed_of(circuit.url) else {}),
    }


def columns_of(labels: Mapping[str, str]) -> dict[str, str]:
    """`c1`…`c14` as the app writes them, none of them null. Raises `UsageError` as `fields_of` does."""
    beyond = [column for column, label in labels.items() if label and column.lower() not in APP_COLUMNS]
    if beyond:
        raise UsageError(f"{beyond[0]} cannot be kept in Firestore: the app's circuits have the columns C1 to C14")
    return {name: labels.get(name.upper()) or UNUSED for name in APP_COLUMNS}


def changes_of(before: Circuit, after: Circuit) -> dict[str, str | None]:
    """The fields that an edit changes, None to delete one; raises `UsageError` as `fields_of` does."""
    old, new = fields_of(before), fields_of(after)
    changed: dict[str, str | None] = {name: value for name, value in new.items() if old.get(name) != value}
    if before.column_labels != after.column_labels:  # as the app's mapping screen does: all of them
        changed |= columns_of(after.column_labels)
    return changed | dict.fromkeys(old.keys() - new.keys())


def selection_of(fields: Mapping[str, Value]) -> tuple[str, str]:
    """The circuit that is selected in the app, and what is wrong with that; both empty for none."""
    selected = fields.get(SELECTED)
    if selected is None or selected == "":
        return "", ""
    if not isinstance(selected, str) or not ID.fullmatch(selected):
        return "", f"{'/'.join(SELECTION)}: {SELECTED} names no circuit"
    return selected, ""


def _text(document: Document, name: str) -> str:
    value = document.fields.get(name)
    if isinstance(value, str):
        return value
    raise UsageError(f"{name} is missing" if value is None else f"{name} is no text")


def packed(document: Document) -> dict[str, object]:
    """A document's fields as JSON has them; `unpacked` is the way back."""
    return {name: _packed(value) for name, value in document.fields.items()}


def _packed(value: Value) -> object:
    match value:
        case Timestamp(ns):
            return {"ns": ns}
        case Foreign(kind):
            return {"kind": kind}
        case _:
            return value


def unpacked(fields: Mapping[str, object]) -> dict[str, Value]:
    """Fields that were `packed`; what cannot be one is left out."""
    found: dict[str, Value] = {}
    for name, value in fields.items():
        match value:
            case None | str() | bool():
                found[name] = value
            case {"ns": int(ns)}:
                found[name] = Timestamp(ns)
            case {"kind": str(kind)}:
                found[name] = Foreign(kind)
            case _:
                pass
    return found
