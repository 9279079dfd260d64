"""The outer form of a Firebase ID token, judged before anything is asked or verified.

```
base64url(header) . base64url(claims) . base64url(signature)
{"alg":"RS256","kid":"3f9a…","typ":"JWT"}
{"iss":"https://securetoken.google.com/PROJECT","aud":"PROJECT","sub":"uid","iat":…,"exp":…,"auth_time":…,"firebase":{…}}
```

Source: Firebase's documentation, "Verify ID tokens using a third-party JWT library". Nothing here proves a token: it
only keeps what cannot be one from the library that verifies, whose decoder skips foreign characters, takes values of
any type, and repeats the token in its errors.
"""

import base64
import binascii
import re
from typing import Any, Final, NamedTuple

import orjson

MAX_TOKEN: Final = 4096  # characters; one with the largest custom claims has about 2,500
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]{2,})\.([A-Za-z0-9_-]{2,})\.([A-Za-z0-9_-]{2,})", re.ASCII)
_MAX_NESTING: Final = 40  # brackets of both kinds


class Shape(NamedTuple):
    """What an unverified token says of itself.

    Attributes:
        issued_at: seconds since 1970.
        expires_at: the same.
        signed_in_at: the same, None where it is not said.
    """

    issued_at: float
    expires_at: float
    signed_in_at: float | None


def may_be_id_token(token: str) -> bool:
    """Whether a token has three parts, as a JSON Web Token has: API keys and garbage have not."""
    return len(token) <= MAX_TOKEN and _PARTS.fullmatch(token) is not None


def shape(token: str) -> Shape | None:
    """What a token says of itself; None where no ID token of Firebase looks like that."""
    found = _PARTS.fullmatch(token) if len(token) <= MAX_TOKEN else None
    if found is None:
        return None
    header, claims = _object(found[1]), _object(found[2])
    if header is None or claims is None or _decoded(found[3]) is None:
        return None
    if header.get("alg") != "RS256" or "crit" in header or not _text(header.get("kid")):
        return None
    if not all(_text(claims.get(name)) for name in ("iss", "aud", "sub")) or len(claims["sub"]) > 128:
        return None
    issued_at, expires_at = _time(claims.get("iat")), _time(claims.get("exp"))
    signed_in_at = _time(claims.get("auth_time"))
    if issued_at is None or expires_at is None or (signed_in_at is None and claims.get("auth_time") is not None):
        return None
    return Shape(issued_at, expires_at, signed_in_at)


def _object(part: str) -> dict[str, Any] | None:
    text = _decoded(part)
    if text is None or text.count(b"{") + text.count(b"[") > _MAX_NESTING:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _decoded(part: str) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _time(value: object) -> float | None:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
    return float(value) if sound else None  # type: ignore[arg-type]  # it is a number
