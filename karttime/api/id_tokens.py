"""Firebase ID tokens, verified by Google's own library: who is signed in to the app, and until when.

Blocking: `sign_in.py` calls it in threads. Google's certificates are fetched and kept by the library, for as long as
Google says. What the library raises is translated here, once; its texts hold the token and go nowhere.

Whoever may register in the Firebase project gets an ID token: `FIREBASE_SCOPE` says what such people may do. A custom
claim `karttime` with a scope, set by the project's administrator, says it for one person; `none` takes everything away.
An anonymous sign-in is good for reading.
"""

import importlib.util
import json
import logging
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from karttime.api.id_token_shape import shape
from karttime.api.policy import RANK, Scope
from karttime.engine.checks.firebase import GOOGLE, Answer
from karttime.engine.clock import Clock
from karttime.engine.reasons import explain
from karttime.errors import KarttimeError, UsageError

if TYPE_CHECKING:
    import firebase_admin

CLAIM: Final = "karttime"
HTTP_TIMEOUT_S: Final = 5
EMULATORS: Final = ("FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST")
CERTIFICATES: Final = f"https://{GOOGLE}/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
_APP: Final = "karttime-sign-in"
_ELSE: Final = "somebody else answers in Google's name"
_MISSING: Final = "signing in by Firebase needs a library: pip install 'karttime[firebase]'"
_ANONYMOUS: Final = "anonymous"


class RefusedSignIn(KarttimeError):  # noqa: N818 - it says what happened
    """A token is not good, or its owner may not come in; the text says why and holds nothing of the token.

    Attributes:
        status: 401 or 403.
    """

    def __init__(self, reason: str, status: int = 401) -> None:
        super().__init__(reason)
        self.status = status


class SignInUnavailable(KarttimeError):  # noqa: N818 - it says what happened
    """Whether a token is good cannot be found out now."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        scope: what they may do, None for nothing.
        expires_at: ms UTC; the token is no good after it.
    """

    scope: Scope | None
    expires_at: int


@dataclass(frozen=True, slots=True)
class SignInOptions:
    """How ID tokens are verified.

    Attributes:
        project: the Firebase project whose users are let in.
        credentials: file of a service account; read where it is there, needed for `check_revoked` alone.
        scope: what whoever is signed in may do.
        check_revoked: ask Google whether the sign-in was ended, or the account disabled or deleted.
        skew_s: how far this machine's clock may be off, at most 60.
    """

    project: str
    credentials: Path | None = None
    scope: Scope = Scope.ADMIN
    check_revoked: bool = False
    skew_s: int = 10


def installed() -> bool:
    """Whether Google's library is there, without loading it."""
    return importlib.util.find_spec("firebase_admin") is not None


