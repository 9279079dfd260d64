"""Who may do what: four policies, three scopes, and keys that end."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from karttime.api.access import USED_EVERY_MS, Access
from karttime.api.policy import Action, Key, Policy, Scope
from karttime.api.stored import StoredKeys
from karttime.api.tokens import new_token
from karttime.engine.clock import Clock
from karttime.errors import StorageError
from karttime.storage import keys
from karttime.storage.database import Database

from .conftest import START, serving
from .test_rest import detail

NEW = {"nom": "New", "wssUrl": "wss://new.example/"}
WHO = (None, "read", "control", "admin")
ALLOWED: Mapping[str, Mapping[str, tuple[str | None, ...]]] = {
    "open": {"read": WHO, "control": WHO, "force": WHO, "change": WHO},
    "app": {"read": WHO, "control": WHO, "force": WHO[2:], "change": WHO[3:]},
    "control": {"read": WHO, "control": WHO[2:], "force": WHO[2:], "change": WHO[3:]},
    "all": {"read": WHO[1:], "control": WHO[2:], "force": WHO[2:], "change": WHO[3:]},
}
CALLS = {
    "read": ("GET", "/circuits", 200),
    "control": ("POST", "/circuits/dale/start-timing", 200),
    "force": ("POST", "/circuits/dale/stop-timing?force=true", 200),
    "change": ("DELETE", "/circuits/dale/data?before=2000-01-01", 200),
}


class Memory:
    """Keys without a database."""

    def __init__(self, *keys: Key) -> None:
        self.keys = {key.digest: key for key in keys}
        self.uses: list[int] = []
        self.broken = False

    def find(self, digest: str) -> Key | None:
        return self.keys.get(digest)

    def used(self, _key_id: str, at: int) -> None:
        if self.broken:
            raise StorageError("the disk is full")
        self.uses.append(at)


@pytest.mark.parametrize("policy", list(Policy))
async def test_each_policy_wants_a_key_for_what_its_table_says(tmp_path: Path, policy: Policy) -> None:
    """Every action by everybody: 200, 401 without a key, 403 with one that is too weak."""
    async with serving(tmp_path, policy=policy) as venue:
        headers = {scope: venue.key(scope) for scope in WHO if scope}
        for action, (method, path, status) in CALLS.items():
            for who in WHO:
                answer = await venue.http.request(method, path, headers=headers[who] if who else {})
                wanted = status if who in ALLOWED[policy][action] else 403 if who else 401
                assert answer.status_code == wanted, (action, who)


async def test_a_refusal_says_what_is_needed(tmp_path: Path) -> None:
    """401 with how to send a key, 403 with the scope that is missing."""
    async with serving(tmp_path, policy=Policy.APP) as venue:
        answer = await venue.http.post("/circuits", json=NEW)
        assert "scope admin: send Authorization: Bearer" in detail(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        answer = await venue.http.post("/circuits", json=NEW, headers=venue.key("control"))
        assert "scope admin, this one has control" in detail(answer, 403)
        answer = await venue.http.post("/circuits", json=NEW, headers=venue.key("admin"))
        assert answer.status_code == 201


async def test_a_key_of_nobody_is_401(tmp_path: Path) -> None:
    """Whatever it looks like, and it is not repeated."""
    tokens = ("canary", "kt_00000000_" + "A" * 43, "kt_00000000_" + "A" * 42 + "é", "kt_" + "0" * 5000)
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        for token in tokens:
            headers = {b"authorization": f"Bearer {token}".encode()}
            assert token not in detail(await venue.http.get("/circuits", headers=headers), 401)


async def test_another_kind_of_authorization_is_no_key(tmp_path: Path) -> None:
    """401, and what is wanted."""
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        for header in ("", "Bearer", "Basic eDp5", "Bearer a b", "Token x"):
            assert "Bearer" in detail(await venue.http.get("/circuits", headers={"authorization": header}), 401)


async def test_a_revoked_key_ends_at_once(tmp_path: Path) -> None:
    """No restart, no waiting."""
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        key = venue.key("read")
        assert (await venue.http.get("/status", headers=key)).status_code == 200
        assert venue.service.archive is not None
        stored = StoredKeys(venue.service.archive.database)
        [known] = stored.every()
        assert known.last_used_at is not None
        assert stored.revoke(known.id, START)
        assert "revoked" in detail(await venue.http.get("/status", headers=key), 401)


def test_the_database_holds_no_token(database: Database) -> None:
    """Who steals it opens nothing."""
    made = new_token()
    StoredKeys(database).add(Key(made.id, "a key", Scope.ADMIN, made.digest, START))
    with database.reading() as connection:
        [row] = keys.every(connection)
    assert made.token.rpartition("_")[2] not in repr(row)
    assert row.hash == made.digest != made.token


async def test_tokens_are_never_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither good ones nor bad ones, at any level."""
    caplog.set_level("DEBUG")
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        good = venue.key("read")["authorization"]
        await venue.http.get("/circuits", headers={"authorization": good})
        await venue.http.get("/circuits", headers={"authorization": "Bearer canary"})
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("karttime", "uvicorn"))]
    assert not any("canary" in line or good.removeprefix("Bearer ") in line for line in ours)


async def test_under_all_every_call_but_health_wants_a_key(tmp_path: Path) -> None:
    """A call that somebody adds and forgets to guard fails here."""
    async with serving(tmp_path, policy=Policy.ALL) as venue:
        paths = (await venue.http.get("/openapi.json")).json()["paths"]
        for path, methods in paths.items():
            for method in methods:
                answer = await venue.http.request(method, path.replace("{circuit_id}", "hill"))
                assert answer.status_code == (200 if path.startswith("/health") else 401), (method, path)
        assert (await venue.http.get("/")).status_code == 200
        for page in ("/docs", "/docs/websocket", "/asyncapi.json"):
            assert (await venue.http.get(page)).status_code == 200


async def test_an_open_door_looks_at_no_key() -> None:
    """An app that sends an old token is served all the same."""
    access = Access(Policy.APP, None)
    assert (await access.check(Action.READ, "whatever")).allowed
    assert (await access.check(Action.CHANGE, "whatever")).status == 401


async def test_the_last_use_is_kept_to_the_minute() -> None:
    """A client that polls does not write each time."""
    made, now = new_token(), [START]
    known = Memory(Key(made.id, "k", Scope.READ, made.digest, START, START))
    access = Access(Policy.ALL, known, Clock(wall_ms=lambda: now[0]))
    assert (await access.check(Action.READ, made.token)).allowed
    assert known.uses == []
    now[0] += USED_EVERY_MS
    assert (await access.check(Action.READ, made.token)).allowed
    assert known.uses == [now[0]]


async def test_a_database_that_cannot_be_written_still_opens_the_door() -> None:
    """The last use is not worth locking operators out when they are needed most."""
    made = new_token()
    known = Memory(Key(made.id, "k", Scope.ADMIN, made.digest, START))
    known.broken = True
    assert (await Access(Policy.ALL, known).check(Action.CHANGE, made.token)).allowed


async def test_a_row_whose_digest_is_not_the_tokens_opens_nothing() -> None:
    """The comparison is ours, not the database's."""
    made, other = new_token(), new_token()
    known = Memory(Key(made.id, "k", Scope.ADMIN, other.digest, START))
    known.keys = {made.digest: known.keys[other.digest]}
    assert (await Access(Policy.ALL, known).check(Action.READ, made.token)).status == 401
