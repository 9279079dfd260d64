"""Bounds on what callers send: nothing here needs more than a circuit's description with its spec."""

from collections import Counter
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from karttime.api.problems import problem

MAX_BODY: Final = 256 * 1024
MAX_QUERY: Final = 4096
_DETAIL: Final = f"the body is larger than {MAX_BODY // 1024} KiB: no call here takes that much"
_QUERY: Final = f"the query is longer than {MAX_QUERY // 1024} KiB: no call here takes that much"


class BodyLimit:
    """Refuses longer queries with 414, and larger bodies with 413, by what they announce or once they exceed it."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY, refused: Counter[str] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._refused: Counter[str] = Counter() if refused is None else refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(scope.get("query_string", b"")) > MAX_QUERY:
            self._refused["query"] += 1
            await problem(414, "query-too-long", _QUERY, {"Connection": "close"})(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._limit:
            self._refused["body"] += 1
            await problem(413, "body-too-large", _DETAIL, {"Connection": "close"})(scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                self._refused["body"] += 1
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, bounded, send)
