"""Host names to addresses, without holding up the end of the program.

The event loop's own lookup runs in its thread pool, and the program cannot end before the pool has: with a dead
network, as venues have, Ctrl-C would take as long as the resolver's patience. Here each lookup has a daemon thread.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, best first. The place for rules about where to connect: what is not returned is not tried.

Raises OSError or SourceError.
"""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system orders them."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(outcome: Sequence[str] | Exception) -> None:
        if found.done():  # nobody waits any more
            return
        if isinstance(outcome, Exception):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)

    def look_up() -> None:
        outcome: Sequence[str] | Exception
        try:
            outcome = _addresses(host, port)
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be encoded
            outcome = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
    return await found


def _addresses(host: str, port: int) -> Sequence[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
