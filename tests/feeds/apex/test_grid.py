"""The board as HTML: what genuine grids look like, and what strangers could make of one."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from karttime.domain.updates import Cell
from karttime.feeds.apex.columns import HeaderCell
from karttime.feeds.apex.grid import MAX_COLUMNS, MAX_GRID, MAX_ROWS, MAX_TEXT, parse_grid

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import MakeGrid

HEAD = '<tbody><tr data-id="r0" class="head" data-pos="0"><td data-id="c1" data-type="dr" data-pr="1">Pilote</td></tr>'


def html(*cells: str, row: str = "71", position: str = "1") -> str:
    return f'{HEAD}<tr data-id="r{row}" data-pos="{position}">{"".join(cells)}</tr></tbody>'


def name(text: str) -> str:
    return f'<td data-id="r71c1" class="dr">{text}</td>'


def test_a_genuine_grid() -> None:
    """Header, a rank on an inner `<p>`, a number on an inner `<div>`, names and classes with blanks."""
    grid = parse_grid(
        '<tbody><tr data-id="r0" class="head" data-pos="0"><td data-id="c1" data-type="sta" data-pr="1"></td>'
        '<td data-id="c2" data-type="rk" data-pr="1">Clasif.</td>'
        '<td data-id="c3" data-type="no" data-pr="1">Kart</td>'
        '<td data-id="c4" data-type="dr" data-pr="1" data-width="24" data-min="16">Equipo</td></tr>'
        '<tr data-id="r24089" data-pos="2"><td data-id="r24089c1" class="ss"></td>'
        '<td class="rk"><div><p data-id="r24089c2" class="">2</p></div></td>'
        '<td class="no"><div data-id="r24089c3" class=" no255">13</div></td>'
        '<td data-id="r24089c4" class="drteam">BLANCA [0:00]</td></tr></tbody>'
    )
    assert grid is not None
    assert grid.header == (
        HeaderCell(1, "sta", ""),
        HeaderCell(2, "rk", "Clasif."),
        HeaderCell(3, "no", "Kart"),
        HeaderCell(4, "dr", "Equipo"),
    )
    (row,) = grid.rows.items()
    assert row[0] == "24089"
    assert row[1].position == 2
    assert row[1].cells == {
        1: Cell("ss", ""),
        2: Cell("", "2"),
        3: Cell(" no255", "13"),
        4: Cell("drteam", "BLANCA [0:00]"),
    }
    assert grid.refused == 0


def test_a_grid_without_rows() -> None:
    """Legal: a session to which nobody was added yet."""
    grid = parse_grid(f"{HEAD}</tbody>")
    assert grid is not None
    assert (len(grid.header), grid.rows, grid.refused) == (1, {}, 0)


@pytest.mark.parametrize(
    "text",
    ["ELOWE <3", "Q&A", "MUCHO & MÁS", "a < b > c", "<b>FAST</b>", "&amp;", "ZIGY  😎", "'\"", " two  blanks ", "|"],
)
def test_names_are_kept_as_they_are(text: str) -> None:
    """Nothing is escaped on the wire, so nothing is unescaped: a cell goes on to its closing tag."""
    grid = parse_grid(html(name(text)))
    assert grid is not None
    assert grid.rows["71"].cells[1].text == text
    assert grid.refused == 0


@pytest.mark.parametrize(
    "text", ['<td data-id="r71c1">X', '<tr data-id="r99" data-pos="1">', '</td><td data-id="r99c1" class="">EVIL']
)
def test_names_that_look_like_cells(text: str) -> None:
    """They may break their own row; nobody else's cells are written by them."""
    two = html(name(text)).replace(
        "</tbody>", '<tr data-id="r72" data-pos="2"><td data-id="r72c1" class="dr">B</td></tr></tbody>'
    )
    grid = parse_grid(two)
    assert grid is not None
    assert grid.rows["72"].cells == {1: Cell("dr", "B")}
    assert all(set(row.cells) <= {1} for row in grid.rows.values())


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "<tbody></tbody>",
        "no html at all",
        '<tbody><tr data-id="r71" data-pos="1"></tr></tbody>',
        '<tbody><tr data-id="r0" class="head"></tr></tbody>',
        HEAD.replace('data-id="c1"', 'data-id="c0"'),
        HEAD.replace('data-id="c1"', 'data-id="c100"'),
        HEAD.replace('data-id="c1"', 'data-id="r0c1"'),
        HEAD.replace('data-id="c1"', 'data-id="c\u0661"'),
        HEAD.replace("</tr>", '<td data-id="c1" data-type="no"></td></tr>'),
        "x" * (MAX_GRID + 1),
    ],
)
def test_what_is_no_grid(bad: str) -> None:
    """No header, no columns, impossible or double column numbers, absurd length."""
    assert parse_grid(bad) is None


