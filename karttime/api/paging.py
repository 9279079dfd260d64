"""Paging: every list is bounded, and a `Link` header leads to the next page.

A cursor is opaque to callers: the sort key of the last row of a page, as JSON in base64.
"""

import base64
import binascii
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import orjson
from fastapi import Query, Request, Response

from karttime.errors import UsageError

NO_CONTROLS: Final = r"^[^\x00-\x1f\x7f]*$"  # PostgreSQL takes no NUL, and nobody names anything with the others

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.", examples=[100])]
SessionParameter = Annotated[
    str | None,
    Query(
        alias="session",
        max_length=64,
        pattern=NO_CONTROLS,
        description="Only this session; ids are those of `/sessions`.",
        examples=["20260530T090000Z-1"],
    ),
]

_MAX: Final = 2**63 - 1


def encode(*key: int | str) -> str:
    """A sort key as a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def cursor_query(*example: int | str) -> Any:
    """The parameter of a list whose sort keys look like the example."""
    return Query(
        alias="cursor",
        max_length=400,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="From the `Link` header of the page before.",
        examples=[encode(*example)],
    )


def decode(cursor: str | None, *types: type[int] | type[str]) -> list[Any] | None:
    """The sort key in a cursor, None for none.

    Raises:
        UsageError: it is none of ours, or of another list.
    """
    if cursor is None:
        return None
    try:
        key = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        key = None
    sound = isinstance(key, list) and [type(part) for part in key] == list(types)
    if not sound or any(part > _MAX if isinstance(part, int) else "\0" in part for part in key):
        raise UsageError("cursor: follow the Link header of the page before, or leave it out")
    return list(key)


def lead_on(request: Request, response: Response, cursor: str, session: str | None = None) -> None:
    """Say where the next page is; of the session that was meant, also when another runs by then."""
    query = dict(request.query_params) | {"cursor": cursor}
    if session is not None:
        query["session"] = session
    response.headers["Link"] = f'<{quote(request.scope["path"])}?{urlencode(query)}>; rel="next"'
