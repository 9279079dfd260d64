"""The way of a connection's bytes to its protocol: in slices, within a budget, with turns for all the others.

A single read of 256 KiB can hold 130,000 empty WebSocket messages, which take the protocol a second, and nothing else
runs meanwhile. So what was read waits here and is handed over slice by slice: after `TURN_S` of work the event loop
has its turn. What is beyond the budget stays unread: nothing is dropped, the sender is slowed down by TCP.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from karttime.engine.budget import Account, Budget

SLICE: Final = 1024  # bytes: 500 of the smallest messages, about 4 ms
TURN_S: Final = 0.005


class Intake:
    """Holds what was read until it may be handed over; pauses the transport meanwhile.

    Args:
        transport: what is paused.
        deliver: takes bytes, and says how many messages they completed.
        budget: what the feed may send.

    Attributes:
        overdrawn_at: when the budget was last exceeded, by the loop's time; None for never.
    """

    def __init__(self, transport: asyncio.Transport, deliver: Callable[[bytes], int], budget: Budget) -> None:
        self.overdrawn_at: float | None = None
        self._transport = transport
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._account = Account(budget, self._loop.time())
        self._waiting = b""
        self._turn: asyncio.Handle | None = None
        self._held = False
        self._paused = False

    @property
    def fault(self) -> str:
        """Which limit was exceeded last."""
        return self._account.fault

    @property
    def idle(self) -> bool:
        """Whether everything that came was handed over: what stays away is then the sender's doing."""
        return not self._paused

    def take(self, data: bytes) -> None:
        """Bytes were read."""
        self._waiting += data
        if self._turn is None and not self._held:
            self._hand_over()
        self._pause_or_resume()

    def hold(self) -> None:
        """The consumer has enough for now."""
        self._held = True
        self._pause_or_resume()

    def release(self) -> None:
        """The consumer can take more."""
        self._held = False
        if self._waiting and self._turn is None:
            self._turn = self._loop.call_soon(self._continue)
        self._pause_or_resume()

    def finish(self) -> None:
        """Nothing more will be read: hand over the rest."""
        rest, self._waiting = self._waiting, b""
        if rest:
            self._deliver(rest)

    def close(self) -> None:
        """Stop; what waits is dropped."""
        self._waiting = b""
        if self._turn is not None:
            self._turn.cancel()

    def _continue(self) -> None:
        self._turn = None
        if not self._held:
            self._hand_over()
        self._pause_or_resume()

    def _hand_over(self) -> None:
        began = self._loop.time()
        while self._waiting and not self._held:
            piece, self._waiting = self._waiting[:SLICE], self._waiting[SLICE:]
            messages = self._deliver(piece)
            now = self._loop.time()
            wait = self._account.spend(messages, len(piece), now)
            if wait > 0:
                self.overdrawn_at = now
                self._turn = self._loop.call_later(wait, self._continue)
                return
            if self._waiting and now - began >= TURN_S:
                self._turn = self._loop.call_soon(self._continue)
                return

    def _pause_or_resume(self) -> None:
        paused = self._held or self._turn is not None or bool(self._waiting)
        if paused == self._paused:
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
