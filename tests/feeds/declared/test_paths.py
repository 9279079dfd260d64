"""Paths into JSON-like values."""

import pytest

from karttime.feeds.declared.paths import entries, format_path, get, parse_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ()),
        ("data.runs[].pos", ("data", "runs", "*", "pos")),
        ("Lines.*.Sectors.0.Value", ("Lines", "*", "Sectors", "0", "Value")),
        ("[0]", ("0",)),
        ("[].a", ("*", "a")),
        (r"CarData\.z", ("CarData.z",)),
    ],
)
def test_a_path_is_its_segments(text: str, path: tuple[str, ...]) -> None:
    """Brackets and stars both mean every entry; a backslash takes a dot as it is."""
    assert parse_path(text) == path
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize("text", ["a..b", "a[", "a]", "a[x]", "a" * 500])
def test_what_is_no_path_is_refused(text: str) -> None:
    """With the place where it breaks."""
    with pytest.raises(ValueError, match="path"):
        parse_path(text)


def test_lists_and_objects_are_walked_alike() -> None:
    """Deltas send lists as objects whose keys are indexes."""
    path = parse_path("rows[].s.1")
    for value in ({"rows": [{"s": [7, 8]}]}, {"rows": {"0": {"s": {"1": 8}}}}):
        assert list(entries(value, path)) == [(("0",), 8)]
    assert get({"a": [{"b": 3}]}, ("a", "0", "b")) == 3
    assert get({"a": 1}, ("a", "b")) is None
