"""A bound on what callers send: nothing here needs more than a circuit's description."""

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from karttime.api.problems import problem

MAX_BODY: Final = 64 * 1024
_DETAIL: Final = f"the body is larger than {MAX_BODY // 1024} KiB: no call here takes that much"


class BodyLimit:
    """Refuses larger bodies with 413, by what they announce or as soon as they exceed it."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._limit:
            await problem(413, "body-too-large", _DETAIL, {"Connection": "close"})(scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, bounded, send)
