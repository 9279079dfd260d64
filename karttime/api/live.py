"""`WS /circuits/{id}/live`: the live stream of one circuit.

`?format=timing_data|karting_data|both|karttime.v1`, or the subprotocol of that name; without a choice a client gets
the two published ones. Always accepted first, so that a browser sees the close code: 4004 unknown circuit, 4400 unknown
format, 4401 no valid token, 4403 page or token not allowed, 4429 too many messages, or clients from one address, 1013
full. The loss of the timing system is a `status_update`, never a close.

Where reading needs a token, an API key or the ID token of somebody who is signed in, it comes in a header, as
`?token=`, or, so that it stands in no address, as the message `{"type":"auth","token":…}`: until then nothing is sent,
and whoever sends none in time is closed with 4401. The same message renews a token that expires: see `admission`.
"""

import asyncio
import logging
import re
from collections.abc import Coroutine, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol

from karttime.api import channel, wire
from karttime.api.admission import Admission
from karttime.api.channel import Channel, Client
from karttime.api.frames import CloseCode, text_frame
from karttime.api.handshake import RefusedError, Request
from karttime.api.id_tokens import SignInUnavailable
from karttime.api.limits import Bucket, Doors
from karttime.api.policy import Action
from karttime.api.service import Service
from karttime.api.tokens import bearer
from karttime.api.v1 import Position
from karttime.api.wire import WireFormat
from karttime.domain.display import clean
from karttime.domain.values import whole_number
from karttime.engine.engine import UnknownCircuit
from karttime.errors import KarttimeError

log = logging.getLogger(__name__)

MAX_REASON: Final = 40  # characters; a close frame holds 123 bytes
ERRORS_PER_SECOND: Final = 1.0
BOTH: Final = (WireFormat.KARTING, WireFormat.TIMING)
_TOO_LATE: Final = 'no token came in time: send {"type":"auth","token":"<API key>"} as the first message'
_PATH: Final = re.compile(r"/circuits/([^/]+)/live")


class Wish(NamedTuple):
    """What a client wants to be sent."""

    formats: tuple[WireFormat, ...]
    resume: Position | None
    token: str | None


def position(params: Mapping[str, str]) -> Position | None:
    """Where a client of `karttime.v1` says that it stopped; None when it says nothing of it."""
    if "epoch" not in params and "seq" not in params:
        return None
    return Position(params.get("epoch", ""), whole_number(params.get("seq", "")))


def token(request: Request) -> str | None:
    """The token that a client brings with its request: in a header, or, as browsers cannot set one, in the address."""
    return bearer(request.headers.get("authorization")) or request.query.get("token") or None


def chosen(asked: str | None, subprotocols: Iterable[str]) -> tuple[tuple[WireFormat, ...] | None, str | None]:
    """The formats a client wants (None: it names an unknown one), and the subprotocol that was agreed on."""
    names = {fmt.value: (fmt,) for fmt in WireFormat} | {"both": BOTH}
    if asked:
        return names.get(asked), None
    for name in subprotocols:
        if name in names:
            return names[name], name
    return BOTH, None


def agreed_subprotocol(request: Request) -> str | None:
    """The subprotocol to agree on. Raises `RefusedError` where nothing is served."""
    if _PATH.fullmatch(request.path) is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is a WebSocket at /circuits/{id}/live only")
    return chosen(request.query.get("format"), request.subprotocols)[1]


class Connection(channel.Connection, Protocol):
    """A connection to a client: a `Link`, or one that a worker holds."""

    @property
    def open(self) -> bool:
        """Whether something can be sent."""
        ...

    @property
    def cut(self) -> bool:
        """It was cut off because it read nothing."""
        ...

    def write(self, frames: bytes) -> None:
        """Send whole frames; never waits."""
        ...

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a short job for it."""
        ...


class LiveEndpoint:
    """Serves the live streams of a service over links."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.doors = Doors(service.max_clients, service.max_per_address, service.refused)

    def subprotocol(self, request: Request) -> str | None:
        return agreed_subprotocol(request)

    def visit(self, link: Connection, request: Request) -> "Viewer | None":
        path = _PATH.fullmatch(request.path)
        formats, _ = chosen(request.query.get("format"), request.subprotocols)
        if not self._service.origins.allow(request.headers):
            self._service.refused["page"] += 1
            link.close(CloseCode.FORBIDDEN, "this web page is not allowed: add its address to CORS_ORIGINS")
        elif formats is None:
            self._service.refused["format"] += 1
            link.close(CloseCode.BAD_REQUEST, "unknown format: use timing_data, karting_data, both or karttime.v1")
        elif path is not None:
            viewer = Viewer(self._service, link)
            viewer.begin(path[1], Wish(formats, position(request.query), token(request)))
            return viewer
        return None


