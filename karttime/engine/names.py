"""Host names to addresses, without holding up the end of the program.

The event loop's own lookup runs in its thread pool, and the program cannot end before the pool has: with a dead
network, as venues have, Ctrl-C would take as long as the resolver's patience.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence

from karttime.circuits.beside import beside

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, best first. The place for rules about where to connect: what is not returned is not tried.

Raises OSError or SourceError.
"""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system orders them."""
    return await beside(lambda: _addresses(host, port), f"look up {host}")


def _addresses(host: str, port: int) -> Sequence[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
