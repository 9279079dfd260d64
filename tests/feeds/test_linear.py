"""Twice as much of what is hostile takes about twice the work, and never four times."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from karttime.feeds.formats import FORMATS
from karttime.feeds.frame import Frame

FAMILIES: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "opened tags": lambda n: "grid||" + "<tr>" * (n // 4),
    "tags within tags": lambda n: "grid||<tbody>" + "<td><div>" * (n // 9) + "</div></td>" * (n // 11),
    "a tag without an end": lambda n: "grid||<tr data-id=" + '"x' * (n // 2),
    "attributes": lambda n: "grid||<tr " + 'data-id="r1" ' * (n // 13) + ">",
    "rows": lambda n: "grid||<tbody>" + '<tr data-id="r1"><td data-id="r1c1">1</td></tr>' * (n // 46),
    "bars": lambda n: "|" * n,
    "lines": lambda n: "r1c1|tn|1:02.3\n" * (n // 16),
    "commas": lambda n: "$G," + "," * n,
    "quotes": lambda n: "$A," + '"' * n,
    "records": lambda n: '$G,1,"7",14,"00:01:02.003"\r\n' * (n // 29),
    "entities": lambda n: "grid||<tr><td>" + "&amp;" * (n // 5),
    "blanks": lambda n: "dyn1|text|" + " " * n + "x",
    "digits": lambda n: "r1c1|tn|" + "1" * n,
    "colons": lambda n: "r1c1|tn|" + "1:" * (n // 2),
}
SIZE = 20_000


def work(name: str, text: str) -> int:
    """How many lines of Python a decoder runs for a frame: a count, which no other process disturbs."""
    decoder = FORMATS[name].decoder()
    ran = 0

    def trace(_frame: object, event: str, _argument: object) -> Any:
        nonlocal ran
        ran += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for _ in decoder.feed_many([Frame(1_767_268_800_000, text)]):
            pass
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", FORMATS)
def test_work_grows_no_faster_than_its_input(name: str, family: str) -> None:
    """For every format, and every family of inputs that make parsers slow."""
    make = FAMILIES[family]
    once, twice = work(name, make(SIZE)), work(name, make(2 * SIZE))
    assert twice <= 2.5 * once + 2000


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", FORMATS)
def test_the_largest_frame_ends(name: str) -> None:
    """A pattern that goes back and forth over 300 kB would take minutes, whoever runs it."""
    for make in FAMILIES.values():
        for _ in FORMATS[name].decoder().feed_many([Frame(1_767_268_800_000, make(300_000))]):
            pass
