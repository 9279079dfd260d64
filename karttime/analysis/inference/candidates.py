"""Places with rows that could be tables of a spec, and the tables that were chosen so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from karttime.analysis.inference.findings import FieldFound
from karttime.analysis.inference.rows import RowSeen
from karttime.analysis.inference.series import Series
from karttime.analysis.inference.structure import Place
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import View
from karttime.feeds.declared.paths import ANY, Path, escape
from karttime.feeds.declared.spec import LapRule, SessionRule, TableSpec


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place with rows, and what its fields are taken for."""

    kind: str
    place: Place
    series: Series
    view: View
    rows: Sequence[RowSeen]

    @property
    def name(self) -> str:
        """Its path for people: `board: runs[]`."""
        return row_path(self.kind, self.place)


@dataclass(slots=True)
class Draft:
    """Tables for a spec, and what is told of their fields; `rows`: kinds whose messages are rows of competitors."""

    specs: list[TableSpec] = field(default_factory=list)
    tables: list[Candidate] = field(default_factory=list)
    fields: list[FieldFound] = field(default_factory=list)
    messages: list[tuple[str, Place, Path, Shape]] = field(default_factory=list)
    laps: LapRule = field(default_factory=LapRule)
    sessions: SessionRule = field(default_factory=SessionRule)
    notes: list[str] = field(default_factory=list)
    rows: set[str] = field(default_factory=set)


def row_path(kind: str, place: Place) -> str:
    """The path of rows for people: `[]` for lists, `.*` for objects by key."""
    text = ""
    for segment in place.path:
        if segment == ANY:
            text += "[]" if not place.by_key else ".*" if text else "*"
        else:
            text += ("." if text else "") + escape(segment)
    return f"{kind}: {text}" if kind else text
