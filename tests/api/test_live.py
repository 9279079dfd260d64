"""`WS /circuits/{id}/live`: what clients are promised, over a real connection."""

import asyncio
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from karttime.api import fanout as fanouts
from karttime.api.access import Access
from karttime.api.limits import LinkLimits
from karttime.api.link import Link
from karttime.api.policy import Key, Policy, Scope
from karttime.api.tokens import new_token
from karttime.domain.updates import BoardRow, BoardShown, Cell, CellsChanged, Loop, Passed, PositionsChanged

from .conftest import COLUMNS, START, Venue, Watcher, kart, lap, opening, outbox, serving, until

TIMES = ["Dernier T.", "Meilleur T.", "Ecart"]


async def test_a_late_joiner_gets_the_whole_state_at_once(venue: Venue) -> None:
    """The first message is a full karting_data with the rows as they are, laps included."""
    await venue.publish(*opening())
    await venue.publish(*lap(START + 1000, "45.123", 45_123))
    async with venue.watch() as watcher:
        first = await watcher.next()
    assert first["type"] == "karting_data"
    assert first["circuit_id"] == "hill"
    assert list(first["drivers"]) == ["24089", "24090"]
    assert first["drivers"]["24089"] == {
        "Statut": "",
        "Classement": "1",
        "Kart": "11",
        "Equipe": "LIONS",
        "Pilote": "Ada",
        "Dernier T.": "0:45.123",
        "Ecart": "",
    }
    assert first["column_order"] == ["Statut", "Classement", "Kart", "Equipe", "Pilote", *TIMES]


async def test_before_any_session_the_first_message_is_there_too(venue: Venue) -> None:
    """`drivers` is an object, also when it is empty: the app drops a message without it."""
    async with venue.watch() as watcher:
        first = await watcher.next()
        assert (first["type"], first["drivers"], first["column_order"]) == ("karting_data", {}, [])
        status = await watcher.next("status_update")
    assert status["timing_connected"] is True


async def test_without_a_choice_both_formats_come(venue: Venue) -> None:
    """One timing_data for each competitor on connect, and both for each change."""
    await venue.publish(*opening())
    async with venue.watch() as watcher:
        kinds = [(await watcher.next())["type"] for _ in range(4)]
        assert kinds == ["karting_data", "timing_data", "timing_data", "status_update"]
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        assert {(await watcher.next())["type"] for _ in range(2)} == {"karting_data", "timing_data"}


@pytest.mark.parametrize("how", ["query", "subprotocol"])
@pytest.mark.parametrize("name", ["timing_data", "karting_data"])
async def test_a_client_chooses_one_format(venue: Venue, how: str, name: str) -> None:
    """By query or by subprotocol; nothing of the other format comes."""
    await venue.publish(*opening())
    query = f"?format={name}" if how == "query" else ""
    options: dict[str, Any] = {} if how == "query" else {"subprotocols": ["something-else", name]}
    async with venue.watch(query, **options) as watcher:
        assert watcher.socket.subprotocol == (None if how == "query" else name)
        seen = {(await watcher.next())["type"]}
        await watcher.next("status_update")
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        seen.add((await watcher.next())["type"])
    assert seen == {name}


async def test_timing_data_has_the_published_shape(venue: Venue) -> None:
    """The whole row as displayed by C1…Cn in order, and what the feed sent for this change."""
    await venue.publish(*opening())
    async with venue.watch("?format=timing_data") as watcher:
        await watcher.next("status_update")
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        message = await watcher.next()
    assert message == {
        "type": "timing_data",
        "circuit_id": "hill",
        "data": {
            "mapped_data": {"C1": "", "C2": "1", "C3": "11", "C4": "Crew 1", "C5": "1:06.131", "C6": "", "C7": ""},
            "raw_data": {"row": "r24089", "cells": {"c5": ["tn", "1:06.131"]}},
            "timestamp": "2026-01-01T12:00:01.000Z",
        },
    }
    assert list(message["data"]["mapped_data"]) == [f"C{n}" for n in range(1, 8)]


