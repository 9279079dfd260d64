"""A problem document (RFC 9457): what every call that fails is answered with, whoever notices that it does."""

from http import HTTPStatus
from typing import Any, Final

from karttime.domain.display import clean

MEDIA_TYPE: Final = "application/problem+json"
_MAX_DETAIL: Final = 1000


def document(status: int, kind: str, detail: str) -> dict[str, Any]:
    """One problem; `kind` becomes the last part of its type, `detail` says what to do."""
    return {
        "type": f"urn:karttime:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": clean(detail, _MAX_DETAIL),
    }


def kind_of(status: int) -> str:
    """What a status is called in a type."""
    return HTTPStatus(status).phrase.lower().replace(" ", "-")
