"""What happens to connections with time: pings, and the end of those that stall. One timer for all of them.

A timer for each connection would cost more than the connection. Once a second the keeper looks at a twentieth of the
links to ping them, at those that are behind, and at what has a deadline.
"""

import asyncio
from itertools import count
from typing import Final, Protocol

from karttime.api.limits import LIMITS, LinkLimits

TICK: Final = 1.0


class Transport(Protocol):
    """What the keeper needs of a connection that it may cut off."""

    def abort(self) -> None: ...


class Kept(Transport, Protocol):
    """What the keeper needs of a link."""

    def ping(self) -> bool:
        """Send a ping; False when nothing was heard since the last."""
        ...

    def stalled(self, now: float) -> bool:
        """Whether it has had something to read, and read nothing, for too long."""
        ...


class Keeper:
    """Everything that waits for something, by what it waits for.

    Attributes:
        limits: how long.
        behind: links to which something is unsent.
        cut: links that were cut off because they read nothing.
        lost: links that were cut off because they answered no ping.
        late: connections that were cut off because a deadline passed.
    """

    def __init__(self, limits: LinkLimits = LIMITS) -> None:
        self.limits = limits
        self.behind: set[Kept] = set()
        self.cut = self.lost = self.late = 0
        self._wheel: tuple[set[Kept], ...] = tuple(set() for _ in range(max(1, limits.ping)))
        self._turn = 0
        self._places = count()
        self._deadlines: dict[Transport, float] = {}

    def keep(self, link: Kept) -> int:
        """Ping a link from now on; its place, to be given back with `forget`."""
        place = next(self._places) % len(self._wheel)
        self._wheel[place].add(link)
        return place

    def forget(self, link: Kept, place: int) -> None:
        """A link is gone."""
        self._wheel[place].discard(link)
        self.behind.discard(link)
        self._deadlines.pop(link, None)

    def expect(self, connection: Transport, deadline: float) -> None:
        """Cut a connection off at its deadline; an earlier one stays."""
        self._deadlines.setdefault(connection, deadline)

    def arrived(self, connection: Transport) -> None:
        """What was waited for has come, or will not any more."""
        self._deadlines.pop(connection, None)

    async def run(self) -> None:
        """Look once a second, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK)
            self.tick(loop.time())

    def tick(self, now: float) -> None:
        """One look."""
        for connection in [it for it, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[connection]
            self.late += 1
            connection.abort()
        for link in [it for it in self.behind if it.stalled(now)]:
            self.cut += 1
            link.abort()
        self._turn = (self._turn + 1) % len(self._wheel)
        for link in tuple(self._wheel[self._turn]):
            if not link.ping():
                self.lost += 1
                link.abort()
