"""The application: REST, the live stream and the built-in page over one engine and one archive."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from karttime import __version__
from karttime.api import (
    analysis,
    circuits,
    decisions,
    documentation,
    editing,
    export,
    frame_log,
    happenings,
    health,
    history,
    metrics,
    on_request,
    problems,
    specs,
    statistics,
    system,
)
from karttime.api.body import BodyLimit
from karttime.api.counting import Counting
from karttime.api.middleware import Cors, HeadToo, KnownPages, Settled
from karttime.api.rates import RateLimit
from karttime.api.service import Service

ROUTERS: Final = (
    *(system, health, metrics, circuits, editing, history, statistics, export),
    *(happenings, frame_log, decisions, on_request, analysis, specs),
)
STATIC: Final = Path(__file__).parent / "static"

PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_ABOUT: Final = """Live timing of karting circuits, for programs.

The live stream is a WebSocket at `/circuits/{id}/live`: `/docs/websocket` shows its messages, `/asyncapi.json` says
them to programs.

Lists are bounded by `limit`; a `Link` header with `rel="next"` leads to the next page. A call that fails answers
`application/problem+json`, whose `detail` says what to do. Times are ISO 8601 UTC, durations whole milliseconds.
"""


def create_app(service: Service) -> FastAPI:
    """The application; whoever serves it opens and closes the engine and the archive, and adds the live stream."""
    app = FastAPI(title="karttime", version=__version__, description=_ABOUT, docs_url=None, redoc_url=None)
    app.state.service = service
    app.state.frame_logs = {}
    app.state.analysing = {}
    app.state.recordings, app.state.recorded = None, set()
    app.state.counting = Counting()
    origins = service.origins
    app.add_middleware(BodyLimit, refused=service.refused)
    app.add_middleware(Settled, service=service)
    app.add_middleware(KnownPages, origins=origins, refused=service.refused)
    app.add_middleware(RateLimit, service=service)
    app.add_middleware(
        Cors,
        allow_origins=["*"] if origins.everybody else [],
        allow_origin_regex=None if origins.everybody else origins.pattern,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["content-type", "authorization"],
        expose_headers=["link", "location", "retry-after", "www-authenticate", "content-disposition"],
        max_age=3600,
    )
    app.add_middleware(HeadToo)
    problems.install(app, debug=service.debug)
    for module in (
        system,
        health,
        metrics,
        circuits,
        editing,
        history,
        statistics,
        export,
        happenings,
        frame_log,
        decisions,
        on_request,
        analysis,
        specs,
    ):
        app.include_router(module.router)
    documentation.install(app, STATIC, PAGE_HEADERS)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)

    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
