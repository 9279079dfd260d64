"""Who may do what: one policy, and API keys or ID tokens of signed-in people for what it does not give away.

| policy | reading | start, stop | stop while others watch | create, change, delete |
|---|---|---|---|---|
| `open` | anybody | anybody | anybody | anybody |
| `app` | anybody | anybody | `control` | `admin` |
| `control` | anybody | `control` | `control` | `admin` |
| `all` | `read` | `control` | `control` | `admin` |

A scope contains those before it: `read`, `control`, `admin`. Where no token is needed none is looked at: an app that
sends an old one is served all the same. `/health…`, the pages and `/openapi.json` hold no data and are always open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from karttime.errors import KarttimeError


class Policy(StrEnum):
    """What needs no token."""

    OPEN = "open"
    APP = "app"
    CONTROL = "control"
    ALL = "all"


class Scope(StrEnum):
    """What a key is good for; each contains those before it."""

    READ = "read"
    CONTROL = "control"
    ADMIN = "admin"


class Action(StrEnum):
    """What somebody wants to do."""

    READ = "read"
    CONTROL = "control"  # start and stop known circuits
    FORCE = "force"  # stop while others are watching
    CHANGE = "change"  # create, change, delete


RANK: Final = {scope: rank for rank, scope in enumerate(Scope)}

NEEDED: Final[Mapping[Policy, Mapping[Action, Scope]]] = {
    Policy.OPEN: {},
    Policy.APP: {Action.FORCE: Scope.CONTROL, Action.CHANGE: Scope.ADMIN},
    Policy.CONTROL: {Action.CONTROL: Scope.CONTROL, Action.FORCE: Scope.CONTROL, Action.CHANGE: Scope.ADMIN},
    Policy.ALL: {
        Action.READ: Scope.READ,
        Action.CONTROL: Scope.CONTROL,
        Action.FORCE: Scope.CONTROL,
        Action.CHANGE: Scope.ADMIN,
    },
}


@dataclass(frozen=True, slots=True)
class Key:
    """An operator API key as it is stored; times in ms UTC."""

    id: str
    name: str
    scope: Scope
    digest: str
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


class Keys(Protocol):
    """Where keys are kept. Called in a thread; may raise `StorageError`."""

    def find(self, digest: str) -> Key | None:
        """The key of the token with this digest, None when there is none or it was revoked."""
        ...

    def used(self, key_id: str, at: int) -> None:
        """Note when a key was used."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may be done.

    Attributes:
        status: 200 it may; 401 no valid token (WebSocket close code 4401); 403 not allowed with this one (4403).
        detail: what to do about it, empty when it may.
        lasts_s: for how long it may, if the token is not looked at again; None for ever.
    """

    status: int
    detail: str = ""
    lasts_s: float | None = None

    @property
    def allowed(self) -> bool:
        return self.status == 200


ALLOWED: Final = Verdict(200)


class AccessDenied(KarttimeError):  # noqa: N818 - beside UnknownCircuit
    """It may not be done; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.detail)
        self.verdict = verdict
