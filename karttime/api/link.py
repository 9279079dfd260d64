"""The way to one WebSocket client: ready-made frames written straight to its connection, and cutting it off.

uvicorn's own WebSocket class builds each frame anew for each client, waits for a slow one, and on a lost client only
asks for a close that a full buffer never lets happen. `LiveProtocol` is that class with a `Link` handed to the
endpoint: a server's frames are not masked, so their bytes are the same for everybody and are built once.
"""

import asyncio
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from karttime.api.limits import Bucket

LINK: Final = "karttime.link"
PINGS_PER_SECOND: Final = 10.0
_LOOK: Final = 1.0  # seconds between looks at a client that reads slowly


def text_frame(message: bytes) -> bytes:
    """A WebSocket text frame around a message, as a server sends it."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


class Link(Protocol):
    """What the live stream needs of a connection."""

    def write(self, frames: bytes) -> None:
        """Send ready-made frames; never waits."""
        ...

    async def drained(self, patience: float) -> bool:
        """Wait until the client has read enough to be sent more; False when it reads nothing for `patience` seconds."""
        ...

    def abort(self) -> None:
        """Cut the connection off at once, whatever is unsent."""
        ...


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a link for the endpoint, and lost clients cut off instead of asked."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pings = Bucket(PINGS_PER_SECOND, 5 * PINGS_PER_SECOND)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):  # its task has not run yet; a refused handshake has none
            extensions = cast(dict[str, Any], self.scope["extensions"])
            extensions[LINK] = self

    def write(self, frames: bytes) -> None:
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(frames)

    async def drained(self, patience: float) -> bool:
        waited, left = 0.0, self.transport.get_write_buffer_size()
        while not self.writable.is_set():
            try:
                # Not wait_for: before Python 3.12 it may swallow the cancellation that comes with a lost connection.
                async with asyncio.timeout(_LOOK):
                    await self.writable.wait()
            except TimeoutError:
                now = self.transport.get_write_buffer_size()
                waited = 0.0 if now < left else waited + _LOOK
                left = now
                if waited >= patience:
                    return False
        return True

    def abort(self) -> None:
        self.transport.abort()

    def handle_ping(self) -> None:
        """Answer a client's ping; one that floods us with them is cut off."""
        if self._pings.take(self.loop.time()):
            super().handle_ping()
        else:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # a client that answers no ping reads no close either