def emulators(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The variables that name an emulator: where one is set, tokens that nobody signed are believed."""
    return [name for name in EMULATORS if environment.get(name)]


def ask_google(clock: Clock | None = None) -> Answer:
    """Fetch Google's certificates, by the way that verifying does; for `karttime doctor`. Blocks for seconds at most.

    Raises:
        UsageError: the library is not installed.
        SignInUnavailable: they cannot be had.
    """
    if not installed():
        raise UsageError(_MISSING)
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    clock = clock or Clock()
    asked = clock.wall_ms()
    try:
        answer: Any = Request()(CERTIFICATES, timeout=HTTP_TIMEOUT_S)
        if answer.status != 200 or not isinstance(json.loads(answer.data), dict):
            raise SignInUnavailable(_ELSE)
    except (GoogleAuthError, OSError) as error:
        raise SignInUnavailable(_cause(error)) from None
    except ValueError:
        raise SignInUnavailable(_ELSE) from None
    return Answer(answer.headers.get("date", ""), asked, clock.wall_ms())


def _cause(error: BaseException) -> str:
    """What is at the bottom of an error of the network."""
    below: BaseException | None = error
    while below is not None and not isinstance(below, ssl.SSLError | socket.gaierror | TimeoutError | ConnectionError):
        below = below.__cause__ or below.__context__
    return explain(below) if below is not None else "there is no way to it"


class IdTokens:
    """Verifies the ID tokens of one project. Loads Google's library.

    Raises:
        UsageError: the library is not installed, or the credentials are none.
    """

    def __init__(self, options: SignInOptions, clock: Clock | None = None) -> None:
        if not installed():
            raise UsageError(_MISSING)
        for name in ("firebase_admin", "google", "urllib3", "cachecontrol", "requests"):
            logging.getLogger(name).setLevel(logging.ERROR)  # they tell of each try; we tell what became of it
        self.options = options
        self._clock = clock or Clock()
        self._app = _app(options)

    def verify(self, token: str) -> Person:
        """Who signed in with a token. Blocks, for as long as Google's servers take.

        Raises:
            RefusedSignIn: it is not good.
            SignInUnavailable: Google cannot be asked.
        """
        said = shape(token)
        if said is None:
            raise RefusedSignIn("this is no ID token of Firebase, and no API key: sign in to the app again")
        now, skew = self._clock.wall_ms() / 1000, self.options.skew_s
        if said.signed_in_at is not None and said.signed_in_at > now + skew:
            raise RefusedSignIn(_EARLY)
        claims = self._verified(token)
        return Person(self._scope(claims), round(said.expires_at * 1000))

    def close(self) -> None:
        """Forget the application, so that another one can be made."""
        import firebase_admin

        firebase_admin.delete_app(self._app)

    def _verified(self, token: str) -> Mapping[str, Any]:
        from firebase_admin import auth
        from firebase_admin.exceptions import FirebaseError
        from google.auth.exceptions import GoogleAuthError

        revoked, skew = self.options.check_revoked, self.options.skew_s
        try:
            found = auth.verify_id_token(token, self._app, revoked, skew)
        except auth.UserDisabledError:
            raise RefusedSignIn("this account is disabled: ask whoever administers the app", 403) from None
        except auth.UserNotFoundError:
            raise RefusedSignIn("this account does not exist any more: sign in to the app again") from None
        except auth.RevokedIdTokenError:
            raise RefusedSignIn("this sign-in was ended: sign in to the app again") from None
        except auth.ExpiredIdTokenError:
            raise RefusedSignIn(_EXPIRED) from None
        except auth.InvalidIdTokenError as error:
            if isinstance(error.cause, json.JSONDecodeError | UnicodeDecodeError):  # of Google's answer, not the token
                raise SignInUnavailable(_AWAY) from None
            raise RefusedSignIn(_EARLY if "too early" in str(error) else _INVALID) from None
        except (FirebaseError, GoogleAuthError, OSError):
            raise SignInUnavailable(_AWAY) from None
        except (ValueError, TypeError):  # of a form that the library did not expect
            raise RefusedSignIn(_INVALID) from None
        return dict(found)

    def _scope(self, claims: Mapping[str, Any]) -> Scope | None:
        claimed = claims.get(CLAIM)
        if claimed is not None:
            return next((scope for scope in Scope if scope.value == claimed), None)
        provider = claims.get("firebase")
        anonymous = isinstance(provider, dict) and provider.get("sign_in_provider") == _ANONYMOUS
        return min(Scope.READ, self.options.scope, key=RANK.__getitem__) if anonymous else self.options.scope


_EXPIRED: Final = "this sign-in has expired: let the app renew it, or sign in again"
_EARLY: Final = "this sign-in is from the future: the clock of this server is wrong, see `karttime doctor`"
_INVALID: Final = "this sign-in is not valid for this service: sign in to the app again"
_AWAY: Final = "Google cannot be asked now whether this sign-in is good; API keys work"


def _app(options: SignInOptions) -> "firebase_admin.App":
    import firebase_admin
    from firebase_admin import credentials
    from google.auth.credentials import AnonymousCredentials

    path = options.credentials
    credential: Any = AnonymousCredentials()  # type: ignore[no-untyped-call]  # the library's own
    if path is not None and path.expanduser().is_file():
        try:
            credential = credentials.Certificate(str(path.expanduser()))
        except (ValueError, OSError):  # its text may hold what is in the file
            raise UsageError(f"{path} is no service account of Firebase that can be read: download it anew") from None
    elif options.check_revoked:
        raise UsageError(
            f"FIREBASE_CHECK_REVOKED asks Google as a service account, and there is no file {path}: "
            "set FIREBASE_CREDENTIALS_PATH, or leave the check out"
        )
    settings = {"projectId": options.project, "httpTimeout": HTTP_TIMEOUT_S}
    return firebase_admin.initialize_app(credential, settings, f"{_APP}-{os.urandom(4).hex()}")
