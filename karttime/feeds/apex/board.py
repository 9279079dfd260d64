"""The board as the decoder keeps it: rows and cells by the address that lines name."""

from collections.abc import Mapping, Sequence

from karttime.domain.columns import Column, Role
from karttime.domain.ids import CompetitorId
from karttime.domain.updates import BoardRow, BoardShown, Cell
from karttime.feeds.apex.columns import assign_roles
from karttime.feeds.apex.grid import Grid
from karttime.feeds.apex.laps import Tempo
from karttime.feeds.apex.row import Row, Slot

_SAMPLES = 40
MAX_GONE = 2_000
"""Rows that left the board and are kept for their return; beyond, those without a lap are not."""


def grid_columns(grid: Grid) -> tuple[Column, ...]:
    """Columns of a grid with their roles."""
    rows, none = list(grid.rows.values())[:_SAMPLES], Cell("", "")
    samples = {cell.index: [row.cells.get(cell.index, none).text for row in rows] for cell in grid.header}
    return assign_roles(grid.header, samples)


class Board:
    """Columns, and everybody's row; `slots` and `rows` are keyed as lines name them: `r72c9`, `r72`."""

    def __init__(self) -> None:
        self.columns: tuple[Column, ...] = ()
        self.rows: dict[str, Row] = {}
        self.slots: dict[str, Slot] = {}
        self.roles: dict[int, Role] = {}
        self.tempo = Tempo()
        self._gone: dict[str, Row] = {}

    def forget(self) -> None:
        """A new session: nobody's laps go on."""
        self.rows, self.slots, self._gone = {}, {}, {}

    def close(self) -> None:
        """The board is out of date: no line is about its rows until the next one; their laps are kept."""
        self._gone = self._gone | self.rows
        self.rows, self.slots = {}, {}

    @property
    def ids(self) -> list[str]:
        """Ids of the rows on the board."""
        return [row.id for row in self.rows.values()]

    def everybody(self) -> list[Row]:
        """The rows on the board, and those that left it in this session."""
        return [*self.rows.values(), *self._gone.values()]

    def show(self, columns: tuple[Column, ...], cells: Mapping[str, Mapping[int, Cell]]) -> None:
        """Take a new layout and its rows; rows known from this session keep their laps."""
        known = self._gone | self.rows
        self.columns = columns
        self.roles = {column.index: column.role for column in columns}
        self.rows, self.slots = {}, {}
        for row_id, row_cells in cells.items():
            subject = f"r{row_id}"
            row = known.pop(subject, None) or Row(row_id, self.tempo)
            row.lay_out(columns, row_cells)
            self.rows[subject] = row
            for column, slot in row.slots.items():
                self.slots[f"{subject}c{column}"] = slot
        self._gone = known if len(known) <= MAX_GONE else {name: row for name, row in known.items() if row.seen}

    def shown(self, at: int, positions: Mapping[str, int]) -> BoardShown:
        """The board as an update; `positions` by row id."""
        rows: dict[CompetitorId, BoardRow] = {}
        for row in self.rows.values():
            row.position = positions.get(row.id, row.position)
            cells = {column: Cell(*slot.cell) for column, slot in row.slots.items()}
            rows[row.id] = BoardRow(row.position, cells)
        return BoardShown(at, self.columns, rows)

    def times_shown(self) -> int:
        """How many rows show a last lap."""
        return sum(row.last_lap() is not None for row in self.rows.values())

    def laps_seen(self) -> int:
        """How many laps were decided for those who are or were on the board."""
        return sum(row.seen for row in self.everybody())


def is_blank(grid: Grid, columns: Sequence[Column]) -> bool:
    """Whether nobody shows a last or best lap."""
    timed = [column.index for column in columns if column.role in (Role.LAST_LAP, Role.BEST_LAP)]
    return not any(
        index in row.cells and any(c.isdigit() for c in row.cells[index].text)
        for row in grid.rows.values()
        for index in timed
    )
