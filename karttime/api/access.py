"""Decides who may do what, and guards the REST calls; the table of what needs a key is in `policy`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from karttime.api.id_token_shape import may_be_id_token
from karttime.api.id_tokens import RefusedSignIn
from karttime.api.policy import ALLOWED, NEEDED, RANK, AccessDenied, Action, Key, Keys, Policy, Scope, Verdict
from karttime.api.sign_in import SignIn
from karttime.api.tokens import bearer, digest, fits, well_formed
from karttime.engine.clock import Clock
from karttime.errors import StorageError

log = logging.getLogger(__name__)

USED_EVERY_MS: Final = 60_000  # a key's last use is kept to the minute: a client that polls must not write each time
KEY_LASTS_S: Final = 300.0  # a connection that stays is asked of its key again, which may have been revoked


class Access:
    """Decides; one for a service.

    Args:
        policy: what needs no token.
        keys: where keys are kept; without, no key is valid.
        clock: replaced by tests.
        sign_in: whose ID tokens are good; without, none is.
    """

    def __init__(
        self,
        policy: Policy = Policy.OPEN,
        keys: Keys | None = None,
        clock: Clock | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self.policy = policy
        self._keys = keys
        self._clock = clock or Clock()
        self._sign_in = sign_in

    def needs(self, action: Action) -> bool:
        """Whether it needs a token at all."""
        return action in NEEDED[self.policy]

    async def check(self, action: Action, token: str | None) -> Verdict:
        """Whether somebody with this token may do it.

        Raises:
            StorageError: that cannot be found out, since keys cannot be read.
            SignInUnavailable: that cannot be found out, since Google cannot be asked.
        """
        needed = NEEDED[self.policy].get(action)
        if needed is None:
            return ALLOWED
        if not token:
            who = "an API key" if self._sign_in is None else "somebody who is signed in, or an API key,"
            return Verdict(401, f"this needs {who} of scope {needed}: send Authorization: Bearer <key>")
        if self._sign_in is not None and may_be_id_token(token):
            return await self._signed_in(self._sign_in, needed, token)
        if self._keys is None or not well_formed(token):
            return Verdict(401, self._no_token(token))
        key = await asyncio.to_thread(self._find, self._keys, token)
        if key is None:
            return Verdict(401, "this API key is unknown or was revoked: `karttime keys create` makes a new one")
        if RANK[key.scope] < RANK[needed]:
            return Verdict(403, f"this needs an API key of scope {needed}, this one has {key.scope}")
        return Verdict(200, lasts_s=KEY_LASTS_S)

    async def _signed_in(self, sign_in: SignIn, needed: Scope, token: str) -> Verdict:
        try:
            person = await sign_in.person(token)
        except RefusedSignIn as error:
            return Verdict(error.status, str(error))
        if person.scope is None or RANK[person.scope] < RANK[needed]:
            given = person.scope or "none"
            return Verdict(403, f"this needs scope {needed}, and this account has {given}: ask the operator")
        return Verdict(200, lasts_s=sign_in.lasts_s(person))

    def _no_token(self, token: str) -> str:
        if may_be_id_token(token):
            return "signing in is not set up here: FIREBASE_AUTH allows it, an API key works without"
        return "this is no API key of this service: `karttime keys create` makes one"

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
    description="An operator API key, made by `karttime keys create`, or the ID token of somebody who is signed in to "
    "the app (Firebase). AUTH_POLICY says what needs one.",
)


def token_of(request: Request) -> str | None:
    """The token that a call brings."""
    return bearer(request.headers.get("authorization"))


async def demand(request: Request, action: Action) -> None:
    """Raise `AccessDenied` unless the caller may do it."""
    service = request.app.state.service
    access: Access = service.access
    verdict = await access.check(action, token_of(request))
    if not verdict.allowed:
        service.refused["key"] += 1
        raise AccessDenied(verdict)


def _guard(action: Action) -> Any:
    async def guard(request: Request, _shown: Annotated[object, Security(_BEARER)]) -> None:
        await demand(request, action)

    check: Callable[..., Awaitable[None]] = guard
    return Depends(check)


MAY_READ: Final = _guard(Action.READ)
MAY_CONTROL: Final = _guard(Action.CONTROL)
MAY_CHANGE: Final = _guard(Action.CHANGE)
