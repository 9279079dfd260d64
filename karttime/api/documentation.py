"""`/openapi.json` and `/asyncapi.json`, and pages of our own that show them: nothing comes from another host."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, JSONResponse

from karttime.api import asyncapi
from karttime.api.schemas import Problem

_PROBLEMS: Final = {
    "401": "No valid key, where AUTH_POLICY wants one.",
    "403": "Not allowed with this key, or from this web page.",
    "404": "No such circuit or session.",
    "400": "The body is no UTF-8 text.",
    "409": "Not possible as things stand; `detail` says why.",
    "413": "The body is too large.",
    "414": "The query is too long.",
    "422": "The call is not understood; `detail` names what is wrong.",
    "429": "Too many calls from one address or with one key; `Retry-After` says when to call again.",
    "503": "The database or the service cannot answer now; `Retry-After` says when to try again.",
}
_WITH_BODY: Final = {"400", "409", "413"}
_EVERYWHERE: Final = {"401", "403", "414", "429", "503"}
_UNUSED: Final = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; every failed call answers a problem, which FastAPI does not know of itself."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for name in _UNUSED:
            schemas.pop(name, None)
        schemas["Problem"] = Problem.model_json_schema()
        for path, methods in made["paths"].items():
            for operation in methods.values():
                _add_problems(path, operation)
        app.openapi_schema = made
    return app.openapi_schema


def _add_problems(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    wanted = {"422"} if operation.get("parameters") or "requestBody" in operation else set()
    if "security" in operation:
        operation["security"].append({})  # whether it needs a key depends on AUTH_POLICY
        wanted |= _EVERYWHERE
    if "{circuit_id}" in path:
        wanted |= {"404"}
    if "requestBody" in operation or operation["responses"].keys() & {"204"}:
        wanted |= _WITH_BODY
    for status in sorted(wanted - answers.keys()):
        answers[status] = {
            "description": _PROBLEMS[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def install(app: FastAPI, static: Path, headers: dict[str, str]) -> None:
    """Serve them."""

    def openapi() -> dict[str, Any]:
        return document(app)

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it

    @app.get("/docs", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(static / "docs.html", headers=headers)

    @app.get("/docs/websocket", include_in_schema=False)
    async def websocket_page() -> FileResponse:
        return FileResponse(static / "websocket.html", headers=headers)

    @app.get("/asyncapi.json", include_in_schema=False)
    async def websocket_document() -> JSONResponse:
        return JSONResponse(asyncapi.document())
