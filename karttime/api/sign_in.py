"""Signing in without holding anybody up: ID tokens are verified in threads, and their outcome is kept.

* A few threads of their own, so that Google being slow delays neither feeds nor the database; a bounded number of
  tokens waits for them, and each for a bounded time. Further ones are told to come again (503).
* Somebody with the same token waits for the same answer.
* The library may hold a thread for minutes, trying again, where a network answers in Google's name. Who waited for it
  in vain is told so, and once all threads are held others take their place: when Google is back, sign-ins are at once.
* A good token is known until it expires, or where revocation is checked for a minute, by its digest: the token itself
  is not kept. What was refused is not kept: an early token is good a second later.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from karttime.api.id_tokens import Person, RefusedSignIn, SignInUnavailable
from karttime.engine.clock import Clock

log = logging.getLogger(__name__)

LOG_EVERY_S: Final = 60.0
_WHOLE_S: Final = 1.0  # the library counts whole seconds: a token is good until the end of its last one


@dataclass(frozen=True, slots=True)
class SignInLimits:
    """What verifying may take.

    Attributes:
        threads: verified at the same time.
        waiting: checks that may be on their way, those included that nobody waits for any more; also of threads.
        patience: seconds that a caller waits.
        known: good tokens that are remembered.
        recheck: seconds until a good token is verified again, None: when it expires.
        skew_ms: how far the clock may be off.
    """

    threads: int = 4
    waiting: int = 64
    patience: float = 8.0
    known: int = 10_000
    recheck: float | None = None
    skew_ms: int = 0


RECHECK_S: Final = 60.0  # where revocation is checked


class SignIn:
    """Whose token is good.

    Args:
        verify: says it, blocking; raises `RefusedSignIn` or `SignInUnavailable`.
        limits: what that may take.
        clock: replaced by tests.
    """

    def __init__(
        self, verify: Callable[[str], Person], limits: SignInLimits | None = None, clock: Clock | None = None
    ) -> None:
        self._verify = verify
        self._limits = limits or SignInLimits()
        self._clock = clock or Clock()
        self._pool = ThreadPoolExecutor(self._limits.threads, "sign-in")
        self._running: dict[bytes, asyncio.Future[Person]] = {}
        self._unfinished: set[asyncio.Future[Person]] = set()
        self._held = 0  # threads of the pool that nobody waits for any more
        self._known: OrderedDict[bytes, tuple[Person, float]] = OrderedDict()
        self._said_at = float("-inf")

    async def person(self, token: str) -> Person:
        """Who signed in with this token.

        Raises:
            RefusedSignIn: it is not good.
            SignInUnavailable: that cannot be found out now.
        """
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = self._remembered(digest)
        if found is not None:
            return found
        try:
            checking = self._begin(digest, token)
        except SignInUnavailable as error:
            self._tell(str(error))
            raise
        try:
            async with asyncio.timeout(self._limits.patience):
                return await asyncio.shield(checking)
        except TimeoutError:
            self._give_up(digest, checking)
            self._tell("the check of a sign-in takes too long")
            raise SignInUnavailable("the check of this sign-in takes too long now; API keys work") from None
        except SignInUnavailable as error:
            self._tell(str(error))
            raise
        except RefusedSignIn:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody gets in, and its text may hold the token
            self._tell(f"the check of a sign-in failed ({type(error).__name__})")
            raise SignInUnavailable("this sign-in cannot be checked, by a fault of the service") from None

    def lasts_s(self, person: Person) -> float:
        """For how many seconds somebody who is let in now may stay until their token is looked at again."""
        left = (person.expires_at + self._limits.skew_ms - self._clock.wall_ms()) / 1000
        recheck = self._limits.recheck
        return max(0.0, left if recheck is None else min(left, recheck)) + _WHOLE_S

    def close(self) -> None:
        """Verify nothing more; what is on its way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _remembered(self, digest: bytes) -> Person | None:
        known = self._known.get(digest)
        if known is None:
            return None
        person, until = known
        late = self._clock.wall_ms() >= person.expires_at + self._limits.skew_ms
        if late or self._clock.monotonic() >= until:
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return person

    def _begin(self, digest: bytes, token: str) -> asyncio.Future[Person]:
        running = self._running.get(digest)
        if running is not None:
            return running
        if len(self._unfinished) >= self._limits.waiting:
            raise SignInUnavailable("too many people sign in at once: try again in a moment")
        running = asyncio.get_running_loop().run_in_executor(self._pool, self._verify, token)
        self._running[digest] = running
        self._unfinished.add(running)
        running.add_done_callback(partial(self._done, digest))
        return running

    def _done(self, digest: bytes, verified: asyncio.Future[Person]) -> None:
        self._unfinished.discard(verified)
        if self._running.get(digest) is verified:
            del self._running[digest]
        if verified.cancelled() or verified.exception() is not None:
            return
        recheck = self._limits.recheck
        until = float("inf") if recheck is None else self._clock.monotonic() + recheck
        self._known[digest] = verified.result(), until
        while len(self._known) > self._limits.known:
            self._known.popitem(last=False)

    def _give_up(self, digest: bytes, checking: asyncio.Future[Person]) -> None:
        """Somebody waited in vain: the next one with this token begins anew, if need be with other threads."""
        if self._running.get(digest) is not checking:
            return
        del self._running[digest]
        self._held += 1
        if self._held >= self._limits.threads:
            self._held = 0
            self._pool.shutdown(wait=False)
            self._pool = ThreadPoolExecutor(self._limits.threads, "sign-in")

    def _tell(self, reason: str) -> None:
        """Log it, once in a while: whoever cannot sign in tries again."""
        now = self._clock.monotonic()
        if now - self._said_at >= LOG_EVERY_S:
            self._said_at = now
            log.warning("Somebody cannot sign in: %s", reason)
