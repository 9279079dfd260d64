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

from karttime.api.link import LiveProtocol
from karttime.errors import KarttimeError, UsageError

MAX_COMMAND: Final = 4096  # bytes of one message from a client
SEND_BUFFER: Final = 64 * 1024  # the kernel hides a client that does not read behind megabytes otherwise
USER_TIMEOUT_MS: Final = 15_000  # unacknowledged for this long: the kernel gives the connection up
GRACE_S: Final = 3


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; its limits are inherited by every connection.

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
        listener.bind(address)
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


async def serve(app: FastAPI, listener: socket.socket, ready: asyncio.Event, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; `ready` is set once calls are answered. Clients are told to come again (1012)."""
    config = uvicorn.Config(
        app,
        ws=LiveProtocol,
        ws_max_size=MAX_COMMAND,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
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
        waiting = group.create_task(end())
        await server.serve(sockets=[listener])
        waiting.cancel()


class _OneLine(logging.Filter):
    """A client's broken bytes are its own fault: one line without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] is UnicodeDecodeError:
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def quiet_logs() -> None:
    """Uvicorn logs a line with the whole address, tokens and all, for each WebSocket: warnings are enough."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_OneLine())
