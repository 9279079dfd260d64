"""A feed over TCP, a line at a time: RMonitor from the timing computer, or from whatever passes it on.

* Nothing is sent: the server begins by itself.
* A frame holds the whole lines that came together, bytes as they were with their line ends (LF, CR LF, CR CR LF). It
  is text where all of it is UTF-8, else bytes: what a cp1252 name means is for the decoder to say.
* A line that the end of the connection tears is dropped: cut off, `$RMLT,7,1610910893000` still looks like a whole one.
* A line that does not end, in bytes or in time, is a loss. What is beyond the budget stays unread: nothing is dropped.
* RMonitor's `$F` comes every second, on idle days too; silence is a loss, as for WebSockets. A machine that is gone
  while its connection seems open is noticed by the system's own probes, before the silence is long enough.
"""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, cast
from urllib.parse import urlsplit

from karttime.circuits.urls import port_of
from karttime.engine.clock import Clock
from karttime.engine.intake import Intake
from karttime.engine.reasons import OPENING_ERRORS, explain
from karttime.engine.reconnecting import LinkOptions, ReconnectingSource, Stamp, first_that_opens
from karttime.errors import SourceError
from karttime.feeds.frame import Frame

MAX_LINE: Final = 64 << 10  # RMonitor's longest lines have a few hundred bytes
_QUEUE: Final = 64  # frames that wait to be taken; more stay unread
_PROBES: Final = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4))  # a dead machine: after 35 s


class TcpSource(ReconnectingSource):
    """The frames of one `rmonitor://host:port`; a `FrameSource`."""

    def __init__(self, url: str, options: LinkOptions | None = None, *, clock: Clock | None = None) -> None:
        options, clock = options or LinkOptions(), clock or Clock()
        super().__init__(lambda: tcp_link(url, options, clock), options, clock)


@asynccontextmanager
async def tcp_link(url: str, options: LinkOptions, clock: Clock) -> AsyncIterator["TcpLink"]:
    """A connection that is open while the context lasts: one attempt of a source."""
    loop = asyncio.get_running_loop()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", port_of(parts)
        _, (_, link) = await first_that_opens(
            host, port, options, lambda address: loop.create_connection(lambda: TcpLink(options, clock), address, port)
        )
    except OPENING_ERRORS as error:
        raise SourceError(explain(error)) from error
    try:
        yield link
    finally:
        link.cut()


class TcpLink(asyncio.Protocol):
    """One connection; a `Link`."""

    _transport: asyncio.Transport
    _intake: Intake

    def __init__(self, options: LinkOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._rest = bytearray()  # of a line that has not ended
        self._frames: deque[bytes] = deque()
        self._something = asyncio.Event()
        self._end = ""
        self._unfinished: asyncio.TimerHandle | None = None

    @property
    def flooding(self) -> str:
        at = self._intake.overdrawn_at
        return self._intake.fault if at is not None and self._loop.time() - at < 1 else ""

    async def receive(self, stamp: Stamp) -> Frame:
        if not self._frames:
            await self._more()
        data = self._frames.popleft()
        if len(self._frames) < _QUEUE // 2:
            self._intake.release()
        now = self._clock.monotonic()
        try:
            return stamp.frame(now, data.decode())
        except UnicodeDecodeError:
            return stamp.frame(now, None, data)

    async def _more(self) -> None:
        self._something.clear()
        if not self._end:
            try:
                async with asyncio.timeout(self._options.silence_s):
                    await self._something.wait()
            except TimeoutError as error:
                raise SourceError(f"silent: no line for {self._options.silence_s:g} s") from error
        if not self._frames:
            raise SourceError(self._end)

    def cut(self, verdict: str = "we closed the connection") -> None:
        """End it at once; what the other side still sends is not looked at."""
        self._end = self._end or verdict
        self._intake.close()
        self._stop_timer()
        self._transport.abort()
        self._something.set()

    # -- what the event loop tells ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._intake = Intake(self._transport, self._deliver, self._options.budget)
        _probe(self._transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._intake.take(data)

    def eof_received(self) -> None:
        self._intake.finish()
        self._end = self._end or "the server closed the connection"

    def connection_lost(self, exc: Exception | None) -> None:
        self._intake.finish()  # what came before the end is whole, and counts
        self._intake.close()
        self._stop_timer()
        self._end = self._end or ("the server closed the connection" if exc is None else _broken(exc))
        self._something.set()

    def _deliver(self, data: bytes) -> int:
        """Take what was read; how many lines it ended."""
        if self._end:
            return 0
        whole, newline, rest = data.rpartition(b"\n")
        if newline:
            self._frames.append(bytes(self._rest) + whole + newline)
            self._rest[:] = rest
            self._stop_timer()
            self._something.set()
            if len(self._frames) >= _QUEUE:
                self._intake.hold()
        else:
            self._rest += data
        if len(self._rest) > min(MAX_LINE, self._options.max_message):
            self.cut("the server sent a line that is longer than allowed: is this RMonitor?")
        elif self._rest and self._unfinished is None:
            self._unfinished = self._loop.call_later(self._options.message_s, self._took_too_long)
        return data.count(b"\n")

    def _took_too_long(self) -> None:
        self._unfinished = None
        if self._intake.idle:
            self.cut(f"the server began a line and did not end it within {self._options.message_s:g} s")
        else:  # it is we who do not read
            self._unfinished = self._loop.call_later(self._options.message_s, self._took_too_long)

    def _stop_timer(self) -> None:
        if self._unfinished is not None:
            self._unfinished.cancel()
            self._unfinished = None


def _broken(error: Exception) -> str:
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the server cut the connection"
    return explain(error)


def _probe(opened: socket.socket) -> None:
    """Have the system ask the other machine now and then whether it is still there."""
    with suppress(OSError):  # a socket that does not know this is watched for silence only
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _PROBES:
            if hasattr(socket, name):  # not every system has them all
                opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
