"""Where feeds may be: what is refused before and while connecting, and what is not."""

import socket
from collections.abc import Sequence
from dataclasses import replace

import pytest
from websockets.asyncio.server import ServerConnection

from karttime.circuits.circuit import Circuit
from karttime.circuits.local import LocalCircuits
from karttime.engine.addresses import AddressPolicy, RefusedAddress
from karttime.engine.budget import OWN_MACHINE
from karttime.engine.engine import Engine, EngineOptions
from karttime.engine.names import Resolve
from karttime.engine.reconnecting import ReconnectingSource
from karttime.engine.source import Lost
from karttime.engine.sources import SourceOptions, Sources
from karttime.engine.websocket import WebSocketOptions, WebSocketSource
from karttime.errors import SourceError, UsageError
from karttime.feeds.base import FeedFormat
from karttime.feeds.frame import Frame

from .conftest import Eventually, ListSource, Serve, Take

PUBLIC = (
    "ws://93.184.216.34:8092/",
    "wss://1.1.1.1",
    "ws://8.8.8.8:7733/live?x=1",
    "wss://[2606:4700:4700::1111]:8603/",
    "ws://[::ffff:8.8.8.8]:80/",
)

PRIVATE = (
    "ws://127.0.0.1:8000/",
    "ws://127.8.9.1:8000/",
    "ws://10.0.0.1:8000/",
    "ws://172.16.0.1:8000/",
    "ws://172.31.255.255:8000/",
    "ws://192.168.1.1/",
    "ws://100.64.0.1:8000/",
    "ws://[::1]:8000/",
    "ws://[fd00::1]:8000/",
    "ws://[::ffff:127.0.0.1]:8000/",
    "ws://[::ffff:10.0.0.1]:8000/",
    "ws://[::ffff:7f00:1]:8000/",
)

NEVER = (
    "ws://0.0.0.0:8000/",
    "ws://169.254.169.254/latest/meta-data",
    "ws://192.0.0.8:8000/",
    "ws://192.0.2.1:8000/",
    "ws://192.88.99.1:8000/",
    "ws://198.18.0.1:8000/",
    "ws://224.0.0.1:8000/",
    "ws://255.255.255.255:8000/",
    "ws://[::]:8000/",
    "ws://[::7f00:1]:8000/",
    "ws://[64:ff9b::7f00:1]:8000/",
    "ws://[64:ff9b:1::1]:8000/",
    "ws://[2002:7f00:1::]:8000/",
    "ws://[2001:0:7f00:1::]:8000/",
    "ws://[2001:db8::1]:8000/",
    "ws://[fe80::1]:8000/",
    "ws://[fe80::1%25eth0]:8000/",
    "ws://[fec0::1]:8000/",
    "ws://[ff02::1]:8000/",
    "ws://[100::1]:8000/",
    "ws://[::ffff:169.254.169.254]/",
)

WRITTEN_STRANGELY = (
    "ws://2130706433:8000/",
    "ws://0x7f.1:8000/",
    "ws://0x7f000001:8000/",
    "ws://0177.0.0.1:8000/",
    "ws://127.1:8000/",
    "ws://127.0.0.1.:8000/",
    "ws://①②⑦.⓪.⓪.①:8000/",
    "ws://127。0。0。1:8000/",
    "ws://256.1.1.1:8000/",
)

NO_FEED = (
    "http://timing.example/",
    "file:///etc/passwd",
    "gopher://timing.example:70/",
    "ws://",
    "ws:///path",
    "ws://user@timing.example/",
    "ws://user:secret@timing.example/",
    "ws://timing.example@127.0.0.1/",
    "ws://timing.example:99999/",
    "ws://timing.example:0/",
    "ws://timing.example/#f",
    "ws://timing.example\n.evil.example/",
    "ws://[::1",
)

PORTS = tuple(f"ws://timing.example:{port}/" for port in (1, 22, 25, 53, 110, 445, 1023))


@pytest.mark.parametrize("url", PUBLIC)
def test_public_addresses_are_allowed(url: str) -> None:
    assert AddressPolicy().check(f" {url} ") == url


def test_names_are_allowed_until_they_are_looked_up() -> None:
    assert AddressPolicy().check("wss://timing.example:8523/x") == "wss://timing.example:8523/x"


