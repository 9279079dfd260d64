"""A reference client of the `karttime.v1` stream: it stays connected, misses nothing that can be had, and folds.

```python
stream = Stream("ws://127.0.0.1:8000/circuits/hill-kart/live")
async with aclosing(aiter(stream)) as steps:
    async for step in steps:
        ...  # stream.state, stream.health and stream.data_age_ms() are as of this step
```

After a drop it waits, longer each time and by chance, and asks for what it missed by epoch and seq. It ends only when
the server refuses it for good.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from karttime.client.fold import Fields, OutOfStepError, State, fold
from karttime.errors import SourceError, UsageError

SUBPROTOCOL: Final = "karttime.v1"
FINAL_CODES: Final = frozenset([4004, 4400, 4401, 4403])  # unknown circuit or format, no token, not allowed
TRY_LATER: Final = frozenset([408, 425, 429])  # of the HTTP refusals in the four hundreds


class Health(StrEnum):
    """How the newest state is to be taken."""

    LIVE = "live"  # the server is connected to the timing system, and timing data arrives
    STALE = "stale"  # we hear the server, but it does not hear the timing system; it says why
    LOST = "lost"  # we do not hear the server


@dataclass(frozen=True, slots=True)
class Shown:
    """The state changed.

    Attributes:
        state: as it is now.
        message: the snapshot or patch that did it, with its facts.
        gapless: nothing was missed since the step before; false for a snapshot that does not continue it.
    """

    state: State
    message: Fields
    gapless: bool


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """The way to the timing system changed; `reason` is a sentence for a person."""

    health: Health
    reason: str


Step = Shown | HealthChanged


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How a client behaves.

    Attributes:
        headers: sent with the handshake, such as `Authorization`.
        first_wait_s: before the first attempt after a drop, doubled up to `max_wait_s`; chance takes up to half away.
        ping_s: how often the connection is tried out; it is lost when nothing comes back for as long.
        max_message: bytes.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    first_wait_s: float = 0.5
    max_wait_s: float = 30.0
    ping_s: float = 10.0
    max_message: int = 8 * 1024 * 1024


class Stream:
    """One circuit, followed: an asynchronous iterable of steps.

    Attributes:
        state: the newest one, kept over drops; None before the first.
        health: how it is to be taken.
        reason: why it is not live, a sentence for a person.
        drops: connections that were lost after they had begun to tell.
    """

    def __init__(
        self,
        url: str,
        options: StreamOptions | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.state: State | None = None
        self.health = Health.LOST
        self.reason = "not connected yet"
        self.drops = 0
        self._url = url
        self._options = options or StreamOptions()
        self._monotonic, self._sleep, self._chance = monotonic, sleep, chance
        self._data_at: float | None = None  # monotonic
        self._known = True  # whether the server may continue our state
        self._greeted = False  # whether this connection has said where it begins

    def data_age_ms(self) -> int | None:
        """Time since timing data was last known to reach the server; None before the first."""
        return None if self._data_at is None else round((self._monotonic() - self._data_at) * 1000)

    async def __aiter__(self) -> AsyncGenerator[Step, None]:
        """Follow the circuit for ever.

        Raises:
            SourceError: the server refuses us for good.
            UsageError: the address is none of a WebSocket.
        """
        failures = 0
        while True:
            reason = "the server ended the connection"
            try:
                async with self._connection() as socket:
                    async for text in socket:
                        for step in self._take(text):
                            yield step
                        failures = 0
                reason = _ended(socket)
            except ConnectionClosed as error:
                reason = _ended(error)
            except InvalidURI:
                raise UsageError(
                    f"{self._url[:200]!r} is not the address of a WebSocket: begin it with ws://"
                ) from None
            except InvalidStatus as error:
                reason = _refused(error.response.status_code)
            except (OutOfStepError, OSError, WebSocketException) as error:
                reason = str(error) or type(error).__name__
            self.drops += self._greeted
            self._greeted = False
            for step in self._became(Health.LOST, reason):
                yield step
            await self._sleep(self._wait(failures))
            failures += 1

    def _connection(self) -> connect:
        options, state = self._options, self.state
        url = self._url
        if state is not None and self._known:
            url += ("&" if "?" in url else "?") + urlencode({"epoch": state.epoch, "seq": state.seq})
        return connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers=options.headers,
            max_size=options.max_message,
            compression=None,
            ping_interval=options.ping_s,
            ping_timeout=options.ping_s,
            close_timeout=1,
        )

    def _take(self, text: str | bytes) -> Iterator[Step]:
        before = self.state
        self._known = False  # until the message is understood
        message = _parsed(text)
        kind = message.get("type")
        after = fold(before, message)
        self._known = True
        if kind == "status_update":
            yield from self._status(message)
        elif after is not None and after is not before:
            self.state = after
            if self._greeted:
                self._data_at = self._monotonic()
            gapless = kind == "patch" or (self._greeted and _continues(before, after, message))
            self._greeted = True
            yield Shown(after, message, gapless)
        elif kind == "resumed":
            self._greeted = True

    def _status(self, message: Fields) -> Iterator[Step]:
        age = message.get("data_age_ms")
        if isinstance(age, int):
            self._data_at = self._monotonic() - age / 1000
        live = message.get("state") == "live"
        yield from self._became(Health.LIVE if live else Health.STALE, str(message.get("reason", "")))

    def _became(self, health: Health, reason: str) -> Iterator[Step]:
        if (health, reason) != (self.health, self.reason):
            self.health, self.reason = health, reason
            yield HealthChanged(health, reason)

    def _wait(self, failures: int) -> float:
        options = self._options
        wait = options.first_wait_s
        for _ in range(failures):
            wait = min(wait * 2, options.max_wait_s)
        return wait * (1 - self._chance() / 2)


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise OutOfStepError("the server sent something that is no JSON", str(text)) from error
    if not isinstance(message, dict):
        raise OutOfStepError("the server sent JSON that is no object", str(text))
    return message


def _continues(before: State | None, after: State, message: Fields) -> bool:
    """Whether a snapshot is the next message of the stream: a new session began."""
    if before is None or "conflated" in message:
        return False
    return (after.epoch, after.seq) == (before.epoch, before.seq + 1)


def _ended(end: ClientConnection | ConnectionClosed) -> str:
    """Why a connection ended, or `SourceError` when the server refuses us for good."""
    if isinstance(end, ClientConnection):
        code, reason = end.close_code, end.close_reason
    else:
        code, reason = (end.rcvd.code, end.rcvd.reason) if end.rcvd else (None, str(end))
    text = f"the server ended the connection: {reason or code}"
    if code in FINAL_CODES:
        raise SourceError(text)
    return text


def _refused(status: int) -> str:
    """Why a handshake was refused, or `SourceError` when it will always be."""
    text = f"the server refused the connection with HTTP {status}"
    if 400 <= status < 500 and status not in TRY_LATER:
        raise SourceError(text)
    return text
