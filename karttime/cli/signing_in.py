"""Signing in by Firebase as the settings say: whether it is on, and what must not be set by accident."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from karttime.api.id_tokens import IdTokens, SignInOptions, emulators, installed
from karttime.api.policy import Policy, Scope
from karttime.api.sign_in import RECHECK_S, SignIn, SignInLimits
from karttime.errors import UsageError
from karttime.settings import Settings

log = logging.getLogger("karttime")


def check_emulators(settings: Settings) -> None:
    """Refuse to begin where an emulator is named: it believes tokens that nobody signed.

    Raises:
        UsageError: a variable names one, and FIREBASE_ALLOW_EMULATOR does not allow it.
    """
    named = " and ".join(emulators())
    if named and not settings.firebase_allow_emulator:
        raise UsageError(
            f"{named} is set: an emulator believes any token and holds nobody's data. Unset it; "
            "for tests alone, FIREBASE_ALLOW_EMULATOR=true allows it"
        )
    if named:
        log.warning("%s: this is a test, whoever reaches %s may do everything", named, settings.host)


def options(settings: Settings) -> SignInOptions:
    """How ID tokens are verified."""
    return SignInOptions(
        settings.firebase_project_id,
        settings.firebase_credentials_path,
        Scope(settings.firebase_scope),
        settings.firebase_check_revoked,
        settings.firebase_clock_skew,
    )


@asynccontextmanager
async def sign_in(settings: Settings) -> AsyncIterator[SignIn | None]:
    """Who checks ID tokens while the context lasts; None where nobody signs in, and nothing is loaded.

    Raises:
        UsageError: FIREBASE_AUTH wants it, and the library is missing or the credentials are none.
    """
    if not settings.sign_in or settings.policy == Policy.OPEN:
        yield None
        return
    if not installed() and settings.firebase_auth is None:
        log.warning("Nobody can sign in by Firebase: pip install 'karttime[firebase]', or set FIREBASE_AUTH=false")
        yield None
        return
    tokens = await asyncio.to_thread(IdTokens, options(settings))
    recheck = RECHECK_S if settings.firebase_check_revoked else None
    checking = SignIn(tokens.verify, SignInLimits(recheck=recheck, skew_ms=settings.firebase_clock_skew * 1000))
    try:
        yield checking
    finally:
        checking.close()
        tokens.close()
