"""One WebSocket connection to a timing server, guarded against servers that are broken or hostile.

The library bounds messages, headers and the handshake. Added here:

* bytes come in by an `Intake`: within a budget, and never so many at once that other feeds wait;
* a message that has begun must end: a frame that drips in, or fragments without end, cut the connection;
* pings are sent only into silence, and any received byte is a sign of life: a pong that is stuck behind a long
  backlog is no loss. A flood of the server's own pings cuts the connection, and answers that it does not read do not
  pile up here.

`verdict` says why the connection was cut from this side.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State

from karttime.engine.budget import Budget
from karttime.engine.intake import Intake

_UNSENT: Final = 64 << 10  # we send nothing but pings and pongs
_PINGS: Final = 1000  # without a message between them: a server that pings once a second for a quarter of an hour
_DATA: Final = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


@dataclass(frozen=True, slots=True)
class Guard:
    """What a connection may do, times in seconds.

    Attributes:
        ping_interval_s: of silence, then a ping is sent.
        ping_timeout_s: of further silence, then the connection is cut.
        message_s: from the first byte of a message to its last.
        budget: messages and bytes.
    """

    ping_interval_s: float = 5.0
    ping_timeout_s: float = 8.0
    message_s: float = 10.0
    budget: Budget = field(default_factory=Budget)


class Connection(ClientConnection):
    """A guarded connection; remembers of which kind each message was, since `recv(decode=False)` does not tell.

    Attributes:
        kinds: of the messages that were not yet read.
        verdict: why it was cut by us, empty when it was not.
    """

    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds: deque[Opcode] = deque()
        self.verdict = ""
        self._guard = guard
        self._frames = self._pings = 0
        self._open_message = False
        self._heard_at = self.loop.time()
        self._pinged_at = 0.0
        self._unfinished: asyncio.TimerHandle | None = None
        self._life: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None

    @property
    def flooding(self) -> str:
        """Which limit the server exceeded within the last second, empty for none."""
        at = self._intake.overdrawn_at
        return self._intake.fault if at is not None and self.loop.time() - at < 1 else ""

    def cut(self, verdict: str) -> None:
        """End it at once; what the other side still sends is not looked at."""
        self.verdict = self.verdict or verdict
        self._intake.close()
        self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._intake = Intake(cast(asyncio.Transport, transport), self._deliver, self._guard.budget)
        self.recv_messages.pause = self._intake.hold
        self.recv_messages.resume = self._intake.release
        self._life = self.loop.call_later(self._guard.ping_interval_s, self._look_for_life)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        self._intake.take(data)

    def eof_received(self) -> None:
        self._intake.finish()
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._intake.close()
        for timer in (self._unfinished, self._life, self._end):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def process_event(self, event: Any) -> None:
        if isinstance(event, WireFrame):
            self._frames += 1
            if event.opcode in {Opcode.TEXT, Opcode.BINARY}:
                self.kinds.append(event.opcode)
            if event.opcode in _DATA:
                self._open_message, self._pings = not event.fin, 0
            elif event.opcode is Opcode.PING:
                self._pings += 1
        super().process_event(event)

    def _deliver(self, data: bytes) -> int:
        before, opening = self._frames, self.protocol.state is State.CONNECTING
        super().data_received(data)
        completed = self._frames - before
        if opening:
            pass  # has a limit of its own
        elif self._open_message or not completed:
            if self._unfinished is None:
                self._unfinished = self.loop.call_later(self._guard.message_s, self._took_too_long)
        elif self._unfinished is not None:
            self._unfinished.cancel()
            self._unfinished = None
        if self._end is None and self.protocol.close_expected():  # it broke the protocol, or says good-bye
            self._end = self.loop.call_later(self.close_timeout or 0, self.transport.abort)
        if self.transport.get_write_buffer_size() > _UNSENT:
            self.cut("the server floods us with pings and does not read the answers")
        elif self._pings > _PINGS:
            self.cut("the server floods us with pings and sends no data")
        return completed

    def _took_too_long(self) -> None:
        if self.protocol.state is State.OPEN:  # closing has a limit of its own
            self.cut(f"the server began a message and did not end it within {self._guard.message_s:g} s")
        self._unfinished = None

    def _look_for_life(self) -> None:
        guard, now = self._guard, self.loop.time()
        if not self._intake.idle:  # it is we who do not read
            self._heard_at = now
        silent = now - self._heard_at
        if self.protocol.state is State.OPEN and silent >= guard.ping_interval_s:
            if self._pinged_at <= self._heard_at:
                self._pinged_at = now
                self.protocol.send_ping(b"")
                self.send_data()
            elif now - self._pinged_at >= guard.ping_timeout_s:
                self.cut("the server stopped answering pings")
                return
        patience = guard.ping_timeout_s if self._pinged_at > self._heard_at else guard.ping_interval_s
        again = max(self._heard_at, self._pinged_at) + patience
        self._life = self.loop.call_at(max(again, now + 0.01), self._look_for_life)


class Connect(connect):
    """`connect` that goes nowhere but where it was told to."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
