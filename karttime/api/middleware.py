"""What stands before the calls: HEAD, pages of others, and answers that wait for the journal."""

from collections import Counter
from typing import Final

from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from karttime.api.origins import Origins
from karttime.api.problems import problem
from karttime.api.service import Service

PAGE_NOT_ALLOWED: Final = "this web page is not allowed: add its address to CORS_ORIGINS"
_NEVER_WAITING: Final = ("/health", "/metrics", "/static/")  # they show nothing of what waits, or say that it waits


class HeadToo:
    """Answers HEAD wherever GET is answered; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class KnownPages:
    """Refuses what changes something when it comes from a web page that is not allowed to talk to us.

    CORS alone hides only the answer: a POST without a body needs no preflight.
    """

    def __init__(self, app: ASGIApp, origins: Origins, refused: Counter[str]) -> None:
        self._app = app
        self._origins = origins
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        changes = scope["type"] == "http" and scope["method"] not in {"GET", "HEAD", "OPTIONS"}
        if changes and not self._origins.allow(Headers(scope=scope)):
            self._refused["page"] += 1
            await problem(403, "page-not-allowed", PAGE_NOT_ALLOWED)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class Cors(CORSMiddleware):
    """Says in a problem why a page's preflight is refused."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        refused = bytes(answer.body).decode()
        detail = PAGE_NOT_ALLOWED if refused.endswith("origin") else f"{refused}: /docs lists what there is"
        return problem(answer.status_code, "page-not-allowed", detail, {"Vary": answer.headers["vary"]})


class Settled:
    """Lets an answer leave once what it may show is in the journal, as the live stream does."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._service.gate.settled()
            await send(message)

        waits = scope["type"] == "http" and not scope["path"].startswith(_NEVER_WAITING)
        await self._app(scope, receive, answer if waits else send)