def test_too_many_rows(make_grid: "MakeGrid") -> None:
    """The bound itself passes, one more refuses the whole."""
    full = parse_grid(make_grid(range(1, MAX_ROWS + 1), ("no",)))
    assert full is not None
    assert len(full.rows) == MAX_ROWS
    assert parse_grid(make_grid(range(1, MAX_ROWS + 2), ("no",))) is None


def test_too_many_columns(make_grid: "MakeGrid") -> None:
    """A board of 64 columns is read, one of 65 is not."""
    assert parse_grid(make_grid([71], ["s1"] * MAX_COLUMNS)) is not None
    assert parse_grid(make_grid([71], ["s1"] * (MAX_COLUMNS + 1))) is None


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ('<td data-id="r71c2" class="">x</td>', "a column that the header does not have"),
        ('<td data-id="r72c1" class="">x</td>', "another row's address"),
        ('<td class="">x</td>', "no address"),
        ('<td data-id="" class="">x</td>', "an empty address"),
        (f'<td data-id="r71c1" class="">{"x" * (MAX_TEXT + 1)}</td>', "too long"),
    ],
)
def test_bad_cells_are_counted(cell: str, why: str) -> None:
    """The rest of the row counts."""
    grid = parse_grid(html(name("ANN"), cell))
    assert grid is not None, why
    assert grid.refused == 1, why
    assert grid.rows["71"].cells == {1: Cell("dr", "ANN")}, why


@pytest.mark.parametrize("row", ["", "x", "-1", "1" * 13, "\u0667"])
def test_bad_rows_are_counted(row: str) -> None:
    """Rows without a proper id are refused as a whole."""
    grid = parse_grid(html(row=row))
    assert grid is not None
    assert (grid.rows, grid.refused) == ({}, 1)


def test_the_first_of_two_rows_with_one_id_counts() -> None:
    """The other one is refused."""
    double = html(name("ANN")).replace("</tbody>", '<tr data-id="r71" data-pos="9"></tr></tbody>')
    grid = parse_grid(double)
    assert grid is not None
    assert (grid.rows["71"].position, grid.refused) == (1, 1)


@pytest.mark.parametrize(
    ("text", "position"), [("7", 7), ("0", 0), ("", 0), ("x", 0), ("-1", 0), ("99999", 0), ("\u0663", 0)]
)
def test_positions(text: str, position: int) -> None:
    """What is none is 0."""
    grid = parse_grid(html(position=text))
    assert grid is not None
    assert grid.rows["71"].position == position


def test_long_labels_are_cut() -> None:
    """Header texts are hostile, too."""
    grid = parse_grid(HEAD.replace("Pilote", "P" * 5000) + "</tbody>")
    assert grid is not None
    assert len(grid.header[0].label) == MAX_TEXT


_PIECES = st.sampled_from(
    (
        "<tr ",
        "<td ",
        "</td>",
        "</tr>",
        'data-id="',
        'r71c1"',
        'r0"',
        'class="head"',
        ">",
        "<p ",
        "</p>",
        "<3",
        "x",
        "c1",
    )
)


@given(st.lists(_PIECES, max_size=60).map("".join))
@settings(max_examples=200, deadline=None)
def test_any_pieces_of_html(pieces: str) -> None:
    """Never raises; what comes out keeps the bounds and stays within the header's columns."""
    for text in (pieces, HEAD + pieces):
        grid = parse_grid(text)
        if grid is not None:
            known = {cell.index for cell in grid.header}
            assert len(grid.rows) <= MAX_ROWS
            assert all(set(row.cells) <= known for row in grid.rows.values())
            assert all(len(cell.text) <= MAX_TEXT for row in grid.rows.values() for cell in row.cells.values())
