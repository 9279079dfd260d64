"""Operator API keys as text: `kt_<id>_<secret>`.

The id (8 hexadecimal digits) is public, for lists and for revoking; the secret is 256 random bits. Only the SHA-256 of
the whole token is stored: with that much chance in it nothing slower is needed, and a stolen database opens no door.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(r"kt_[0-9a-f]{8}_[0-9A-Za-z_-]{43}", re.ASCII)
_BEARER: Final = re.compile(r"bearer +(\S{1,8192}) *", re.ASCII | re.IGNORECASE)


class NewToken(NamedTuple):
    """A token, shown once, and what of it is stored."""

    id: str
    token: str
    digest: str


def new_token() -> NewToken:
    """A token that nobody has."""
    token_id = secrets.token_hex(4)
    token = f"kt_{token_id}_{secrets.token_urlsafe(32)}"
    return NewToken(token_id, token, digest(token))


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def well_formed(token: str) -> bool:
    """Whether a token can be one of ours at all: others are not worth a look into the database."""
    return _TOKEN.fullmatch(token) is not None


def fits(token: str, stored_digest: str) -> bool:
    """Whether a token is the one whose digest is stored; takes as long for a near miss as for a far one."""
    return hmac.compare_digest(digest(token), stored_digest)


def bearer(header: str | None) -> str | None:
    """The token of an `Authorization` header."""
    found = _BEARER.fullmatch(header.strip()) if header else None
    return found[1] if found else None
