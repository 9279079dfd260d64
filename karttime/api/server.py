"""Serves the application: a socket of our own, uvicorn on it, and a clean end."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Generator
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from karttime.api.http import http_class
from karttime.api.keeper import Keeper
from karttime.api.limits import Bucket, with_room
from karttime.api.link import Endpoint, link_class
from karttime.api.live import LiveEndpoint
from karttime.api.service import Service
from karttime.errors import KarttimeError, UsageError

SEND_BUFFER: Final = 64 * 1024  # the kernel hides a client that does not read behind megabytes otherwise
USER_TIMEOUT_MS: Final = 15_000  # unacknowledged for this long: the kernel gives the connection up
GRACE_S: Final = 3
OTHER_FILES: Final = 256  # feeds, database, journal, recordings
UNBOUNDED_FILES: Final = 65_536

log = logging.getLogger(__name__)


def bind(host: str, port: int, *, shared: bool = False, listen: bool = True) -> socket.socket:
    """A listening socket; its limits are inherited by every connection.

    Args:
        host: an address or name of this machine.
        port: its port; 0 is any free one.
        shared: other processes may listen there as well, if they say the same.
        listen: whether to listen at all, or only to keep the port.

    Raises:
        UsageError: the address is none of this machine.
        KarttimeError: the port is in use or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"HOST {host!r} is no address of this machine: {error.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        if listen:
            listener.listen(1024)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from None
    listener.setblocking(False)
    return listener


def _refused(host: str, port: int, error: OSError) -> KarttimeError:
    if error.errno == errno.EADDRINUSE:
        return KarttimeError(f"port {port} on {host} is in use: stop what runs there, or choose another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"HOST {host!r} is no address of this machine")
    return KarttimeError(f"cannot listen on port {port} of {host}: {error.strerror}")


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: whoever runs it says when it ends, and the exit code is ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def allow_files(connections: int) -> None:
    """Raise the number of files this process may have open, where the system's usual 1,024 are too few; 0: any."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    bounded = most != resource.RLIM_INFINITY
    wanted = connections + OTHER_FILES if connections else most if bounded else UNBOUNDED_FILES
    if allowed == resource.RLIM_INFINITY or allowed >= wanted:
        return
    if bounded and wanted > most:
        log.warning("The system allows %d open files, fewer than clients are allowed: see ulimit -n", most)
        wanted = most
    with contextlib.suppress(ValueError, OSError):  # then those that were allowed have to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


async def serve(app: FastAPI, listener: socket.socket, ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; `ready` is set once calls are answered. Clients are told to come again (1012)."""
    service: Service = app.state.service
    limits = with_room(service.limits, service.max_clients)
    allow_files(limits.connections)
    service.keeper = Keeper(limits)
    await serve_over(LiveEndpoint(service), service.keeper, app, listener, ready, stop)


async def serve_over(
    endpoint: Endpoint,
    keeper: Keeper,
    app: ASGIApp,
    listener: socket.socket,
    ready: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    """Serve an application, and WebSockets by an endpoint of its own."""
    config = uvicorn.Config(
        app,
        http=http_class(keeper),
        ws=link_class(endpoint, keeper),
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACE_S,
        access_log=False,
        server_header=False,
        log_config=None,
        lifespan="off",
    )
    server = _Server(config)

    async def end() -> None:
        while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0.01)
        ready.set()
        await stop.wait()
        server.should_exit = True

    async with asyncio.TaskGroup() as group:
        helping = group.create_task(end()), group.create_task(keeper.run())
        await server.serve(sockets=[listener])
        for task in helping:
            task.cancel()


class _Bounded(logging.Filter):
    """What a client does wrong is no way to fill a disk: a few lines of each kind, then one in 5 seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._buckets: dict[str, Bucket] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = str(record.msg)
        if kind not in self._buckets and len(self._buckets) >= 100:
            kind = ""
        return self._buckets.setdefault(kind, Bucket(0.2, 5)).take(record.created)


def quiet_logs() -> None:
    """Libraries log a line for each bad request, or each that a worker hands on: warnings are enough, and a few."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_Bounded())
