"""A race of Race Monitor: looked up before every connection, then read from its relay's WebSocket.

The token may have changed since the last time, so that a lost connection always begins with a lookup. The relay is
greeted with `$JOIN,INSTANCE,TOKEN`. Its host is another party's answer, and held to the rules of `addresses.py`; only
where the operator has set a lookup service of this very machine may it be this machine, too.

The token is replaced by `***` in whatever comes from the relay, should it ever be echoed: neither recordings nor logs
nor states hold it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from karttime.circuits.urls import relay_of
from karttime.engine.addresses import AddressPolicy, is_loopback
from karttime.engine.budget import OWN_MACHINE
from karttime.engine.clock import Clock
from karttime.engine.lookup import LiveRace, Lookup
from karttime.engine.reconnecting import Link, ReconnectingSource, Stamp
from karttime.engine.websocket import WebSocketOptions, web_socket
from karttime.errors import SourceError, UsageError
from karttime.feeds.frame import Frame

HIDDEN: Final = "***"


class RaceMonitorSource(ReconnectingSource):
    """The frames of one race; a `FrameSource`.

    Args:
        race_id: digits, as in the address of the race's page.
        lookup: the service that knows the relay, shared with other sources.
        addresses: where the relay may be.
        options: settings of the connection to it.
        clock: replaced by tests.
    """

    def __init__(
        self,
        race_id: str,
        lookup: Lookup,
        addresses: AddressPolicy,
        options: WebSocketOptions | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._race_id = race_id
        self._lookup = lookup
        self._addresses = addresses
        self._websocket = options or WebSocketOptions()
        self._time = clock or Clock()
        super().__init__(self._attempt, self._websocket, self._time)

    @asynccontextmanager
    async def _attempt(self) -> AsyncIterator[Link]:
        race = await self._lookup.find(self._race_id, self._websocket)
        origin, options = self._checked(race)
        async with relay(f"{origin}/instance/{race.instance}/{race.token}", options, self._time) as link:
            yield link

    def _checked(self, race: LiveRace) -> tuple[str, WebSocketOptions]:
        """The relay's address without what is secret, and the way to connect to it. Raises `SourceError`."""
        service = urlsplit(self._lookup.base)
        origin = f"{'wss' if service.scheme == 'https' else 'ws'}://{race.host}"
        policy = self._addresses
        if is_loopback(service.hostname or ""):  # the operator's own: what it answers may be on this machine
            policy = replace(policy, typed=policy.typed | {origin})
        try:
            policy.check(origin)
        except UsageError as error:
            raise SourceError(f"the relay of the race is not connected to: {error}") from None
        options = replace(self._websocket, resolve=policy.resolver(origin, self._websocket.resolve))
        return origin, replace(options, budget=OWN_MACHINE) if policy.is_own(origin) else options


class RelaySource(ReconnectingSource):
    """The frames of a relay whose address somebody knows, token and all; a `FrameSource`."""

    def __init__(self, url: str, options: WebSocketOptions | None = None, *, clock: Clock | None = None) -> None:
        options, clock = options or WebSocketOptions(), clock or Clock()
        super().__init__(lambda: relay(url, options, clock), options, clock)


@asynccontextmanager
async def relay(url: str, options: WebSocketOptions, clock: Clock) -> AsyncIterator[Link]:
    """A connection to a relay that is open while the context lasts: one attempt of a source."""
    known = relay_of(url)
    if known is None:
        raise ValueError("not the address of a relay")
    instance, token = known
    try:
        async with web_socket(url, options, clock, f"$JOIN,{instance},{token}") as link:
            yield Discreet(link, token)
    except SourceError as error:
        raise SourceError(str(error).replace(token, HIDDEN)) from None  # its cause may hold the token


class Discreet:
    """A link whose frames do not hold a secret; a `Link`."""

    def __init__(self, link: Link, secret: str) -> None:
        self._link = link
        self._secret = secret
        self._secret_bytes = secret.encode()

    @property
    def flooding(self) -> str:
        return self._link.flooding

    async def receive(self, stamp: Stamp) -> Frame:
        frame = await self._link.receive(stamp)
        if frame.text is not None and self._secret in frame.text:
            return frame._replace(text=frame.text.replace(self._secret, HIDDEN))
        if frame.data is not None and self._secret_bytes in frame.data:
            return frame._replace(data=frame.data.replace(self._secret_bytes, HIDDEN.encode()))
        return frame
