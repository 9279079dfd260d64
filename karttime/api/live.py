"""`WS /circuits/{id}/live`: the live stream of one circuit.

`?format=timing_data|karting_data|both|karttime.v1`, or the subprotocol of that name; without a choice a client gets
the two published ones. Always accepted first, so that a browser sees the close code: 4004 unknown circuit, 4400 unknown
format, 4403 page not allowed, 1013 full. The loss of the timing system is a `status_update`, never a close.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fastapi import APIRouter, WebSocket

from karttime.api import wire
from karttime.api.channel import Client
from karttime.api.limits import Bucket
from karttime.api.link import LINK, Link
from karttime.api.service import Service
from karttime.api.v1 import Position
from karttime.api.wire import WireFormat
from karttime.domain.display import clean
from karttime.domain.values import whole_number
from karttime.engine.engine import UnknownCircuit
from karttime.errors import KarttimeError

router = APIRouter()

log = logging.getLogger(__name__)

MAX_REASON: Final = 40  # characters; a close frame holds 123 bytes
COMMANDS_PER_SECOND: Final = 20.0
ERRORS_PER_SECOND: Final = 1.0
BOTH: Final = (WireFormat.KARTING, WireFormat.TIMING)


class Wish(NamedTuple):
    """What a client wants to be sent."""

    formats: tuple[WireFormat, ...]
    resume: Position | None


def position(params: Mapping[str, str]) -> Position | None:
    """Where a client of `karttime.v1` says that it stopped; None when it says nothing of it."""
    if "epoch" not in params and "seq" not in params:
        return None
    return Position(params.get("epoch", ""), whole_number(params.get("seq", "")))


def chosen(asked: str | None, subprotocols: Iterable[str]) -> tuple[tuple[WireFormat, ...] | None, str | None]:
    """The formats a client wants (None: it names an unknown one), and the subprotocol that was agreed on."""
    names = {fmt.value: (fmt,) for fmt in WireFormat} | {"both": BOTH}
    if asked:
        return names.get(asked), None
    for name in subprotocols:
        if name in names:
            return names[name], name
    return BOTH, None


@router.websocket("/circuits/{circuit_id}/live")
async def live(socket: WebSocket, circuit_id: str) -> None:
    """Send a circuit's live data until the client leaves."""
    service: Service = socket.app.state.service
    formats, subprotocol = chosen(socket.query_params.get("format"), socket.scope.get("subprotocols", ()))
    await socket.accept(subprotocol)
    if not service.origins.allow(socket.headers):
        await socket.close(4403, "this web page is not allowed: add its address to CORS_ORIGINS")
    elif formats is None:
        await socket.close(4400, "unknown format: use timing_data, karting_data, both or karttime.v1")
    elif service.clients >= service.max_clients:
        await socket.close(1013, "too many clients: try again later")
    else:
        await _stream(socket, service, circuit_id, Wish(formats, position(socket.query_params)))


async def _stream(socket: WebSocket, service: Service, circuit_id: str, wish: Wish) -> None:
    try:
        channel = await service.channel(circuit_id)
    except UnknownCircuit:
        await socket.close(4004, "unknown circuit: GET /circuits lists the known ones")
        return
    except KarttimeError as error:
        log.warning("A client cannot be served: %s", error)
        await socket.close(1011, clean(str(error), MAX_REASON))
        return
    link: Link = socket.scope["extensions"][LINK]
    client = channel.join(link, wish.formats, wish.resume)
    try:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(client.write())
            await _listen(socket, service, client)
            writer.cancel()
    finally:
        channel.leave(client)


async def _listen(socket: WebSocket, service: Service, client: Client) -> None:
    """Answer what the client sends, at a bounded rate; ends when it leaves."""
    commands = Bucket(COMMANDS_PER_SECOND, 2 * COMMANDS_PER_SECOND)
    errors = Bucket(ERRORS_PER_SECOND, 5)
    clock = service.clock
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if not commands.take(clock.monotonic()):
            await clock.sleep(1 / COMMANDS_PER_SECOND)  # the connection is not read meanwhile
        text = message.get("text")
        command = wire.parse_command(text) if text is not None else None
        if command is not None and command.get("type") == "ping":
            client.answer(wire.pong(clock.wall_ms()))
        elif errors.take(clock.monotonic()):
            detail = 'only {"type":"ping"} is understood here, as a text message'
            client.answer(wire.error("not-understood", detail, clock.wall_ms()))
