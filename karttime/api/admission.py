"""Whether a client of the live stream may stay: its token is looked at again when its time is up.

* An ID token that expires: the client is told (`token-expired`), and sends a new one in an `auth` message, then or at
  any time before; whoever sends none in time is closed with 4401. The stream goes on meanwhile.
* A key that was revoked, a sign-in that was ended: the same, at the next look.
* Whether it is good cannot be found out, since the database or Google is away: the client stays, and the next look is a
  minute later. It was good once, and the network of a track is no reason to lose the race.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from karttime.api.access import Access
from karttime.api.frames import CloseCode
from karttime.api.policy import Action, Verdict
from karttime.errors import KarttimeError

AGAIN_S: Final = 60.0


class Visitor(Protocol):
    """The client, as far as it is needed here."""

    def tell(self, code: str, detail: str) -> None:
        """Send an error message."""
        ...

    def show_out(self, code: CloseCode, reason: str) -> None:
        """Close the connection."""
        ...

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a short job for it."""
        ...


class Admission:
    """One client's token, after it was found good.

    Args:
        access: who may do what.
        visitor: the client.
        patience: seconds in which a client sends a new token after it was told to.
    """

    __slots__ = ("_access", "_busy", "_patience", "_timer", "_token", "_visitor")

    def __init__(self, access: Access, visitor: Visitor, patience: float) -> None:
        self._access = access
        self._visitor = visitor
        self._patience = patience
        self._token: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False

    def begin(self, token: str | None, verdict: Verdict) -> None:
        """The client is in, with this token and for as long as the verdict says."""
        self._wait_no_more()
        self._token = token
        if verdict.lasts_s is not None:
            self._after(verdict.lasts_s, self._look)

    def renew(self, token: object) -> None:
        """The client sends another token: a good one takes the place of the one before, a bad one changes nothing."""
        if not self._busy and isinstance(token, str) and token:
            self._busy = True
            self._visitor.start(self._renew(token))

    def end(self) -> None:
        """The client is gone."""
        self._wait_no_more()
        self._token, self._busy = None, True

    async def _renew(self, token: str) -> None:
        try:
            verdict = await self._access.check(Action.READ, token)
        except KarttimeError as error:
            self._visitor.tell("token-refused", f"{error}; the one before counts")
        else:
            if verdict.allowed and self._token is not None:
                self.begin(token, verdict)
            elif not verdict.allowed:
                self._visitor.tell("token-refused", f"{verdict.detail}; the one before counts")
        finally:
            self._busy = self._token is None

    def _look(self) -> None:
        self._timer = None
        if self._token is not None:
            self._visitor.start(self._look_again(self._token))

    async def _look_again(self, token: str) -> None:
        try:
            verdict = await self._access.check(Action.READ, token)
        except KarttimeError:
            verdict = Verdict(200, lasts_s=AGAIN_S)
        if self._token != token:  # there is another one meanwhile, or nobody is there any more
            return
        if verdict.allowed:
            self.begin(token, verdict)
        elif verdict.status == 403:
            self._visitor.show_out(CloseCode.FORBIDDEN, verdict.detail)
        else:
            detail = f'{verdict.detail}; send {{"type":"auth","token":…}} within {self._patience:g} s'
            self._visitor.tell("token-expired", detail)
            self._after(self._patience, lambda: self._visitor.show_out(CloseCode.NO_TOKEN, verdict.detail))

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        self._wait_no_more()
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
