"""A feed over WebSocket: connects, listens, notices silence; coming back is `reconnecting.py`'s business.

* Nothing is sent but protocol pings, and a greeting where the upstream expects one: timing servers are known to cut
  off clients that talk.
* What a hostile server may do to us is bounded by `connection.py`; one that sends more than its budget is read more
  slowly, and `Flooding` tells so: nothing is dropped.
* A pong proves that a machine is there, not that it still feeds us: any received message counts as a sign of life, a
  pong does not. Apex servers send a lone line break after 60 s without data, hence 75 s until silence is a loss.
* Timing servers pass on what port scanners send them; a text message that is not UTF-8 becomes a frame of bytes
  instead of an end of the connection.
* Redirects are not followed, proxies of the environment are not used: we connect where the operator said.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

from websockets.frames import Opcode

from karttime import __version__
from karttime.circuits.urls import port_of
from karttime.engine.clock import Clock
from karttime.engine.connection import Connect, Connection, Guard
from karttime.engine.reasons import OPENING_ERRORS, READING_ERRORS, explain
from karttime.engine.reconnecting import LinkOptions, ReconnectingSource, Stamp, first_that_opens
from karttime.errors import SourceError
from karttime.feeds.frame import Frame

_wire_log = logging.getLogger("karttime.wire")
_wire_log.setLevel(
    logging.CRITICAL
)  # what goes wrong reaches us as an exception; the library would log a traceback too

_QUEUE: Final = 8  # messages that wait to be taken; more stay unread


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketOptions(LinkOptions):
    """Settings of a WebSocket source, times in seconds; a whole grid of Apex is far below `max_message`.

    Attributes:
        ping_interval_s: of silence, then a protocol ping is sent.
        ping_timeout_s: of further silence is a loss.
    """

    ping_interval_s: float = 5.0
    ping_timeout_s: float = 8.0


class WebSocketSource(ReconnectingSource):
    """The frames of one WebSocket address; a `FrameSource`.

    Args:
        url: its address, checked.
        options: settings.
        greeting: what is said first, empty for nothing.
        clock: replaced by tests.
    """

    def __init__(
        self, url: str, options: WebSocketOptions | None = None, *, greeting: str = "", clock: Clock | None = None
    ) -> None:
        options, clock = options or WebSocketOptions(), clock or Clock()
        super().__init__(lambda: web_socket(url, options, clock, greeting), options, clock)


@asynccontextmanager
async def web_socket(
    url: str, options: WebSocketOptions, clock: Clock, greeting: str = ""
) -> AsyncIterator["WebSocketLink"]:
    """A connection that is open while the context lasts: one attempt of a source."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", port_of(parts)
        _, connection = await first_that_opens(
            host, port, options, lambda address: _connect_to(address, port, url, options)
        )
    except OPENING_ERRORS as error:
        raise SourceError(explain(error)) from error
    try:
        if greeting:
            await _say(connection, greeting, options)
        yield WebSocketLink(connection, options, clock)
    finally:
        await _end(connection, options)


async def _say(connection: Connection, greeting: str, options: WebSocketOptions) -> None:
    try:
        async with asyncio.timeout(options.open_timeout_s):
            await connection.send(greeting)
    except OPENING_ERRORS as error:
        raise SourceError(connection.verdict or explain(error)) from error


async def _end(connection: Connection, options: WebSocketOptions) -> None:
    """End politely if the other side plays along in time, and cut the connection in any case."""
    try:
        async with asyncio.timeout(options.close_timeout_s):
            await connection.close()
    except TimeoutError:
        pass  # the cut that follows is the answer to it
    finally:
        connection.transport.abort()


class WebSocketLink:
    """One open connection; a `Link`."""

    def __init__(self, connection: Connection, options: WebSocketOptions, clock: Clock) -> None:
        self._connection = connection
        self._options = options
        self._clock = clock

    @property
    def flooding(self) -> str:
        return self._connection.flooding

    async def receive(self, stamp: Stamp) -> Frame:
        try:
            async with asyncio.timeout(self._options.silence_s):
                message = await self._connection.recv(decode=False)
        except TimeoutError as error:
            reason = f"silent: no message for {self._options.silence_s:g} s, not even a keep-alive"
            raise SourceError(reason) from error
        except READING_ERRORS as error:
            raise SourceError(self._connection.verdict or explain(error)) from error
        now = self._clock.monotonic()
        if self._connection.kinds.popleft() is Opcode.BINARY:
            return stamp.frame(now, None, message)
        try:
            return stamp.frame(now, message.decode())
        except UnicodeDecodeError:
            return stamp.frame(now, None, message)


async def _connect_to(address: str, port: int, url: str, options: WebSocketOptions) -> Connection:
    guard = Guard(options.ping_interval_s, options.ping_timeout_s, options.message_s, options.budget)
    connecting = Connect(
        url,
        create_connection=cast(type[Connection], partial(Connection, guard=guard)),  # any callable will do
        compression=None,
        proxy=None,
        logger=_wire_log,
        user_agent_header=f"karttime/{__version__}",
        open_timeout=None,
        ping_interval=None,  # by the guard
        close_timeout=options.close_timeout_s,
        max_size=options.max_message,
        max_queue=_QUEUE,
        host=address,
        port=port,
    )
    return cast(Connection, await connecting)  # by `create_connection`
