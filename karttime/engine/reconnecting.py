"""What every source of a network has in common: connect, listen, notice a loss, wait, come back.

* A connection that is silent is a loss, whatever its machine still answers; how long is said in `LinkOptions`.
* Waits between attempts grow until a connection has delivered data for a while: a server that accepts and drops us
  is not hammered.
* An upstream that asks to come back later (`TryLater`) is asked no earlier, and that is no failed attempt: a race that
  has not begun is not given up.
* Frames are stamped from the monotonic clock, anchored to the wall clock when the connection opens, so that `at` does
  not go backwards when the machine's clock is set.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeVar

from karttime.engine.backoff import Backoff, BackoffOptions
from karttime.engine.budget import Budget
from karttime.engine.clock import Clock
from karttime.engine.names import Resolve, resolve
from karttime.engine.source import Connected, Connecting, Flooding, GaveUp, Lost, Retrying, SourceItem
from karttime.errors import SourceError
from karttime.feeds.frame import Frame

_TELL_S: Final = 1.0  # a feed that floods is told of about once a second
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """Settings of a source that connects over a network, times in seconds.

    Attributes:
        open_timeout_s: name lookup, TCP and whatever else stands before the first byte of data, together.
        silence_s: nothing for this long is a loss.
        message_s: a message that has begun must end within this time.
        close_timeout_s: for a polite end; then the connection is cut.
        stable_s: a connection that still delivers after this long ends the growth of waits.
        max_message: bytes of one message or line.
        max_attempts: failures in a row after which the source gives up; 0 never gives up.
        budget: messages and bytes a second.
        backoff: waits between attempts.
        resolve: finds the addresses of a host; the place for rules about where to connect.
    """

    open_timeout_s: float = 10.0
    silence_s: float = 75.0
    message_s: float = 10.0
    close_timeout_s: float = 1.0
    stable_s: float = 30.0
    max_message: int = 1 << 20
    max_attempts: int = 0
    budget: Budget = field(default_factory=Budget)
    backoff: BackoffOptions = field(default_factory=BackoffOptions)
    resolve: Resolve = resolve


class TryLater(SourceError):  # noqa: N818 - it says what to do
    """The upstream asks to come back in `wait_s` seconds or later, or has nothing to offer until then."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Stamp(NamedTuple):
    """Where the times of a connection's frames are counted from.

    Attributes:
        began: monotonic seconds: the source's first attempt.
        opened: monotonic seconds: this connection.
        opened_at: the same in ms UTC.
    """

    began: float
    opened: float
    opened_at: int

    def frame(self, now: float, text: str | None, data: bytes | None = None) -> Frame:
        """A frame that came at `now`, monotonic seconds."""
        at = self.opened_at + round((now - self.opened) * 1000)
        return Frame(at, text, data, "in", round((now - self.began) * 1000))


class Link(Protocol):
    """One open connection."""

    @property
    def flooding(self) -> str:
        """Which limit the upstream exceeded within the last second, empty for none."""
        ...

    async def receive(self, stamp: Stamp) -> Frame:
        """The next frame. Raises `SourceError`, whose text is the reason for the end."""
        ...


Open = Callable[[], AbstractAsyncContextManager[Link]]
"""Makes one attempt: entering it connects; entering, and what is done inside, may raise `SourceError`."""


class ReconnectingSource:
    """The frames of one upstream, for ever or until the allowed attempts failed; a `FrameSource`."""

    def __init__(self, open_: Open, options: LinkOptions, clock: Clock | None = None) -> None:
        self._open = open_
        self._options = options
        self._clock = clock or Clock()

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        options, clock = self._options, self._clock
        backoff = Backoff(options.backoff)
        began = clock.monotonic()
        while True:
            later: float | None = None
            yield Connecting(backoff.failures + 1)
            try:
                async with self._open() as link:
                    yield Connected()
                    stamp, told = Stamp(began, clock.monotonic(), clock.wall_ms()), float("-inf")
                    while True:
                        frame = await link.receive(stamp)
                        now = clock.monotonic()
                        if now - stamp.opened >= options.stable_s:
                            backoff.reset()
                        if now - told >= _TELL_S and (fault := link.flooding):
                            told = now
                            yield Flooding(fault)
                        yield frame
            except TryLater as error:
                later = error.wait_s
                yield Lost(str(error))
            except SourceError as error:
                yield Lost(str(error))
            wait = backoff.fail() if later is None else later
            if options.max_attempts and backoff.failures >= options.max_attempts:
                yield GaveUp(backoff.failures)
                return
            yield Retrying(round(wait * 1000), backoff.failures + 1)
            await clock.sleep(wait)


async def first_that_opens(
    host: str, port: int, options: LinkOptions, open_: Callable[[str], Awaitable[_T]]
) -> tuple[str, _T]:
    """Try the addresses of a host in turn, each with its share of the time that is left.

    Raises what the last one raised; `OSError` alone (a `TimeoutError` is one) leads on to the next address: what the
    server itself answered is the answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + options.open_timeout_s
    async with asyncio.timeout_at(deadline):
        addresses = await options.resolve(host, port)
    failure: Exception = OSError("the host has no address")
    for number, address in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - number)
        try:
            async with asyncio.timeout(share):
                return address, await open_(address)
        except OSError as error:
            failure = error
    raise failure