async def test_a_change_carries_whole_rows_of_those_who_changed_only(venue: Venue) -> None:
    """TOURS takes the name from the message in which the lap appeared."""
    await venue.publish(*opening())
    async with venue.watch("?format=karting_data") as watcher:
        first = await watcher.next()
        await watcher.next("status_update")
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        message = await watcher.next()
    assert list(message["drivers"]) == ["24089"]
    assert message["drivers"]["24089"]["Equipe"] == "LIONS"
    assert message["drivers"]["24089"]["Dernier T."] == "1:06.131"
    assert message["message_count"] == first["message_count"] + 1


async def test_what_shows_nothing_sends_nothing(venue: Venue) -> None:
    """A crossing without a new cell is no message: the next one that comes is that of the position."""
    await venue.publish(*opening())
    async with venue.watch("?format=karting_data") as watcher:
        await watcher.next("status_update")
        await venue.publish(Passed(START + 500, kart("24089"), Loop.LINE))
        await venue.publish(PositionsChanged(START + 900, {kart("24089"): 2, kart("24090"): 1}))
        message = await watcher.next()
    assert {name: row["Classement"] for name, row in message["drivers"].items()} == {"24089": "2", "24090": "1"}


async def test_a_new_board_brings_a_snapshot(venue: Venue) -> None:
    """Also the rows that look the same are in it."""
    await venue.publish(*opening())
    async with venue.watch("?format=karting_data") as watcher:
        await watcher.next("status_update")
        await venue.publish(*opening(("24089", "24090", "24091"), START + 1000, "2"))
        assert len((await watcher.next())["drivers"]) == 3


async def test_following_changes_gives_what_a_late_joiner_sees(venue: Venue) -> None:
    """Merging the first message and all updates equals a fresh client's first message."""
    await venue.publish(*opening())
    async with venue.watch("?format=karting_data") as watcher:
        state = (await watcher.next())["drivers"]
        await watcher.next("status_update")
        for n in range(20):
            await venue.publish(*lap(START + n, f"1:0{n % 7}.131", 60_000 + n, ("24089", "24090")[n % 2]))
            state |= (await watcher.next())["drivers"]
        async with venue.watch("?format=karting_data") as late:
            assert (await late.next())["drivers"] == state


async def test_ping_is_answered(venue: Venue) -> None:
    """`{"type":"ping"}` gives a pong with a time."""
    async with venue.watch() as watcher:
        await watcher.next("status_update")
        await watcher.socket.send('{"type":"ping"}')
        pong = await watcher.next("pong")
    assert pong["timestamp"].endswith("Z")


@pytest.mark.parametrize("junk", ["hello", "[]", '{"type":"subscribe"}', b"\x00\xff", "[" * 2000, '{"type":NaN}'])
async def test_anything_else_gets_an_error_and_the_feed_goes_on(venue: Venue, junk: str | bytes) -> None:
    """Text, JSON and binary alike; the next data comes."""
    await venue.publish(*opening())
    async with venue.watch() as watcher:
        await watcher.next("status_update")
        await watcher.socket.send(junk)
        assert "ping" in (await watcher.next("error"))["detail"]
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        assert (await watcher.next("karting_data"))["drivers"]["24089"]["Dernier T."] == "1:06.131"


async def test_errors_come_at_a_bounded_rate(venue: Venue) -> None:
    """Two hundred bad messages get a handful of errors."""
    async with venue.watch() as watcher:
        await watcher.next("status_update")
        for _ in range(30):
            await watcher.socket.send("junk")
        await watcher.socket.send('{"type":"ping"}')
        kinds = []
        while (kind := (await watcher.next())["type"]) != "pong":
            kinds.append(kind)
    assert 1 <= kinds.count("error") <= 6


