"""The board as it should be and as it was last sent; the difference is what goes into a frame.

`shown` only changes when a frame is really handed out (`commit`), so that a client who connects in between gets
exactly the state that the frames before told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from karttime.domain.ids import CompetitorId
from karttime.simulator.apex.cells import Cell

Place = tuple[CompetitorId, int]  # competitor and 1-based column
BEFORE_ROWS = ("title1", "title2", "dyn1", "dyn2", "light", "com")
AFTER_ROWS = ("msg",)


@dataclass(slots=True)
class Shown:
    """What has been sent and not been replaced since."""

    cells: dict[Place, Cell] = field(default_factory=dict)
    positions: dict[CompetitorId, int] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    best: dict[tuple[int, int], Cell] = field(default_factory=dict)


@dataclass(slots=True)
class Change:
    """The lines of one frame, and what they change in `Shown`."""

    lines: list[str]
    cells: dict[Place, Cell] = field(default_factory=dict)
    positions: dict[CompetitorId, int] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    best: dict[tuple[int, int], Cell] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def commit(self, shown: Shown) -> None:
        shown.cells.update(self.cells)
        shown.positions.update(self.positions)
        shown.lines.update(self.subjects)
        shown.best.update(self.best)


RenderRow = Callable[[CompetitorId], Iterable[Cell]]


def changed_cells(shown: Shown, rows: Iterable[CompetitorId], render: RenderRow) -> dict[Place, Cell]:
    """Cells that differ from what was sent, row by row in column order."""
    found: dict[Place, Cell] = {}
    for row in rows:
        for column, cell in enumerate(render(row), 1):
            if shown.cells.get((row, column)) != cell:
                found[row, column] = cell
    return found


def cell_line(place: Place, cell: Cell) -> str:
    return f"r{place[0]}c{place[1]}|{cell.style}|{cell.text}"


def changed_lines(shown: Shown, wanted: Mapping[str, str]) -> dict[str, str]:
    return {subject: line for subject, line in wanted.items() if shown.lines.get(subject) != line}


def row_events(passings: Iterable[tuple[CompetitorId, str]], positions: Mapping[CompetitorId, int]) -> list[str]:
    """Row events sorted by row, passings before the position; passings of one row keep their order."""
    events: list[tuple[tuple[int, str], int, int, str]] = []
    for ordinal, (row, line) in enumerate(passings):
        events.append((_numeric(row), 0, ordinal, f"r{row}|{line}"))
    for row, position in positions.items():
        events.append((_numeric(row), 1, 0, f"r{row}|#|{position}"))
    return [line for _, _, _, line in sorted(events)]


def _numeric(row: CompetitorId) -> tuple[int, str]:
    return (len(row), row)


def ordered(
    subjects: Mapping[str, str],
    cells: Mapping[Place, Cell],
    events: Iterable[str],
    best: Mapping[tuple[int, int], Cell] | None = None,
) -> list[str]:
    """Lines in the order of the wire: titles, clock, light, log; cells; row events; ticker; best-of table."""
    lines = [subjects[subject] for subject in BEFORE_ROWS if subject in subjects]
    lines += [cell_line(place, cell) for place, cell in cells.items()]
    lines += events
    lines += [subjects[subject] for subject in AFTER_ROWS if subject in subjects]
    lines += [f"br{row}c{column}|{cell.style}|{cell.text}" for (row, column), cell in (best or {}).items()]
    return lines
