"""Addresses of feeds: which are accepted, what they stand for, and what is shown of them."""

import asyncio
from urllib.parse import urlsplit

import pytest

from karttime.circuits.local import local_circuits
from karttime.circuits.urls import check_url, feed_of, port_of, race_id, relay_of, shown, split_feed
from karttime.errors import UsageError

TOKEN = "8d1f0c52-1111-4222-8333-944455556666"  # noqa: S105 - invented


@pytest.mark.parametrize(
    "url",
    [
        "ws://timing.example",
        "wss://timing.example:8523/",
        "  wss://timing.example/live?x=1 ",
        "ws://127.0.0.1:8000",
        "ws://[::1]:8000/x",
        "WSS://TIMING.EXAMPLE",
        "ws://été.example/",
        "rmonitor://192.0.2.7",
        "rmonitor://timing.example:60000/",
        "racemonitor:37872",
    ],
)
def test_addresses_of_feeds_are_accepted(url: str) -> None:
    assert check_url(url) == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "timing.example",
        "http://timing.example",
        "https://timing.example",
        "ws:timing.example",
        "ws://",
        "ws://:8000",
        "ws:///path",
        "ws://user@timing.example",
        "ws://user:secret@timing.example",
        "ws://:@timing.example",
        "ws://timing.example:0",
        "ws://timing.example:70000",
        "ws://timing.example:x",
        "ws://[::1",
        "ws://timing.example/#part",
        "ws://timing .example",
        "ws://timing.example/\x1b[31m",
        "ws://timing.example/\nx",
        "ws://timing.example/" + "x" * 2000,
        "rmonitor://",
        "rmonitor://timing.example/path",
        "rmonitor://timing.example?x=1",
        "racemonitor:",
        "racemonitor:0",
        "racemonitor:37872/",
        "racemonitor://37872",
        "racemonitor:37872?x",
        "racemonitor:12345678901234",
        "racemonitor:٣٧",
    ],
)
def test_everything_else_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(UsageError, match=r"ws://host\[:port\]\[/path\] or wss://") as error:
        check_url(url)
    assert str(error.value).isprintable()
    assert "secret" not in str(error.value)


def test_ports_that_are_not_said() -> None:
    """Those of the web, and the one of RMonitor's first servers."""
    found = [port_of(urlsplit(url)) for url in ("ws://a", "wss://a", "rmonitor://a", "rmonitor://a:60000")]
    assert found == [80, 443, 50000, 60000]


@pytest.mark.parametrize(
    ("text", "feed", "url"),
    [
        ("wss://timing.example:8523/", "apex", "wss://timing.example:8523/"),
        ("rmonitor://192.0.2.7", "rmonitor", "rmonitor://192.0.2.7"),
        ("racemonitor:37872", "racemonitor", "racemonitor:37872"),
        (f"wss://relay.example/instance/209/{TOKEN}", "racemonitor", f"wss://relay.example/instance/209/{TOKEN}"),
        (" rmonitor+ws://127.0.0.1:8813/ ", "rmonitor", "ws://127.0.0.1:8813/"),
        ("apex+wss://timing.example", "apex", "wss://timing.example"),
    ],
)
def test_an_address_stands_for_a_feed_unless_one_is_said(text: str, feed: str, url: str) -> None:
    assert split_feed(text) == (feed, url)


def test_circuits_of_arguments_have_the_feed_of_their_address() -> None:
    circuits = asyncio.run(local_circuits(["A=rmonitor://h:1024", "B=racemonitor+ws://h", "C=ws://h"]).list())
    assert [circuit.feed for circuit in circuits] == ["rmonitor", "racemonitor", "apex"]


def test_a_race_and_a_relay_are_taken_apart() -> None:
    assert race_id("racemonitor:37872") == "37872"
    assert relay_of(f"wss://relay.example/instance/209/{TOKEN}") == ("209", TOKEN)
    assert relay_of("wss://relay.example/instance/209") is None
    assert feed_of("wss://relay.example/instance/209") == "apex"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (f"wss://relay.example/instance/209/{TOKEN}", "wss://relay.example/instance/209/***"),
        ("wss://timing.example/live?lang=fr&apiToken=abc&x=1", "wss://timing.example/live?lang=fr&apiToken=***&x=1"),
        ("racemonitor:37872", "racemonitor:37872"),
        ("wss://timing.example:8523/", "wss://timing.example:8523/"),
        ("ws://user:pass/word@timing.example:99999/", "ws://***@timing.example:99999/"),
        (f"http://h:x/instance/209/{TOKEN}#x", "http://h:x/instance/209/***#x"),
    ],
)
def test_secrets_in_an_address_are_not_shown(url: str, public: str) -> None:
    assert shown(url) == public
