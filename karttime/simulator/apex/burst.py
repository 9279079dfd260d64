"""The whole state in one frame: what a client gets on connecting, and everybody for a new session or board.

Leisure: init, best, css…, effects, comments, title1, title2, dyn1, light, wth1-3, track, com, grid, msg.
Competition: init, gmt, css…, title1, title2, dyn1, dyn2, light, wth1-3, comments, track, gridb, chp, gridc, com, msg,
grid. Nothing is escaped: names stand in the HTML as they were typed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from karttime.domain.ids import CompetitorId
from karttime.simulator.apex.cells import Cell
from karttime.simulator.apex.dialect import STYLES, Dialect
from karttime.simulator.model import Track
from karttime.simulator.session import SessionState, Standing

COLOURS = ("0080FF", "FF8000", "C0C0C0", "FF0000", "FFFF80", "00FF00", "FFFF00", "808080", "4E9C9C", "00FFFF", "FF80FF")
PENALTY_CSS = "css|pena1|color:#f00; font-size:11px; font-weight: bold; text-align:center;"

Render = Callable[[Standing, str], Cell]


def track_line(track: Track, *, competition: bool) -> str:
    if competition:
        return f"track||{track.name} - {track.length_m / 1000:.3f} km"
    return f"track||{track.name} ({track.length_m}m)"


def css_lines(session: SessionState, dialect: Dialect) -> list[str]:
    """One line per class that number cells use."""
    if dialect.competition:
        return ["css|no255|border-bottom-color:#FF0000 !important; color:#FFFFFF !important;"]
    used = sorted({standing.colour for standing in session.order})
    lines = []
    for colour in used:
        shade = COLOURS[colour % len(COLOURS)]
        ink = "#000000" if shade in ("FFFF80", "00FF00", "FFFF00", "00FFFF", "C0C0C0", "FF80FF") else "#FFFFFF"
        lines.append(f"css|no{colour}|border-bottom-color:#{shade} !important; color:{ink} !important;")
    return [*lines, PENALTY_CSS]


@dataclass(frozen=True, slots=True)
class Board:
    """What a burst shows.

    Attributes:
        columns: keys of the columns, in order.
        lines: current title1, title2, dyn1, dyn2, light, com, msg and gridb lines by subject.
        positions: of every row on the board, in the order of the table.
        render: the cell of a competitor and column.
    """

    columns: Sequence[str]
    lines: Mapping[str, str]
    positions: Mapping[CompetitorId, int]
    render: Render


def burst(session: SessionState, dialect: Dialect, board: Board) -> str:
    """The frame."""
    lines = board.lines
    letter = "r" if session.plan.by_laps else "p"
    words, weather = dialect.words, ["wth1||", "wth2||", "wth3||"]
    track = track_line(session.plan.track, competition=dialect.competition)
    table = "grid||" + grid(session, dialect, board)
    styles = css_lines(session, dialect)
    titles = [lines["title1"], lines["title2"], lines["dyn1"]]
    if dialect.competition:
        parts = [f"init|{letter}|", f"gmt||{dialect.utc_offset_min // 60}", *styles, *titles, lines["dyn2"]]
        parts += [lines["light"], *weather, f"comments||{words.comments}", track, lines["gridb"]]
        parts += ["chp||", 'gridc||<tr><td><a class="logo"></a></td></tr>', lines["com"], lines["msg"], table]
    else:
        parts = [f"init|{letter}|", "best|hide|", *styles, f"effects||{words.effects}", f"comments||{words.comments}"]
        parts += [*titles, lines["light"], *weather, track, lines["com"], table, lines["msg"]]
    return "\n".join(parts) + "\n"


def blank(dialect: Dialect) -> str:
    """No session is loaded."""
    words = dialect.words
    return f"init|n|\nbest|hide|\neffects||{words.effects}\ncomments||{words.comments}\ntrack||\n"


def grid(session: SessionState, dialect: Dialect, board: Board) -> str:
    """The table: rows in the order they were entered, which is not the standing."""
    head = "".join(_header(number, key, dialect) for number, key in enumerate(board.columns, 1))
    rows = []
    for row, position in board.positions.items():
        standing = session.standings[row]
        cells = [_cell(row, number, key, board.render(standing, key)) for number, key in enumerate(board.columns, 1)]
        rows.append(f'<tr data-id="r{row}" data-pos="{position}">{"".join(cells)}</tr>')
    return f'<tbody><tr data-id="r0" class="head" data-pos="0">{head}</tr>{"".join(rows)}</tbody>'


def _header(number: int, key: str, dialect: Dialect) -> str:
    style = STYLES[key]
    width = f' data-width="{style.width}"' if style.width else ""
    least = f' data-min="{style.least}"' if style.least else ""
    attributes = f'data-id="c{number}" data-type="{style.type}" data-pr="{style.priority}"{width}{least}'
    return f"<td {attributes}>{dialect.header(key)}</td>"


def _cell(competitor_id: CompetitorId, number: int, key: str, cell: Cell) -> str:
    row = f"r{competitor_id}c{number}"
    if key == "rk":
        return f'<td class="rk"><div><p data-id="{row}" class="{cell.style}">{cell.text}</p></div></td>'
    if key == "no":
        return f'<td class="no"><div data-id="{row}" class="{cell.style}">{cell.text}</div></td>'
    return f'<td data-id="{row}" class="{cell.style}">{cell.text}</td>'


def best_table(session: SessionState, dialect: Dialect) -> dict[tuple[int, int], Cell]:
    """Cells `br<row>c<column>` of the competition edition's best-of table: sectors, lap, ideal lap."""
    sectors = [_best_sector(session, index) for index in range(len(session.best_splits))]
    best = session.best
    lap = (best.number, best.best_ms) if best else ("", None)
    known = [ms for _, ms in sectors if ms is not None]
    ideal = ("", sum(known) if known and len(known) == len(sectors) else None)
    cells: dict[tuple[int, int], Cell] = {}
    labels = [f"S{n}" for n in range(1, len(sectors) + 1)] + [dialect.words.lap, "Ideal"]
    for row, (label, (number, ms)) in enumerate(zip(labels, [*sectors, lap, ideal], strict=True), 1):
        style = "ib" if label == dialect.words.lap else "in"
        value = "" if ms is None else _shown(ms)
        for column, text in enumerate((label, number, value), 1):
            cells[row, column] = Cell(style, text)
    return cells


def _shown(ms: int) -> str:
    minutes, rest = divmod(ms, 60_000)
    return f"{minutes}:{rest / 1000:06.3f}" if minutes else f"{rest / 1000:.3f}"


def _best_sector(session: SessionState, index: int) -> tuple[str, int | None]:
    best = session.best_splits[index]
    holders = [standing.number for standing in session.order if standing.best_splits[index] == best]
    return ("", None) if best is None else (holders[0], best)


def best_table_line(cells: Mapping[tuple[int, int], Cell], dialect: Dialect) -> str:
    widths = zip((35, 20, 45), (dialect.words.best_lap, dialect.header("no"), ""), strict=True)
    header = "<thead>" + "".join(f'<th width="{width}%">{text}</th>' for width, text in widths) + "</thead>"
    rows = []
    for row in sorted({row for row, _ in cells}):
        tds = "".join(
            f'<td data-id="br{row}c{column}" class="{cells[row, column].style}">{cells[row, column].text}</td>'
            for column in (1, 2, 3)
        )
        rows.append(f'<tr class="{"odd" if row % 2 else "even"}">{tds}</tr>')
    return f"gridb||<table>{header}{''.join(rows)}</table>"