class Viewer:
    """One client of a live stream."""

    __slots__ = (
        "_admission",
        "_admitted",
        "_channel",
        "_client",
        "_deadline",
        "_errors",
        "_link",
        "_service",
        "_unknown",
    )

    def __init__(self, service: Service, link: Connection) -> None:
        self._service = service
        self._link = link
        self._admitted = not service.access.needs(Action.READ)
        self._unknown: tuple[str, Wish] | None = None  # what one who is still to say who it is wants
        self._deadline: asyncio.TimerHandle | None = None
        self._admission = Admission(service.access, self, service.limits.token) if not self._admitted else None
        self._channel: Channel | None = None
        self._client: Client | None = None
        self._errors: Bucket | None = None

    def begin(self, circuit_id: str, wish: Wish) -> None:
        """Let the client in, or wait for its token for a while."""
        if self._admitted or wish.token is not None:
            self._link.start(self.join(circuit_id, wish))
        else:
            self._unknown = circuit_id, wish
            patience = self._service.limits.token
            self._deadline = asyncio.get_running_loop().call_later(patience, self._refuse, _TOO_LATE)

    async def join(self, circuit_id: str, wish: Wish) -> None:
        """Begin with the state as it is."""
        try:
            verdict = await self._service.access.check(Action.READ, wish.token)
            if not verdict.allowed:
                self._service.refused["key"] += 1
                self._link.close(CloseCode.NO_TOKEN if verdict.status == 401 else CloseCode.FORBIDDEN, verdict.detail)
                return
            self._admitted = True
            if self._admission is not None and self._link.open:
                self._admission.begin(wish.token, verdict)
            channel = await self._service.channel(circuit_id)
            older = await channel.missed(wish.resume, self._service.journal)
        except UnknownCircuit:
            self._service.refused["circuit"] += 1
            self._link.close(CloseCode.UNKNOWN_CIRCUIT, "unknown circuit: GET /circuits lists the known ones")
        except SignInUnavailable:  # it was logged where it happened
            self._link.close(CloseCode.TRY_LATER, "sign-ins cannot be checked now: try again later, or use an API key")
        except KarttimeError as error:
            log.warning("A client cannot be served: %s", error)
            self._link.close(CloseCode.INTERNAL, clean(str(error), MAX_REASON))
        else:
            if self._link.open:
                self._channel = channel
                self._client = channel.join(self._link, wish.formats, wish.resume, older)

    def received(self, content: str | bytes) -> None:
        """Answer what the client sends, faults at a bounded rate."""
        command = wire.parse_command(content) if isinstance(content, str) else None
        kind = command.get("type") if command is not None else None
        if not self._admitted:
            if command is not None and kind == "auth":
                self._identify(command.get("token"))
            return
        if command is not None and kind == "auth":
            if self._admission is not None and self._may_err():  # where no token is needed none is looked at
                self._admission.renew(command.get("token"))
        elif kind == "ping":
            self._answer(wire.pong(self._service.clock.wall_ms()))
        elif self._may_err():
            self.tell("not-understood", 'only {"type":"ping"} is understood here, as a text message')

    def tell(self, code: str, detail: str) -> None:
        """Send an error message."""
        if self._link.open:
            self._answer(wire.error(code, clean(detail), self._service.clock.wall_ms()))

    def show_out(self, code: CloseCode, reason: str) -> None:
        """Close the connection."""
        self._link.close(code, reason)

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a short job for this client."""
        self._link.start(job)

    def _may_err(self) -> bool:
        """Whether the client may be answered what costs us something: at a bounded rate."""
        if self._errors is None:
            self._errors = Bucket(ERRORS_PER_SECOND, 5)
        return self._errors.take(self._service.clock.monotonic())

    def _identify(self, said: Any) -> None:
        """Take the token of a client that was waited for; a second one is not looked at."""
        if self._unknown is None:
            return
        (circuit_id, wish), self._unknown = self._unknown, None
        self._wait_no_more()
        if isinstance(said, str) and said:
            self._link.start(self.join(circuit_id, wish._replace(token=said)))
        else:
            self._refuse('no token: send {"type":"auth","token":"<API key or ID token>"}')

    def _refuse(self, reason: str) -> None:
        self._unknown = None
        self._service.refused["key"] += 1
        self._link.close(CloseCode.NO_TOKEN, reason)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def writable(self) -> None:
        if self._client is not None:
            self._client.outbox.writable()

    def lost(self) -> None:
        self._unknown = None
        self._wait_no_more()
        if self._admission is not None:
            self._admission.end()
        if self._channel is not None and self._client is not None:
            self._channel.leave(self._client, cut=self._link.cut)

    def _answer(self, message: bytes) -> None:
        if self._client is not None:
            self._client.answer(message)
        else:
            self._link.write(text_frame(message))
