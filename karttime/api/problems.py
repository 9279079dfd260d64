"""Errors as `application/problem+json`: a `type`, and a `detail` sentence that says what to do."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from karttime.api.id_tokens import SignInUnavailable
from karttime.api.policy import AccessDenied
from karttime.api.problem import MEDIA_TYPE, document, kind_of
from karttime.api.runs import NotAnalysed, UnknownSession
from karttime.api.views import circuit_view
from karttime.circuits.circuit import CircuitConflict
from karttime.engine.engine import UnknownCircuit
from karttime.errors import KarttimeError, StorageError, UsageError

log = logging.getLogger(__name__)

_DETAILS: Final[Mapping[int, str]] = {
    404: "nothing is at this address: /docs lists what there is",
    405: "this address does not know this method: /docs lists what it knows",
}


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


def problem(status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """One problem; `kind` becomes the last part of its type."""
    return ProblemResponse(document(status, kind, detail), status, headers)


def install(app: FastAPI, *, debug: bool) -> None:
    """Answer every error of this application with a problem."""

    async def http(request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
        kind = kind_of(error.status_code)
        headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
        return problem(error.status_code, kind, _DETAILS.get(error.status_code, str(error.detail)), headers)

    async def invalid(_request: Request, error: Exception) -> ProblemResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
        faults = "; ".join(_fault(fault) for fault in error.errors()[:5])
        return problem(422, "invalid-request", faults)

    async def ours(_request: Request, error: Exception) -> ProblemResponse:
        return _asked_wrongly(error) or _unavailable(error, debug=debug)

    async def bug(_request: Request, error: Exception) -> ProblemResponse:
        what = f": {type(error).__name__}: {error}" if debug else ""
        return problem(500, "internal-error", f"this is a fault of the service; its log says more{what}")

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(KarttimeError, ours)
    app.add_exception_handler(Exception, bug)


def _allowed(request: Request) -> str:
    """Every method of an address; the framework names only those of the first call that it finds there."""
    documented = request.app.openapi()["paths"].items()
    found = (methods for path, methods in documented if compile_path(path)[0].fullmatch(request.url.path))
    methods = {method.upper() for methods in found for method in methods} or {"GET"}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _asked_wrongly(error: Exception) -> ProblemResponse | None:
    """The problem that the caller can solve, None where it cannot."""
    match error:
        case UnknownCircuit():
            return problem(404, "unknown-circuit", f"{error}: GET /circuits lists the known ones")
        case UnknownSession():
            return problem(404, "unknown-session", str(error))
        case NotAnalysed():
            return problem(404, "not-analysed", str(error))
        case AccessDenied():
            return _denied(error)
        case CircuitConflict():
            return _conflict(error)
        case UsageError():
            return problem(422, "invalid-request", str(error))
        case _:
            return None


def _conflict(error: CircuitConflict) -> ProblemResponse:
    """With `current`, what the other side says, where somebody else changed the circuit."""
    body = document(409, "conflict", str(error))
    if error.current is not None:
        body["current"] = circuit_view(error.current).model_dump()
    return ProblemResponse(body, 409)


def _unavailable(error: Exception, *, debug: bool) -> ProblemResponse:
    if isinstance(error, SignInUnavailable):  # it was logged where it happened, once in a while
        return problem(503, "sign-in-unavailable", f"{error}; try again later", {"Retry-After": "5"})
    log.warning("A call could not be answered: %s", error)
    kind, said = "unavailable", str(error)
    if isinstance(error, StorageError):
        kind = "storage-unavailable"
        if error.__cause__ is not None and not debug:  # where our database is concerns nobody outside
            said = "the database cannot be used now"
    return problem(503, kind, f"{said}; try again later", {"Retry-After": "5"})


def _denied(error: AccessDenied) -> ProblemResponse:
    if error.verdict.status == 401:
        return problem(401, "no-valid-key", str(error), {"WWW-Authenticate": 'Bearer realm="karttime"'})
    return problem(403, "not-allowed", str(error))


def _fault(fault: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0])
    return f"{where}: {fault['msg']}"
