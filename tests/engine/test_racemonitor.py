"""Races of Race Monitor, against a stand-in that behaves as the description of the service says."""

import asyncio
import gzip
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from karttime.engine.addresses import AddressPolicy
from karttime.engine.lookup import LiveRace, Lookup, check_base
from karttime.engine.racemonitor import RaceMonitorSource, RelaySource
from karttime.engine.reconnecting import TryLater
from karttime.engine.source import Connected, Connecting, GaveUp, Lost, Retrying, SourceItem
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import SourceError, UsageError
from karttime.feeds.frame import Frame

from .conftest import HandClock, Take
from .stand_in import DUMP, INSTANCE, RACE, StandIn, http, running


def source(stand_in: StandIn, options: WebSocketOptions, policy: AddressPolicy | None = None) -> RaceMonitorSource:
    return RaceMonitorSource(RACE, Lookup(stand_in.base), policy or AddressPolicy(), options)


def reasons(items: list[SourceItem]) -> list[str]:
    return [item.reason for item in items if isinstance(item, Lost)]


async def test_a_race_is_looked_up_joined_and_read(quick: WebSocketOptions, take: Take) -> None:
    """The lookup asks for the race alone; the relay is greeted with instance and token; lines arrive as they are."""
    async with running(StandIn()) as stand_in:
        items = await take(source(stand_in, quick), 3)
    assert [type(item) for item in items] == [Connecting, Connected, Frame]
    assert isinstance(frame := items[2], Frame)
    assert frame.text == DUMP
    (query,) = stand_in.lookups
    assert {name: value for name, value in query.items() if name != "t"} == {
        "accountID": [""],
        "seriesID": [""],
        "raceID": [RACE],
        "styleID": [""],
    }
    assert stand_in.greetings == [f"$JOIN,{INSTANCE},{stand_in.token}"]
    assert f"Host: {stand_in.base.removeprefix('http://')}" in stand_in.headers[0]


async def test_every_reconnect_begins_with_a_lookup(quick: WebSocketOptions, take: Take) -> None:
    """The token changes each time, and only the newest one opens the relay."""
    async with running(StandIn(stay=False)) as stand_in:
        items = await take(source(stand_in, quick), 12)
        assert sum(isinstance(item, Frame) for item in items) >= 2
        assert stand_in.refused == 0
        assert len({*stand_in.greetings}) == len(stand_in.lookups) >= 2


async def test_the_token_is_in_no_frame_reason_or_log(
    quick: WebSocketOptions, take: Take, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even when the relay echoes it in a line and in its good-bye."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    async with running(StandIn(messages=("$JOINED,{token}\r\n",), stay=False)) as stand_in:
        items = await take(source(stand_in, quick), Retrying)
        token = stand_in.token
    assert [item.text for item in items if isinstance(item, Frame)] == ["$JOINED,***\r\n"]
    assert "bye ***" in reasons(items)[0]
    assert token not in repr(items) + caplog.text + repr(LiveRace("h", "1", token))


async def test_a_relay_that_refuses_the_token_says_no_more_than_that(quick: WebSocketOptions, take: Take) -> None:
    async with running(StandIn(entry={"Instance": "other"})) as stand_in:
        items = await take(source(stand_in, quick), Retrying)
    assert reasons(items) == ["the server answered HTTP 403: access is forbidden"]


@pytest.mark.parametrize(
    ("stand_in", "words"),
    [
        (StandIn(live=False), "race 37872 is not live now"),
        (StandIn(entry={"ReceivingData": False}), "is listed, but receives no data"),
        (StandIn(entry={"ID": 5}), "race 37872 is not live now"),
    ],
)
async def test_a_race_that_is_not_live_is_asked_for_again_for_ever(
    stand_in: StandIn, words: str, quick: WebSocketOptions, take: Take, hand_clock: HandClock
) -> None:
    """Every half minute; it is no failed attempt, and so never given up. The token of another race is not used."""
    options = replace(quick, max_attempts=2)
    async with running(stand_in):
        lookup = Lookup(stand_in.base, clock=hand_clock.clock)
        one = RaceMonitorSource(RACE, lookup, AddressPolicy(), options, clock=hand_clock.clock)
        items = await take(one, 15)
    assert not any(isinstance(item, GaveUp) for item in items)
    assert {item for item in items if isinstance(item, Retrying)} == {Retrying(30_000, 1)}
    assert all(words in reason for reason in reasons(items))
    assert len(reasons(items)) == 5
    assert stand_in.greetings == []


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("Retry-After: 7", 7), ("Retry-After: 86400000", 900), ("Retry-After: soon", 60), ("X-Nothing: 1", 60)],
)
async def test_a_limit_is_respected_by_all_who_share_the_lookup(
    header: str, wait_s: int, quick: WebSocketOptions, take: Take, hand_clock: HandClock
) -> None:
    """A 429 is waited for as long as it says, within reason, and meanwhile nobody asks; it is no failed attempt."""
    limited = http(b"slow down", "429 Too Many Requests", header)
    async with running(StandIn(answers=[limited])) as stand_in:
        lookup = Lookup(stand_in.base, clock=hand_clock.clock)
        options = replace(quick, max_attempts=1)
        items = await take(RaceMonitorSource(RACE, lookup, AddressPolicy(), options), Retrying)
        assert items[-1] == Retrying(wait_s * 1000, 1)
        with pytest.raises(TryLater) as later:
            await lookup.find("5", quick)
        assert later.value.wait_s == wait_s
        assert len(stand_in.lookups) == 1
        hand_clock.advance(wait_s)
        assert (await lookup.find(RACE, quick)).instance == INSTANCE


