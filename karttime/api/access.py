"""Decides who may do what, and guards the REST calls; the table of what needs a key is in `policy`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from karttime.api.policy import ALLOWED, NEEDED, RANK, AccessDenied, Action, Key, Keys, Policy, Verdict
from karttime.api.tokens import bearer, digest, fits, well_formed
from karttime.engine.clock import Clock
from karttime.errors import StorageError

log = logging.getLogger(__name__)

USED_EVERY_MS: Final = 60_000  # a key's last use is kept to the minute: a client that polls must not write each time


class Access:
    """Decides; one for a service.

    Args:
        policy: what needs no token.
        keys: where keys are kept; without, no token is valid.
        clock: replaced by tests.
    """

    def __init__(self, policy: Policy = Policy.OPEN, keys: Keys | None = None, clock: Clock | None = None) -> None:
        self.policy = policy
        self._keys = keys
        self._clock = clock or Clock()

    def needs(self, action: Action) -> bool:
        """Whether it needs a token at all."""
        return action in NEEDED[self.policy]

    async def check(self, action: Action, token: str | None) -> Verdict:
        """Whether somebody with this token may do it. Raises `StorageError` when that cannot be found out."""
        needed = NEEDED[self.policy].get(action)
        if needed is None:
            return ALLOWED
        if not token:
            return Verdict(401, f"this needs an API key of scope {needed}: send Authorization: Bearer <key>")
        if self._keys is None or not well_formed(token):
            return Verdict(401, "this is no API key of this service: `karttime keys create` makes one")
        key = await asyncio.to_thread(self._find, self._keys, token)
        if key is None:
            return Verdict(401, "this API key is unknown or was revoked: `karttime keys create` makes a new one")
        if RANK[key.scope] < RANK[needed]:
            return Verdict(403, f"this needs an API key of scope {needed}, this one has {key.scope}")
        return ALLOWED

    def _find(self, keys: Keys, token: str) -> Key | None:
        key = keys.find(digest(token))
        if key is None or not fits(token, key.digest):
            return None
        now = self._clock.wall_ms()
        if key.last_used_at is None or now - key.last_used_at >= USED_EVERY_MS:
            try:
                keys.used(key.id, now)
            except StorageError as error:  # a database that can be read, and not written, still opens the door
                log.warning("The last use of a key cannot be kept: %s", error)
        return key


_BEARER: Final = HTTPBearer(
    auto_error=False,
    description="An operator API key, made by `karttime keys create`. AUTH_POLICY says what needs one.",
)


def token_of(request: Request) -> str | None:
    """The token that a call brings."""
    return bearer(request.headers.get("authorization"))


async def demand(request: Request, action: Action) -> None:
    """Raise `AccessDenied` unless the caller may do it."""
    access: Access = request.app.state.service.access
    verdict = await access.check(action, token_of(request))
    if not verdict.allowed:
        raise AccessDenied(verdict)


def _guard(action: Action) -> Any:
    async def guard(request: Request, _shown: Annotated[object, Security(_BEARER)]) -> None:
        await demand(request, action)

    check: Callable[..., Awaitable[None]] = guard
    return Depends(check)


MAY_READ: Final = _guard(Action.READ)
MAY_CONTROL: Final = _guard(Action.CONTROL)
MAY_CHANGE: Final = _guard(Action.CHANGE)