async def test_an_oversize_message_ends_its_sender_alone(venue: Venue) -> None:
    """Its connection is closed with 1009; the others notice nothing."""
    await venue.publish(*opening())
    async with venue.watch() as bad, venue.watch("?format=karting_data") as good:
        await good.next("status_update")
        await bad.socket.send("x" * 5000)
        assert await bad.closed() == 1009
        await venue.publish(*lap(START + 1000, "1:06.131", 66_131))
        assert (await good.next())["drivers"]["24089"]["Dernier T."] == "1:06.131"


@pytest.mark.parametrize(
    ("query", "circuit", "options", "code"),
    [
        ("", "nowhere", {}, 4004),
        ("", "wild", {}, 1011),
        ("?format=xml", "hill", {}, 4400),
        ("", "hill", {"origin": "https://evil.example"}, 4403),
    ],
)
async def test_refusals_are_accepted_first_and_closed_with_a_code(
    venue: Venue, query: str, circuit: str, options: dict[str, Any], code: int
) -> None:
    """A browser sees a close code only after the handshake."""
    async with venue.watch(query, circuit, **options) as watcher:
        assert await watcher.closed() == code
        assert watcher.socket.close_reason


class OneKey:
    """Knows one key."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def find(self, digest: str) -> Key | None:
        return self._key if digest == self._key.digest else None

    def used(self, key_id: str, at: int) -> None:
        """It does not matter."""


@asynccontextmanager
async def closed_to_strangers(folder: Path, limits: LinkLimits | None = None) -> AsyncIterator[tuple[Venue, str]]:
    """A service where reading needs a key, and that key."""
    made = new_token()
    access = Access(Policy.ALL, OneKey(Key(made.id, "reader", Scope.READ, made.digest, START)))
    async with serving(folder, access=access, limits=limits or LinkLimits()) as venue:
        yield venue, made.token


async def test_where_reading_needs_a_token_the_stream_does_too(tmp_path: Path) -> None:
    """In a header or in the address; a bad one gets 4401 with what to do, and nothing of the stream."""
    async with closed_to_strangers(tmp_path) as (venue, token):
        for query in ("?token=x", "?token=kt_00000000_" + "A" * 43):
            async with venue.watch(query) as watcher:
                assert await refused(watcher) == 4401
                assert "API key" in (watcher.socket.close_reason or "")
        async with venue.watch(f"?token={token}") as watcher:
            assert (await watcher.next())["type"] == "karting_data"
        async with venue.watch("", additional_headers={"authorization": f"Bearer {token}"}) as watcher:
            assert (await watcher.next())["type"] == "karting_data"


async def refused(watcher: Watcher) -> int | None:
    """The code of a connection that ends before anything is sent."""
    with pytest.raises(ConnectionClosed):
        await watcher.next()
    return watcher.socket.close_code


@pytest.mark.parametrize("options", [{}, {"subprotocols": ["karttime.v1"]}, {"origin": "https://app.example"}])
async def test_a_token_may_be_the_first_message(tmp_path: Path, options: dict[str, Any]) -> None:
    """Nothing is sent before it, not even a pong; then the stream begins as for anybody, and pings are answered."""
    async with closed_to_strangers(tmp_path) as (venue, token):
        await venue.publish(*opening())
        async with venue.watch("", **options) as watcher:
            await watcher.socket.send('{"type":"ping"}')
            await watcher.socket.send("junk")
            await watcher.socket.send(orjson.dumps({"type": "auth", "token": token}).decode())
            first = await watcher.next()
            assert first["type"] == ("snapshot" if watcher.socket.subprotocol else "karting_data")
            await watcher.socket.send('{"type":"auth","token":"another"}')
            assert (await watcher.next("error"))["code"] == "token-refused", "and the first one counts"
            await watcher.socket.send('{"type":"ping"}')
            assert await watcher.next("pong")


@pytest.mark.parametrize(
    "message",
    ['{"type":"auth"}', '{"type":"auth","token":7}', '{"type":"auth","token":""}', '{"type":"auth","token":"x"}'],
)
async def test_a_bad_token_as_the_first_message_ends_the_connection(tmp_path: Path, message: str) -> None:
    """4401 at once, and nothing else; one try for a connection."""
    async with closed_to_strangers(tmp_path) as (venue, token):
        async with venue.watch() as watcher:
            await watcher.socket.send(message)
            await watcher.socket.send(orjson.dumps({"type": "auth", "token": token}).decode())
            assert await refused(watcher) == 4401
            assert watcher.socket.close_reason
        assert venue.service.clients == 0


async def test_a_token_is_waited_for_so_long(tmp_path: Path) -> None:
    """4401, also to one that sends other things meanwhile; one that left is not waited for."""
    async with closed_to_strangers(tmp_path, LinkLimits(token=0.2)) as (venue, _):
        async with venue.watch() as gone:
            await gone.socket.send('{"type":"ping"}')
        async with venue.watch("?token=") as watcher:
            await watcher.socket.send('{"type":"ping"}')
            assert await refused(watcher) == 4401
            assert "auth" in (watcher.socket.close_reason or "")


async def test_a_circuit_is_unknown_only_to_those_who_may_read(tmp_path: Path) -> None:
    """Who sends no good token does not learn which circuits there are."""
    async with closed_to_strangers(tmp_path) as (venue, token):
        for said, code in (("x", 4401), (token, 4004)):
            async with venue.watch("", "nowhere") as watcher:
                await watcher.socket.send(orjson.dumps({"type": "auth", "token": said}).decode())
                assert await refused(watcher) == code


async def test_where_no_token_is_needed_one_is_not_looked_at(venue: Venue) -> None:
    """A client that always sends its token gets no error for it."""
    async with venue.watch() as watcher:
        await watcher.socket.send('{"type":"auth","token":"whatever"}')
        await watcher.socket.send('{"type":"ping"}')
        kinds = []
        while (kind := (await watcher.next())["type"]) != "pong":
            kinds.append(kind)
    assert "error" not in kinds


@pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:5173", None])
async def test_known_pages_and_programs_may_connect(venue: Venue, origin: str | None) -> None:
    """The app's pages by their origin, programs without one; our own page by its host."""
    for allowed in (origin, f"http://{venue.address}"):
        async with venue.watch("", origin=allowed) as watcher:
            assert (await watcher.next())["type"] == "karting_data"