@pytest.mark.parametrize("url", [*PRIVATE, *NEVER, *WRITTEN_STRANGELY, *PORTS])
def test_all_others_are_refused_with_a_reason(url: str) -> None:
    with pytest.raises(RefusedAddress) as caught:
        AddressPolicy().check(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", NO_FEED)
def test_what_is_no_address_of_a_feed_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        AddressPolicy(allow_private=True, typed=frozenset({url})).check(url)


@pytest.mark.parametrize("url", PRIVATE)
def test_an_operator_may_allow_private_networks(url: str) -> None:
    """The refusal names the option that does it."""
    assert AddressPolicy(allow_private=True).check(url) == url
    with pytest.raises(RefusedAddress, match="--allow-private"):
        AddressPolicy().check(url)


@pytest.mark.parametrize("url", [*NEVER, *WRITTEN_STRANGELY, *PORTS])
def test_what_leads_anywhere_is_refused_even_then(url: str) -> None:
    with pytest.raises(RefusedAddress):
        AddressPolicy(allow_private=True).check(url)


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8813/", "ws://[::1]:81/", "ws://localhost:8813"])
def test_loopback_that_the_operator_typed_needs_no_permission(url: str) -> None:
    """It and nothing else: another path of the same server is another address."""
    policy = AddressPolicy(typed=frozenset({url}))
    assert policy.check(url) == url
    if "localhost" not in url:
        with pytest.raises(RefusedAddress):
            policy.check(url + "/other")


@pytest.mark.parametrize("url", ["ws://10.0.0.1:8000/", "ws://2130706433:8000/", "ws://169.254.169.254/"])
def test_typed_addresses_that_are_not_loopback_are_judged_as_all(url: str) -> None:
    with pytest.raises(RefusedAddress):
        AddressPolicy(typed=frozenset({url})).check(url)


def answering(*answers: Sequence[str]) -> Resolve:
    """A name server that gives one answer after the other."""
    given = iter(answers)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return next(given)

    return resolve


@pytest.mark.parametrize("url", [*PRIVATE, *NEVER])
async def test_a_name_that_leads_to_a_refused_address_is_not_connected(url: str) -> None:
    host = url.partition("//")[2].rpartition(":")[0] if "]:" in url or url.count(":") == 2 else url.split("/")[2]
    address = host.strip("[]").replace("%25", "%")
    resolve = AddressPolicy().resolver("ws://timing.example/", answering([address]))
    with pytest.raises(SourceError, match="not connected"):
        await resolve("timing.example", 80)


@pytest.mark.parametrize("other", ["127.0.0.1", "::1", "fe80::1%eth0", "not an address"])
async def test_one_refused_address_among_good_ones_is_enough(other: str) -> None:
    resolve = AddressPolicy().resolver("ws://timing.example/", answering(["93.184.216.34", other]))
    with pytest.raises(SourceError):
        await resolve("timing.example", 80)


async def test_a_name_for_public_addresses_gives_them_in_order() -> None:
    addresses = ["2606:4700:4700::1111", "93.184.216.34"]
    resolve = AddressPolicy().resolver("ws://timing.example/", answering(addresses))
    assert await resolve("timing.example", 80) == addresses


async def test_localhost_that_leads_elsewhere_is_not_connected() -> None:
    """A resolver that answers `localhost` with an address of the network wins nothing."""
    policy = AddressPolicy(typed=frozenset({"ws://localhost:8813/"}))
    resolve = policy.resolver("ws://localhost:8813/", answering(["127.0.0.1"], ["93.184.216.34"]))
    assert await resolve("localhost", 8813) == ["127.0.0.1"]
    with pytest.raises(SourceError, match="not a loopback address"):
        await resolve("localhost", 8813)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_what_the_system_makes_of_strange_numbers_is_refused_too(host: str) -> None:
    """Should one of them come past the first check, its lookup gives the address away."""

    async def system(name: str, port: int) -> Sequence[str]:
        return [str(info[4][0]) for info in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]

    with pytest.raises(SourceError):
        await AddressPolicy().resolver(f"ws://{host}:8000/", system)(host, 8000)


async def greet(connection: ServerConnection) -> None:
    await connection.send("session one")
    await connection.wait_closed()


async def test_rebinding_wins_nothing(ws_server: Serve, quick: WebSocketOptions, take: Take) -> None:
    """Each attempt looks the name up once, and connects to what was checked: a second answer is not asked for."""
    asked = 0

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        return ["93.184.216.34", "127.0.0.1"] if asked % 2 else ["127.0.0.1"]

    async with ws_server(greet) as url:
        address = url.replace("127.0.0.1", "timing.example")
        resolve = AddressPolicy().resolver(address, rebinding)
        items = await take(WebSocketSource(address, replace(quick, resolve=resolve)), 9)
    assert asked == 3
    assert sum(isinstance(item, Lost) for item in items) == 3
    assert not any(isinstance(item, Frame) for item in items)


def engine_for(url: str, formats: dict[str, FeedFormat], websocket: WebSocketOptions, **policy: object) -> Engine:
    circuits = LocalCircuits([Circuit("hill", "Hill", url, "words")])
    addresses = AddressPolicy(**policy)  # type: ignore[arg-type]  # as the test gives them
    return Engine(circuits, formats=formats, options=EngineOptions(websocket=websocket, addresses=addresses))


async def test_a_circuit_with_a_refused_address_is_not_started(
    word_formats: dict[str, FeedFormat], quick: WebSocketOptions
) -> None:
    """By default no address of this machine is allowed; the collector is there and stands still."""
    async with engine_for("ws://127.0.0.1:8000/", word_formats, quick) as engine:
        with pytest.raises(RefusedAddress):
            await engine.start("hill")
        assert not engine.collector("hill").running


async def test_the_engine_connects_where_its_policy_allows(
    ws_server: Serve, word_formats: dict[str, FeedFormat], quick: WebSocketOptions, eventually: Eventually
) -> None:
    async with (
        ws_server(greet) as url,
        engine_for(url, word_formats, quick, typed=frozenset({url})) as typed,
        engine_for(url, word_formats, quick, allow_private=True) as allowed,
    ):
        for engine in (typed, allowed):
            await engine.start("hill")
            await eventually(lambda engine=engine: engine.hub("hill").seq > 0)  # type: ignore[misc]  # bound here


async def test_a_name_that_turns_private_while_running_is_lost_not_followed(
    ws_server: Serve, word_formats: dict[str, FeedFormat], quick: WebSocketOptions, eventually: Eventually
) -> None:
    """A circuit's name may change its address at any time; the engine's own source is checked at each attempt."""
    async with ws_server(greet) as url:
        websocket = replace(quick, resolve=answering(*[["127.0.0.1"]] * 1000))
        address = url.replace("127.0.0.1", "timing.example")
        async with engine_for(address, word_formats, websocket) as engine:
            await engine.start("hill")
            await eventually(lambda: "private network" in engine.collector("hill").status().last_error)
            assert engine.collector("hill").status().frames == 0


async def test_sources_of_our_own_have_no_address_to_check(
    word_formats: dict[str, FeedFormat], list_source: type[ListSource]
) -> None:
    """A simulator or a player is no connection."""
    circuits = LocalCircuits([Circuit("demo", "Demo", "demo://simulator", "words")])
    async with Engine(circuits, formats=word_formats, source_factory=lambda _: list_source([], stay=True)) as engine:
        assert await engine.start("demo") == "started"


@pytest.mark.parametrize(
    ("url", "typed", "own"),
    [
        ("ws://127.0.0.1:8813/", True, True),
        ("ws://localhost:8813/", True, True),
        ("ws://127.0.0.1:8813/", False, False),
        ("ws://93.184.216.34:8092/", True, False),
        ("rmonitor://127.0.0.1:8813", True, True),
        ("rmonitor://93.184.216.34", True, False),
    ],
)
def test_only_what_was_typed_as_this_machine_may_send_at_any_pace(url: str, typed: bool, own: bool) -> None:
    """A replay on loopback runs as fast as it is taken; nobody else does."""
    addresses = AddressPolicy(typed=frozenset({url} if typed else ()))
    source = Sources(SourceOptions(addresses=addresses))(url)
    assert isinstance(source, ReconnectingSource)
    assert (source._options.budget == OWN_MACHINE) is own


def test_a_refusal_does_not_tell_a_token() -> None:
    """It goes into logs."""
    for host in ("10.0.0.7", "relay.example:25", "2130706433"):
        with pytest.raises(RefusedAddress) as refused:
            AddressPolicy().check(f"wss://{host}/instance/209/abcdefgh-1234")
        assert "/instance/209/***" in str(refused.value)
