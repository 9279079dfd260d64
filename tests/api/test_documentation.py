"""The OpenAPI document is complete, and its page works without any other host."""

import re
from typing import Any

import pytest

from .conftest import Venue

PUBLISHED = {
    "/health": {"get"},
    "/health/live": {"get"},
    "/health/ready": {"get"},
    "/metrics": {"get"},
    "/status": {"get"},
    "/circuits": {"get", "post"},
    "/circuits/{circuit_id}": {"get", "put", "patch", "delete"},
    "/circuits/{circuit_id}/status": {"get"},
    "/circuits/{circuit_id}/start-timing": {"post"},
    "/circuits/{circuit_id}/stop-timing": {"post"},
    "/circuits/{circuit_id}/data": {"get", "delete"},
    "/circuits/{circuit_id}/statistics": {"get"},
    "/circuits/{circuit_id}/logs": {"get"},
    "/circuits/{circuit_id}/classification": {"get"},
    "/circuits/{circuit_id}/laps": {"get"},
    "/circuits/{circuit_id}/sessions": {"get"},
    "/circuits/{circuit_id}/drivers": {"get"},
    "/circuits/{circuit_id}/session/export": {"get"},
}


async def document(venue: Venue) -> dict[str, Any]:
    found: dict[str, Any] = (await venue.http.get("/openapi.json")).json()
    return found


async def test_every_published_call_is_there(venue: Venue) -> None:
    """Paths and methods that others were told."""
    paths = (await document(venue))["paths"]
    for path, methods in PUBLISHED.items():
        assert methods <= paths[path].keys(), path


async def test_every_call_parameter_and_shape_has_words_and_an_example(venue: Venue) -> None:
    """A description for each call and parameter, an example for each parameter and shape."""
    found = await document(venue)
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"], where
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (where, parameter["name"])
                assert parameter.get("examples") or parameter["schema"].get("examples"), (where, parameter["name"])
    for name, schema in found["components"]["schemas"].items():
        assert schema.get("description"), name
        assert schema.get("examples"), name


async def test_every_failure_is_documented_as_a_problem(venue: Venue) -> None:
    """The framework's own shape, which we never send, is nowhere."""
    found = await document(venue)
    assert "HTTPValidationError" not in str(found)
    created = found["paths"]["/circuits"]["post"]["responses"]
    assert created.keys() == {"201", "400", "401", "403", "409", "413", "414", "422", "429", "503"}
    assert created["409"]["content"].keys() == {"application/problem+json"}
    assert "404" in found["paths"]["/circuits/{circuit_id}"]["get"]["responses"]


async def test_a_key_is_documented_as_optional(venue: Venue) -> None:
    """AUTH_POLICY decides; /health never wants one."""
    paths = (await document(venue))["paths"]
    assert paths["/circuits"]["get"]["security"] == [{"HTTPBearer": []}, {}]
    assert "security" not in paths["/health"]["get"]


@pytest.mark.parametrize(("page", "script"), [("/docs", "docs.js"), ("/docs/websocket", "websocket.js")])
async def test_a_page_needs_no_other_host(venue: Venue, page: str, script: str) -> None:
    """A strict policy, own files only, and no HTML made from data."""
    answer = await venue.http.get(page)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    names = re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text)
    assert {f"/static/{script}", "/static/docs.css"} <= set(names)
    text = answer.text
    for name in names:
        part = await venue.http.get(name)
        assert part.status_code == 200
        text += part.text
    assert "://" not in text
    assert "innerHTML" not in text
    assert "<script>" not in text
    assert " style=" not in text


async def test_a_wrong_method_names_the_right_ones(venue: Venue) -> None:
    """All of an address, not those of one call."""
    answer = await venue.http.delete("/circuits")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    answer = await venue.http.post("/circuits/hill")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"
    assert answer.headers["content-type"] == "application/problem+json"