async def test_too_many_clients_are_told_to_come_later(tmp_path: Path) -> None:
    """1013, and those who are in stay."""
    async with serving(tmp_path, max_clients=1) as venue, venue.watch() as first, venue.watch() as second:
        assert await second.closed() == 1013
        await first.next("status_update")


async def test_losing_the_timing_system_is_a_status_and_no_close(venue: Venue) -> None:
    """Clients stay connected and are told."""
    await venue.publish(*opening())
    async with venue.watch() as watcher:
        assert (await watcher.next("status_update"))["timing_connected"] is True
        await venue.lose("the timing system went away")
        status = await watcher.next("status_update")
        assert (status["timing_connected"], status["state"]) == (False, "reconnecting")
        assert "went away" in status["reason"]
        assert isinstance(status["data_age_ms"], int)


async def test_a_circuit_that_is_not_started_can_be_watched(venue: Venue) -> None:
    """The app opens the socket before it posts start-timing."""
    async with venue.watch("", "dale") as watcher:
        assert (await watcher.next())["drivers"] == {}
        assert (await watcher.next("status_update"))["state"] == "stopped"


async def test_leaving_clients_are_forgotten(venue: Venue) -> None:
    """Nothing of a client stays behind."""
    async with venue.watch() as watcher:
        await watcher.next()
        assert venue.service.clients_of("hill") == 1
    await until(lambda: venue.service.clients == 0)


