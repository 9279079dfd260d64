"""What clients of the live stream are sent, as bytes: pure, encoded once for all of them.

| message | shape |
|---|---|
| `timing_data` | one competitor: `data.mapped_data` its row as displayed by C1…Cn, `data.raw_data` what the feed sent |
| `karting_data` | `drivers` by id, each a whole row by the app's column names, and `column_order` |
| `status_update` | whether the timing system is connected, and how old its last data is |
| `pong`, `error` | answers to what a client sent |
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import orjson

from karttime.api.karting import Field, document_id, layout, row, with_cleared
from karttime.domain.columns import Column
from karttime.domain.competitor import Competitor
from karttime.domain.display import clean, displayed, sent
from karttime.domain.ids import CompetitorId
from karttime.domain.session import Change, Session
from karttime.domain.times import iso_from_ms
from karttime.domain.updates import Cell
from karttime.engine.status import CollectorStatus


class WireFormat(StrEnum):
    """The formats of the live stream: the two published ones, and `karttime.api.v1`."""

    KARTING = "karting_data"
    TIMING = "timing_data"
    V1 = "karttime.v1"


_UNSEEN: Final = frozenset(["last_line_at"])  # event fields that no published format shows


def iso(ms: int) -> str:
    """ISO 8601 UTC with milliseconds and `Z`; a time that no calendar has, which a recording may carry, is 1970."""
    try:
        return iso_from_ms(ms)
    except OverflowError:
        return iso_from_ms(0)


def changed(changes: Iterable[Change]) -> dict[CompetitorId, dict[int, Cell]]:
    """Who may look different now, with the cells that were sent for them."""
    cells: dict[CompetitorId, dict[int, Cell]] = {}
    for change in changes:
        for competitor_id, sent_cells in change.cells.items():
            cells.setdefault(competitor_id, {}).update(sent_cells)
        for competitor_id, values in change.values.items():
            if not values.keys() <= _UNSEEN:
                cells.setdefault(competitor_id, {})
    return cells


def on_board(session: Session | None, ids: Iterable[CompetitorId] | None = None) -> list[Competitor]:
    """Competitors on the board, all or those of these ids, by position."""
    if session is None:
        return []
    competitors = session.competitors
    wanted = competitors.values() if ids is None else (competitors[key] for key in ids if key in competitors)
    shown = [competitor for competitor in wanted if competitor.on_board]
    return sorted(shown, key=lambda competitor: competitor.position or 1_000_000)


class TimingData:
    """Encoder of `timing_data`: one message for each competitor that changed."""

    def __init__(self, circuit_id: str) -> None:
        self._circuit_id = circuit_id
        self._positions: dict[CompetitorId, int] = {}

    def full(self, session: Session | None, at: int) -> list[bytes]:
        """One message for everybody on the board."""
        self._positions.clear()
        return [self._message(session, it, it.cells, at) for it in on_board(session) if session is not None]

    def update(self, session: Session, changes: Sequence[Change], at: int) -> list[bytes]:
        """One message for each competitor whose cells were sent, or who has another position."""
        cells = changed(changes)
        return [
            self._message(session, competitor, cells[competitor.id], at)
            for competitor in on_board(session, cells)
            if cells[competitor.id] or self._positions.get(competitor.id) != competitor.position
        ]

    def _message(self, session: Session, competitor: Competitor, cells: Mapping[int, Cell], at: int) -> bytes:
        self._positions[competitor.id] = competitor.position
        data = {
            "mapped_data": displayed(session.columns, competitor),
            "raw_data": sent(competitor.id, cells),
            "timestamp": iso(at),
        }
        return orjson.dumps({"type": "timing_data", "circuit_id": self._circuit_id, "data": data})


class KartingData:
    """Encoder of `karting_data`: whole rows, and only of those that look different to the app."""

    def __init__(self, circuit_id: str) -> None:
        self._circuit_id = circuit_id
        self._columns: tuple[Column, ...] = ()
        self._fields: tuple[Field, ...] = ()
        self._rows: dict[CompetitorId, dict[str, str]] = {}
        self._filled: set[str] = set()
        self._messages = 0

    def full(self, session: Session | None, at: int) -> list[bytes]:
        """One message with everybody on the board; also before there is a session."""
        self._rows.clear()
        return [self._message(self._take(session, on_board(session)), at)]

    def update(self, session: Session, changes: Sequence[Change], at: int) -> list[bytes]:
        """One message with the rows that changed, none where nothing did."""
        rows = self._take(session, on_board(session, changed(changes)))
        return [self._message(rows, at)] if rows else []

    def _take(self, session: Session | None, competitors: Iterable[Competitor]) -> dict[str, dict[str, str]]:
        """The rows that are not as they were sent last."""
        rows: dict[str, dict[str, str]] = {}
        if session is None:
            return rows
        if session.columns is not self._columns:
            self._columns, self._fields = session.columns, layout(session.columns)
        for competitor in competitors:
            shown = with_cleared(row(session, competitor, self._fields), self._filled)
            if shown != self._rows.get(competitor.id):
                self._rows[competitor.id] = shown
                rows[document_id(competitor.id)] = shown
        return rows

    def _message(self, rows: Mapping[str, Mapping[str, str]], at: int) -> bytes:
        self._messages += 1
        message = {
            "type": "karting_data",
            "circuit_id": self._circuit_id,
            "drivers": rows,
            "column_order": [field.name for field in self._fields],
            "message_count": self._messages,
            "timestamp": iso(at),
        }
        return orjson.dumps(message)


ENCODERS: Final[Mapping[WireFormat, Callable[[str], TimingData | KartingData]]] = {
    WireFormat.KARTING: KartingData,
    WireFormat.TIMING: TimingData,
}


def status_update(status: CollectorStatus, at: int) -> bytes:
    """The way to the timing system, as it is."""
    message = {
        "type": "status_update",
        "circuit_id": status.circuit_id,
        "timing_connected": status.timing_connected,
        "state": status.state.value,
        "data_age_ms": status.data_age_ms,
        "reason": clean(status.reason),
        "timestamp": iso(at),
    }
    return orjson.dumps(message)


def pong(at: int) -> bytes:
    """The answer to a client's ping."""
    return orjson.dumps({"type": "pong", "timestamp": iso(at)})


def error(code: str, detail: str, at: int) -> bytes:
    """What was wrong with something a client sent."""
    return orjson.dumps({"type": "error", "code": code, "detail": detail, "timestamp": iso(at)})


def parse_command(text: str) -> dict[str, Any] | None:
    """A client's message, None when it is no JSON object."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None
