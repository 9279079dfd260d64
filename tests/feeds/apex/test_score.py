"""How well Apex explains a sample of frames."""

from typing import TYPE_CHECKING

import pytest

from karttime.feeds.apex.score import SAMPLE_FRAMES, score
from karttime.feeds.frame import Frame

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import MakeGrid


def sample(*texts: str | None) -> list[Frame]:
    return [Frame(number * 200, text, None if text is not None else b"\x16") for number, text in enumerate(texts)]


def test_a_board_is_certain(make_grid: "MakeGrid") -> None:
    """One dump is enough."""
    found = score(sample("init|r|\ntitle2||RACE\n" + make_grid([71]) + "\n"))
    assert found.value == 1.0
    assert any("board" in line for line in found.evidence)


def test_lines_without_a_board_are_enough() -> None:
    """Joined in mid-session: cells and events have Apex' own shape."""
    found = score(sample(*["r72c9|tn|1:46.956\nr72|*|106956|36468\n"] * 10))
    assert found.value == 1.0
    assert found.evidence


def test_few_lines_are_less_certain_than_many() -> None:
    """Growing with what was seen, never above 1."""
    values = [score(sample(*["r72|#|5\n"] * count)).value for count in (1, 3, 6, 12, 50)]
    assert values == sorted(values)
    assert values[0] < 0.5 < values[3]
    assert values[-1] <= 1.0


@pytest.mark.parametrize(
    "text",
    [
        "hello world\n",
        "<html><body><tr><td>r71c1</td></tr></body></html>\n",
        '{"r72c9": ["tn", "1:46.956"]}\n',
        '$G,1,"9",14,"00:12:48.075"\n$F,9999,"07:48:51","09:11:08","00:11:08","Green "\n',
        "GET / HTTP/1.1\nHost: 192.0.2.7\n",
        "msg|a|b\ntitle1|x|y\n",
        "a|b|c\n1|2|3\n",
        "",
    ],
)
def test_other_things_are_not_apex(text: str) -> None:
    """Text, HTML, JSON, RMonitor, HTTP, words with bars."""
    assert score(sample(*[text] * 30)).value < 0.3


@pytest.mark.parametrize(
    "text",
    [
        "r72c9|to|41.\n",
        "r7|#|5\n",
        "dyn1|countdown|329961\n",
        "light|lg|\n",
        'class="in">6 Tours</td><td data-id="r3643c6" class="ib">13 Tours</td>\n',
        'com||<p><b>11:12</b><span data-flag="green"></span>Start</p>\n',
    ],
)
def test_one_line_is_enough(text: str) -> None:
    """To be told, not to be sure; also where a message was cut before it."""
    assert 0.3 <= score(sample(text)).value < 0.8
    assert 0.3 <= score(sample("eam|MARK [0:30]\n", text)).value < 0.8


def test_keep_alives_alone_prove_nothing() -> None:
    """But they are named as what was seen."""
    found = score(sample(*["\n"] * 36))
    assert found.value == 0.0
    assert found.evidence == ("only keep-alives were sent",)


def test_nothing_is_nothing() -> None:
    """No frames, no opinion."""
    assert score([]) == score(sample())
    assert score([]).value == 0.0


def test_strangers_bytes_lower_the_score_little(make_grid: "MakeGrid") -> None:
    """A port scan among genuine lines."""
    genuine = ["r72c9|tn|1:46.956\nr72|*|106956|36468\n"] * 100
    found = score(sample(make_grid([72]) + "\n", *genuine, "GET / HTTP/1.1\nHost: x\n\n", "\x16\ufffd\ufffd|\n", None))
    assert found.value > 0.9


def test_frames_that_we_sent_do_not_count() -> None:
    """Only what came in speaks for the feed."""
    assert score([Frame(0, "r72|#|5\n", direction="out")] * 50).value == 0.0


def test_work_is_bounded() -> None:
    """Frames beyond the sample and lines beyond its bound are not looked at."""
    late = score(sample(*["hello\n"] * SAMPLE_FRAMES, *["r72|#|5\n"] * 1000))
    assert late.value == 0.0
    assert score(sample("x\n" * 4000 + "r72|#|5\n" * 1000)).value == 0.0
