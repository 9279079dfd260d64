"""What is refused, and why."""

from typing import TYPE_CHECKING

import pytest

from karttime.feeds.apex.refusals import REASONS, reason_of
from karttime.feeds.refusals import MAX_SAMPLE, MAX_SAMPLES, Refusals

if TYPE_CHECKING:
    from tests.feeds.apex.conftest import Feed


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("r71c5|tn|1", "unknown-row"),
        ("r71|*|1", "unknown-row"),
        ("r900006322|#|1", "unknown-row"),
        ("GET /squid-internal-mgr/cachemgr.cgi HTTP/1.1", "foreign-bytes"),
        ("POST /ext/bc/C/rpc HTTP/1.1", "foreign-bytes"),
        ("GET /..%2F..%2Fetc%2Fpasswd HTTP/1.1", "foreign-bytes"),
        ("Host: 192.0.2.7:9430", "foreign-bytes"),
        ("User-Agent: Mozilla/5.0 zgrab/0.x", "foreign-bytes"),
        ("MGLNDD_192.0.2.7_9430", "foreign-bytes"),
        ("SSH-2.0-Go", "foreign-bytes"),
        ("\x16\x03\x01\x00\ufffd|a|b", "foreign-bytes"),
        ("OPTIONS sip:nm SIP/2.0", "foreign-bytes"),
        ("clear|grid|", "unknown-command"),
        ("update|x|y", "unknown-command"),
        ("hello", "unknown-command"),
        ("r71c5", "unknown-row"),
        ("r71c1234|a|b", "unknown-command"),
        ("r" + "1" * 13 + "|#|1", "unknown-command"),
    ],
)
def test_reasons(line: str, reason: str) -> None:
    """Rows, strangers, and what nobody knows."""
    assert reason_of(line.partition("|")[0], line) == reason


def test_samples_are_few_and_short() -> None:
    """Everything is counted; a frame keeps twenty samples of 200 characters at most."""
    refusals = Refusals()
    for _ in range(500):
        refusals.refuse(5, 7, "malformed", "x" * 5000)
    assert refusals.counts == {"malformed": 500}
    samples = refusals.take()
    assert len(samples) == MAX_SAMPLES
    assert {(one.at, one.frame, one.reason, len(one.sample)) for one in samples} == {(5, 7, "malformed", MAX_SAMPLE)}
    assert refusals.take() == []


def test_what_turned_out_to_be_good_is_counted_no_more() -> None:
    """A reason without refusals vanishes."""
    refusals = Refusals()
    refusals.refuse(0, 0, "unknown-row", "x", 5)
    refusals.take_back("unknown-row", 3)
    assert refusals.counts == {"unknown-row": 2}
    refusals.take_back("unknown-row", 2)
    assert refusals.counts == {}


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("r71c5|tn|1:00.000", {"torn-line": 1}),
        ("r71c5\n", {"malformed": 1}),
        ("r71|#\n", {"malformed": 1}),
        ("r99|#|1\n", {"unknown-row": 1}),
        ("r71c9|in|1\n", {"unknown-column": 1}),
        ("r71|*x|1\n", {"unknown-event": 1}),
        ("r71|#|x\n", {"bad-value": 1}),
        ("r71|#|12345\n", {"bad-value": 1}),
        ("r71|*|x|1\n", {"bad-value": 1}),
        ("r71|*|1|x\n", {"bad-value": 1}),
        ("r71|*i1|x\n", {"bad-value": 1}),
        ("r71c5|tn|x\n", {"bad-value": 1}),
        ("r71c5|tn|0.000\n", {"bad-value": 1}),
        ("r71c5|tn|-1.000\n", {"bad-value": 1}),
        ("r71c5|tn|99:00:00.000\n", {"bad-value": 1}),
        ("r71c5|in|1:00.000\n", {"layout-mismatch": 1}),
        ("r71c7|in|1:00.000\n", {"layout-mismatch": 1}),
        ("r71c4|<b>|x\n", {"bad-value": 1}),
        ("r71c4|dr|" + "x" * 257 + "\n", {"too-long": 1}),
        ("title2||" + "x" * 501 + "\n", {"bad-value": 1}),
        ("grid||nonsense\n", {"bad-grid": 1}),
        ("init|x|\n", {"unknown-command": 1}),
        ("clear|grid|\n", {"unknown-command": 1}),
        ("\x16\x03\x01\ufffd\n", {"foreign-bytes": 1}),
        ("\n\n\n", {}),
        ("best|hide|\ncss|no7|x\neffects||Effets\ngmt||2\nchp||x\nbr1c1||x\ncr1c1||x\n", {}),
    ],
)
def test_refusals_of_a_feed(feed: "Feed", text: str, refused: dict[str, int]) -> None:
    """Each line is refused for one reason of the closed set, with a sample, and changes nothing."""
    feed.board()
    assert feed.raw(text) == []
    assert feed.decoder.refused == refused
    assert set(refused) <= set(REASONS)
    assert [one.reason for one in feed.rejections] == list(refused)


def test_binary_frames(feed: "Feed") -> None:
    """Apex sends text only."""
    assert feed.raw(None, data=b"\x16\x03\x01" * 100) == []
    assert feed.raw(None) == []
    assert feed.decoder.refused == {"binary-frame": 2}
    assert all(len(one.sample) <= MAX_SAMPLE for one in feed.rejections)