async def test_lookups_are_few(quick: WebSocketOptions, hand_clock: HandClock) -> None:
    """Six at once, then one every ten seconds, whoever asks."""
    async with running(StandIn()) as stand_in:
        lookup = Lookup(stand_in.base, clock=hand_clock.clock)
        for _ in range(8):
            await lookup.find(RACE, quick)
    assert hand_clock.slept == pytest.approx([10, 10])


async def stall(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Headers, then a byte now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def giant(writer: asyncio.StreamWriter) -> None:
    """An answer without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n[")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


async def headers(writer: asyncio.StreamWriter) -> None:
    """Headers without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Y: " + b"z" * 1000 + b"\r\n")
        await writer.drain()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    writer.close()


ENTRY = {"ID": RACE, "ReceivingData": True, "Instance": "209"}


def answered(**fields: object) -> bytes:
    whole = {"CurrentRaces": [ENTRY], "LiveTimingToken": "abcdefgh", "LiveTimingHost": "relay.example"}
    return http(json.dumps(whole | fields).encode())


BAD: dict[str, tuple[bytes | Callable[[asyncio.StreamWriter], object], str]] = {
    "silence": (stall, "did not answer in time"),
    "drip": (drip, "did not answer in time"),
    "giant": (giant, "larger than allowed"),
    "headers": (headers, "does not speak HTTP"),
    "broken off": (hang_up, "does not speak HTTP at this address, or broke off"),
    "bomb": (http(gzip.compress(bytes(50 << 20)), "200 OK", "Content-Encoding: gzip"), "compressed"),
    "no JSON": (http(b"<html>busy</html>"), "no JSON"),
    "torn JSON": (http(b'{"CurrentRaces":[{'), "no JSON"),
    "list": (http(b"[]"), "form that is not known"),
    "races": (answered(CurrentRaces="none"), "form that is not known"),
    "no token": (answered(LiveTimingToken=None), "no LiveTimingToken"),
    "no host": (answered(LiveTimingHost=""), "no LiveTimingHost"),
    "host with a path": (answered(LiveTimingHost="relay.example/x?"), "no LiveTimingHost"),
    "host with a user": (answered(LiveTimingHost="a@relay.example"), "no LiveTimingHost"),
    "token with a line": (answered(LiveTimingToken="abcdefgh\r\nX: y"), "no LiveTimingToken"),
    "instance with a path": (answered(CurrentRaces=[ENTRY | {"Instance": "../x"}]), "no Instance"),
    "redirect": (http(b"", "302 Found", "Location: http://127.0.0.1:22/"), "redirects elsewhere (HTTP 302)"),
    "error": (http(b"", "500 Internal Server Error"), "HTTP 500"),
    "no HTTP": (b"SSH-2.0-x\r\n", "does not speak HTTP"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_answer_is_a_loss_in_time(name: str, quick: WebSocketOptions, take: Take) -> None:
    """Whatever the lookup does: one sentence, and another attempt."""
    answer, words = BAD[name]
    began = time.monotonic()
    async with running(StandIn(answers=[answer])) as stand_in:
        items = await take(source(stand_in, replace(quick, open_timeout_s=0.5)), Retrying)
    assert words in reasons(items)[0]
    assert "\n" not in reasons(items)[0]
    assert time.monotonic() - began < 4


async def test_a_service_that_is_away_is_a_loss(quick: WebSocketOptions, take: Take) -> None:
    items = await take(source(StandIn(base="http://127.0.0.1:1"), quick), Retrying)
    assert reasons(items) == ["race 37872 cannot be looked up: the server refuses connections at this port"]


@pytest.mark.parametrize(
    ("base", "host", "words"),
    [
        ("http://lookup.example", "127.0.0.1:9000", "is in a private network"),
        ("http://lookup.example", "169.254.169.254", "is not a public address"),
        ("http://lookup.example", "inside.example", "not connected: 10.0.0.7 is in a private network"),
        ("http://127.0.0.1:8000", "10.0.0.7:9000", "is in a private network"),
        ("http://127.0.0.1:8000", "relay.example:25", "port 25 is not one"),
        ("http://127.0.0.1:8000", "2130706433:9000", "four decimal numbers"),
    ],
)
async def test_the_relay_is_held_to_the_rules_of_addresses(
    base: str, host: str, words: str, quick: WebSocketOptions, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the lookup answers is another party's word; nothing of it leads into our own network."""

    async def find(*_: object) -> LiveRace:
        return LiveRace(host, "209", "abcdefgh-token")

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7"]

    lookup = Lookup(base)
    monkeypatch.setattr(lookup, "find", find)
    items = await take(RaceMonitorSource(RACE, lookup, AddressPolicy(), replace(quick, resolve=resolve)), Retrying)
    assert words in reasons(items)[0]
    assert "token" not in reasons(items)[0]


async def test_a_relay_given_directly_is_joined_too(quick: WebSocketOptions, take: Take) -> None:
    """Its token stays out of frames and reasons as well."""
    async with running(StandIn(messages=(DUMP, "$X,{token}\r\n"), stay=False)) as stand_in:
        url = f"{stand_in.base.replace('http', 'ws')}/instance/{INSTANCE}/{stand_in.token}"
        items = await take(RelaySource(url, quick), Retrying)
    assert [item.text for item in items if isinstance(item, Frame)] == [DUMP, "$X,***\r\n"]
    assert stand_in.greetings == [f"$JOIN,{INSTANCE},{stand_in.token}"]
    assert stand_in.token not in repr(items)


@pytest.mark.parametrize("base", ["", "relay.example", "ftp://h", "http://", "http://h?x", "http://u@h", "http://h:0"])
def test_a_lookup_needs_an_address(base: str) -> None:
    with pytest.raises(UsageError, match="not the address of a Race Monitor service"):
        check_base(base)
    assert check_base(" https://h:81/path/ ") == "https://h:81/path"


async def test_numbers_are_taken_as_texts(quick: WebSocketOptions) -> None:
    """One client's description has the instance as a number, and ids come as either."""
    async with running(StandIn(answers=[answered(CurrentRaces=[ENTRY | {"ID": int(RACE), "Instance": 209}])])) as it:
        assert await Lookup(it.base).find(RACE, quick) == LiveRace("relay.example", "209", "abcdefgh")
        with pytest.raises(SourceError):
            await Lookup("http://127.0.0.1:1").find(RACE, quick)
