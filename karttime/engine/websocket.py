"""A feed over WebSocket: connects, listens, notices silence, comes back.

* Nothing is sent but protocol pings: timing servers are known to cut off clients that talk.
* What a hostile server may do to us is bounded by `connection.py`; one that sends more than its budget is read more
  slowly, and `Flooding` tells so: nothing is dropped.
* A pong proves that a machine is there, not that it still feeds us: any received message counts as a sign of life, a
  pong does not. Apex servers send a lone line break after 60 s without data, hence 75 s until silence is a loss.
* Waits between attempts grow until a connection has delivered data for a while: a server that accepts and drops us
  is not hammered.
* Frames are stamped from the monotonic clock, anchored to the wall clock when the connection opens, so that `at` does
  not go backwards when the machine's clock is set.
* Timing servers pass on what port scanners send them; a text message that is not UTF-8 becomes a frame of bytes
  instead of an end of the connection.
* Redirects are not followed, proxies of the environment are not used: we connect where the operator said.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, Self, cast
from urllib.parse import urlsplit

from websockets.frames import Opcode

from karttime import __version__
from karttime.engine.backoff import Backoff, BackoffOptions
from karttime.engine.budget import Budget
from karttime.engine.clock import Clock
from karttime.engine.connection import Connect, Connection, Guard
from karttime.engine.names import Resolve, resolve
from karttime.engine.reasons import OPENING_ERRORS, READING_ERRORS, explain
from karttime.engine.source import Connected, Connecting, Flooding, GaveUp, Lost, Retrying, SourceItem
from karttime.errors import SourceError
from karttime.feeds.frame import Frame

_wire_log = logging.getLogger("karttime.wire")
_wire_log.setLevel(
    logging.CRITICAL
)  # what goes wrong reaches us as an exception; the library would log a traceback too


@dataclass(frozen=True, slots=True)
class WebSocketOptions:
    """Settings of a WebSocket source, times in seconds.

    Attributes:
        open_timeout_s: name lookup, TCP, TLS and handshake together.
        silence_s: no message for this long is a loss.
        ping_interval_s: of silence, then a protocol ping is sent.
        ping_timeout_s: of further silence is a loss.
        message_s: a message that has begun must end within this time.
        close_timeout_s: for a polite end; then the connection is cut.
        stable_s: a connection that still delivers after this long ends the growth of waits.
        max_message: bytes of one message; a whole grid of Apex is far below 1 MiB.
        max_attempts: failures in a row after which the source gives up; 0 never gives up.
        budget: messages and bytes a second.
        backoff: waits between attempts.
        resolve: finds the addresses of a host; the place for rules about where to connect.
    """

    open_timeout_s: float = 10.0
    silence_s: float = 75.0
    ping_interval_s: float = 5.0
    ping_timeout_s: float = 8.0
    message_s: float = 10.0
    close_timeout_s: float = 1.0
    stable_s: float = 30.0
    max_message: int = 1 << 20
    max_attempts: int = 0
    budget: Budget = field(default_factory=Budget)
    backoff: BackoffOptions = field(default_factory=BackoffOptions)
    resolve: Resolve = resolve


_TELL_S: Final = 1.0  # a feed that floods is told of about once a second
_QUEUE: Final = 8  # messages that wait to be taken; more stay unread


class WebSocketSource:
    """The frames of one WebSocket address, for ever or until the allowed attempts failed; a `FrameSource`."""

    def __init__(self, url: str, options: WebSocketOptions | None = None, *, clock: Clock | None = None) -> None:
        self._url = url
        self._options = options or WebSocketOptions()
        self._clock = clock or Clock()

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        options, clock = self._options, self._clock
        backoff = Backoff(options.backoff)
        began = clock.monotonic()
        while True:
            yield Connecting(backoff.failures + 1)
            try:
                async with _Link(self._url, options, clock, began) as link:
                    yield Connected()
                    while True:
                        frame = await link.receive()
                        if link.age() >= options.stable_s:
                            backoff.reset()
                        if fault := link.flooding():
                            yield Flooding(fault)
                        yield frame
            except SourceError as error:
                yield Lost(str(error))
            wait = backoff.fail()
            if options.max_attempts and backoff.failures >= options.max_attempts:
                yield GaveUp(backoff.failures)
                return
            yield Retrying(round(wait * 1000), backoff.failures + 1)
            await clock.sleep(wait)


class _Link:
    """One connection, open while its context lasts: stamps what comes.

    Entering and receiving raise `SourceError`, whose text is the reason.
    """

    _connection: Connection
    _opened: float
    _opened_at: int

    def __init__(self, url: str, options: WebSocketOptions, clock: Clock, began: float) -> None:
        self._url = url
        self._options = options
        self._clock = clock
        self._began = began
        self._told = float("-inf")

    async def __aenter__(self) -> Self:
        try:
            self._connection = await _connect(self._url, self._options)
        except OPENING_ERRORS as error:
            raise SourceError(explain(error)) from error
        self._opened, self._opened_at = self._clock.monotonic(), self._clock.wall_ms()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End politely if the other side plays along in time, and cut the connection in any case."""
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await self._connection.close()
        except TimeoutError:
            pass  # the cut that follows is the answer to it
        finally:
            self._connection.transport.abort()

    def age(self) -> float:
        """Seconds since it was opened."""
        return self._clock.monotonic() - self._opened

    def flooding(self) -> str:
        """Which limit the server exceeds, empty for none or when that was just said."""
        fault = self._connection.flooding
        if not fault or self._clock.monotonic() - self._told < _TELL_S:
            return ""
        self._told = self._clock.monotonic()
        return fault

    async def receive(self) -> Frame:
        """The next message."""
        try:
            async with asyncio.timeout(self._options.silence_s):
                message = await self._connection.recv(decode=False)
        except TimeoutError as error:
            reason = f"silent: no message for {self._options.silence_s:g} s, not even a keep-alive"
            raise SourceError(reason) from error
        except READING_ERRORS as error:
            raise SourceError(self._connection.verdict or explain(error)) from error
        now = self._clock.monotonic()
        at = self._opened_at + round((now - self._opened) * 1000)
        offset = round((now - self._began) * 1000)
        if self._connection.kinds.popleft() is Opcode.BINARY:
            return Frame(at, None, message, "in", offset)
        try:
            return Frame(at, message.decode(), None, "in", offset)
        except UnicodeDecodeError:
            return Frame(at, None, message, "in", offset)


async def _connect(url: str, options: WebSocketOptions) -> Connection:
    """Try the addresses of the host in turn; each gets its share of the time that is left."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + options.open_timeout_s
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    async with asyncio.timeout_at(deadline):
        addresses = await options.resolve(parts.hostname or "", port)
    failure: Exception = OSError("the host has no address")
    for number, address in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - number)
        try:
            async with asyncio.timeout(share):
                return await _connect_to(address, port, url, options)
        except OSError as error:  # also TimeoutError; what the server itself answered is the answer
            failure = error
    raise failure


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
