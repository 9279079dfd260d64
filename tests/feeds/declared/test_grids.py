"""Tables as text."""

import pytest

from karttime.feeds.declared.grids import Grid, spans

TERMINAL = (
    "FINAL          Remaining 00:05:10\n\n"
    "Pos   No Driver            Last\n"
    "--------------------------------\n"
    "  1    7 Ann Bee         58.631\n"
    "  2   12               1:01.002\n"
    "  3    9 Cy de la Rue\n"
)


def test_lines_under_heads() -> None:
    """Rows by name of the column; quotes, blanks and missing ends are taken as they are meant."""
    read = Grid(";").read('POS;NO;NAME;LAST\r\n1;7;"Bee; Ann";58.631\r\n2;12;;\r\n')
    assert read["rows"] == [
        {"POS": "1", "NO": "7", "NAME": "Bee; Ann", "LAST": "58.631"},
        {"POS": "2", "NO": "12", "NAME": "", "LAST": ""},
    ]


def test_columns_by_width() -> None:
    """Under a title, with a ruler, with empty cells and blanks in names."""
    rows = Grid("").read(TERMINAL)["rows"]
    assert rows[0] == {"Pos": "1", "No": "7", "Driver": "Ann Bee", "Last": "58.631"}
    assert rows[1] == {"Pos": "2", "No": "12", "Driver": "", "Last": "1:01.002"}
    assert rows[2]["Driver"] == "Cy de la Rue"


def test_heads_are_kept_for_lines_without() -> None:
    """A log names its columns once."""
    grid = Grid(",")
    assert grid.read("kart,driver,lap,time\n") == {"rows": []}
    assert grid.read("7,Ann,3,58.6\n")["rows"] == [{"kart": "7", "driver": "Ann", "lap": "3", "time": "58.6"}]
    assert grid.read("kart,driver,time,lap\n9,Bo,59.1,4\n")["rows"] == [
        {"kart": "9", "driver": "Bo", "time": "59.1", "lap": "4"}
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "1;2;3;4\n5;6;7;8\n", "hello there\n", "a;a;a\n1;2;3\n"])
def test_what_has_no_heads_is_refused(text: str) -> None:
    """Numbers alone, prose, the same name thrice."""
    with pytest.raises(ValueError, match="no "):
        Grid(";").read(text)


def test_work_is_bounded() -> None:
    """A giant line and very many lines end soon."""
    assert len(spans([" ".join("ab" for _ in range(100_000))])) <= 400
    read = Grid("").read("Pos  No  Name\n" + "\n".join(f"{n % 90:>3} {n % 70:>3}  abc" for n in range(20_000)))
    assert len(read["rows"]) <= 5_000