async def silent(venue: Venue) -> sockets.socket:
    """A client that asks for the stream and reads nothing of it."""
    client = sockets.socket()
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    client.setblocking(False)
    host, port = venue.address.split(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    head = f"GET /circuits/hill/live HTTP/1.1\r\nHost: {venue.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    await loop.sock_sendall(client, (head + key).encode())
    return client


async def test_a_client_that_does_not_read_is_cut_off_and_delays_nobody(tmp_path: Path) -> None:
    """Its backlog stays bounded, it is aborted, and a reading client gets every change."""
    everybody = [kart(str(100 + n)) for n in range(60)]
    async with serving(tmp_path, limits=LinkLimits(patience=2.0)) as venue:
        await venue.publish(*opening(everybody))
        stalled = await silent(venue)
        async with venue.watch("?format=karting_data") as good:
            await good.next("status_update")
            status = venue.service.channels
            number = held = 0
            async with asyncio.timeout(30):
                while not status()["hill"].aborted:
                    number += 1
                    cells = {name: {7: Cell("in", f"{number} " + "x" * 200)} for name in everybody}
                    await venue.publish(CellsChanged(START + number, cells))
                    message = await good.next("karting_data")
                    assert message["timestamp"].endswith(f"{(START + number) % 1000:03d}Z"), (
                        "nothing is missing or late"
                    )
                    held = max(outbox(client)._size for client in venue.service._channels["hill"]._clients)
                    assert held <= fanouts.OUTBOX_BYTES
                    await asyncio.sleep(0.005)
            assert status()["hill"].conflated >= 1
        stalled.close()


async def test_a_stalled_client_that_vanishes_is_forgotten(venue: Venue) -> None:
    """Its connection is lost while something is unsent."""
    everybody = [kart(str(100 + n)) for n in range(60)]
    await venue.publish(*opening(everybody))
    stalled = await silent(venue)
    await until(lambda: venue.service.clients == 1)
    number = 0
    while not venue.service.channels()["hill"].conflated:
        number += 1
        await venue.publish(
            CellsChanged(START, {name: {7: Cell("in", f"{number} " + "x" * 200)} for name in everybody})
        )
    stalled.close()
    await until(lambda: venue.service.clients == 0)


async def test_a_slow_client_gets_one_newer_snapshot(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an overflow the state that arrives is the present one, and the stream goes on from it."""
    monkeypatch.setattr(fanouts, "OUTBOX_BYTES", 3)
    await venue.publish(*opening())
    async with venue.watch("?format=karting_data") as watcher:
        await watcher.next("status_update")
        [client] = venue.service._channels["hill"]._clients
        link = outbox(client)._way
        assert isinstance(link, Link)
        link.pause_writing()
        for n in range(3):
            await venue.publish(*lap(START + n, f"1:0{n}.000", 60_000 + n))
        await until(lambda: outbox(client).due)
        link.resume_writing()
        message = await watcher.next()
        assert len(message["drivers"]) == 2, "everybody, and nothing of the backlog"
        assert message["drivers"]["24089"]["Dernier T."] == "1:02.000"
        await watcher.next("status_update")
        await venue.publish(*lap(START + 2000, "1:05.000", 65_000))
        assert list((await watcher.next())["drivers"]) == ["24089"]


async def test_the_end_of_the_service_is_told(tmp_path: Path) -> None:
    """1012: come again soon."""
    async with serving(tmp_path) as venue:
        watching = venue.watch()
        watcher = await watching.__aenter__()
        await watcher.next("status_update")
    with pytest.raises(ConnectionClosed):
        await watcher.next("never")
    assert watcher.socket.close_code == 1012


async def test_hostile_names_are_harmless_text(venue: Venue) -> None:
    """Control characters, overrides and lone surrogates are gone; the frame is valid UTF-8 JSON."""
    await venue.publish(*opening())
    rows = {kart("../x/__a__"): BoardRow(1, {4: Cell("dr", "\x1b]0;x\x07<img src=x>\u202e\ud800\x00" + "y" * 999)})}
    await venue.publish(BoardShown(START + 1, COLUMNS, rows))
    async with venue.watch() as watcher:
        karting, timing = await watcher.next(), await watcher.next()
    [name] = karting["drivers"]
    assert not set(name) & set("/.")
    assert timing["data"]["mapped_data"]["C4"] == ("]0;x<img src=x>" + "y" * 999)[:256]
    assert orjson.dumps(timing)
