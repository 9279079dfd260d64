"""Checking ID tokens off the event loop: once for each token, bounded, and never logged."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from karttime.api import admission
from karttime.api.access import Access
from karttime.api.id_tokens import Person, RefusedSignIn, SignInUnavailable
from karttime.api.limits import LinkLimits
from karttime.api.policy import Action, Policy, Scope, Verdict
from karttime.api.sign_in import SignIn, SignInLimits
from karttime.engine.clock import Clock
from karttime.errors import StorageError

from .conftest import START, Venue, opening, serving, until
from .test_live import refused
from .test_rest import detail

TOKEN = "aa.bb.cc"  # noqa: S105 - of nobody


class Desk:
    """Says who somebody is, as it is told to; counts how often it was asked."""

    def __init__(self, scope: Scope | None = Scope.READ) -> None:
        self.asked: list[str] = []
        self.outcome: Person | Exception = Person(scope, START + 3_600_000)
        self.open = threading.Event()
        self.open.set()

    def verify(self, token: str) -> Person:
        self.asked.append(token)
        assert self.open.wait(10)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@contextmanager
def checking(desk: Desk, **limits: Any) -> Iterator[tuple[SignIn, Callable[[float], None]]]:
    """A check of sign-ins, and the hand that moves its clock by seconds."""
    moved = [0.0]

    def move(seconds: float) -> None:
        moved[0] += seconds

    clock = Clock(wall_ms=lambda: START + int(moved[0] * 1000), monotonic=lambda: moved[0])
    sign_in = SignIn(desk.verify, SignInLimits(**limits), clock)
    yield sign_in, move
    desk.open.set()
    sign_in.close()


async def test_a_token_is_verified_once_until_it_expires() -> None:
    """Then again: by then it is another matter."""
    desk = Desk()
    with checking(desk) as (sign_in, move):
        for _ in range(3):
            assert (await sign_in.person(TOKEN)).scope is Scope.READ
        assert len(desk.asked) == 1
        move(3599)
        await sign_in.person(TOKEN)
        assert len(desk.asked) == 1
        desk.outcome = RefusedSignIn("expired")
        move(1)
        with pytest.raises(RefusedSignIn):
            await sign_in.person(TOKEN)
        assert len(desk.asked) == 2


async def test_where_revocation_is_checked_a_token_is_asked_about_again() -> None:
    """Once a minute, not once a call."""
    desk = Desk()
    with checking(desk, recheck=60) as (sign_in, move):
        assert sign_in.lasts_s(await sign_in.person(TOKEN)) == 61
        move(59)
        await sign_in.person(TOKEN)
        assert len(desk.asked) == 1
        move(1)
        await sign_in.person(TOKEN)
        assert len(desk.asked) == 2


async def test_what_was_refused_is_not_kept() -> None:
    """A token that is early now is good in a second."""
    desk = Desk()
    with checking(desk) as (sign_in, _):
        good, desk.outcome = desk.outcome, RefusedSignIn("too early")
        with pytest.raises(RefusedSignIn):
            await sign_in.person(TOKEN)
        desk.outcome = good
        assert (await sign_in.person(TOKEN)).scope


async def test_many_with_one_token_wait_for_one_check() -> None:
    """A dashboard that reloads is no flood of checks, and the loop goes on meanwhile."""
    desk = Desk()
    desk.open.clear()
    with checking(desk) as (sign_in, _):
        waiting = [asyncio.create_task(sign_in.person(TOKEN)) for _ in range(50)]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in waiting)
        desk.open.set()
        assert len({id(await task) for task in waiting}) == 1
        assert len(desk.asked) == 1


async def test_one_who_goes_away_takes_nobody_along() -> None:
    """The check goes on for those who still wait."""
    desk = Desk()
    desk.open.clear()
    with checking(desk) as (sign_in, _):
        first, second = (asyncio.create_task(sign_in.person(TOKEN)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        desk.open.set()
        assert (await second).scope
        assert len(desk.asked) == 1


async def test_so_many_wait_and_for_so_long() -> None:
    """Further ones are told at once, and nobody waits for ever; neither is a refusal."""
    desk = Desk()
    desk.open.clear()
    with checking(desk, waiting=2, threads=1, patience=0.05) as (sign_in, _):
        waiting = [asyncio.create_task(sign_in.person(f"{name}.b.c")) for name in ("x", "y")]
        await asyncio.sleep(0)
        with pytest.raises(SignInUnavailable, match="too many"):
            await sign_in.person("z.b.c")
        for task in waiting:
            with pytest.raises(SignInUnavailable, match="too long"):
                await task
        desk.open.set()


async def test_checks_that_hang_hold_nobody_up_afterwards() -> None:
    """Google is back, and the threads of before still hang: sign-ins work, also with the token that waited in vain."""
    desk, hanging = Desk(), threading.Event()

    def verify(token: str) -> Person:
        if not hanging.is_set():
            desk.open.wait(10)
        return desk.verify(token)

    desk.open.clear()
    sign_in = SignIn(verify, SignInLimits(threads=2, waiting=8, patience=0.05), Clock(wall_ms=lambda: START))
    try:
        for token in ("x.b.c", "y.b.c"):
            with pytest.raises(SignInUnavailable, match="too long"):
                await sign_in.person(token)
        hanging.set()
        desk_open, desk.open = desk.open, threading.Event()
        desk.open.set()
        for token in ("z.b.c", "x.b.c"):
            assert (await sign_in.person(token)).scope is Scope.READ
        desk_open.set()
    finally:
        sign_in.close()


async def test_only_so_many_tokens_are_remembered() -> None:
    """Those that were used last."""
    desk = Desk()
    with checking(desk, known=2) as (sign_in, _):
        for token in ("a.b.c", "b.b.c", "a.b.c", "c.b.c", "a.b.c", "b.b.c"):
            await sign_in.person(token)
        assert desk.asked == ["a.b.c", "b.b.c", "c.b.c", "b.b.c"]
        assert not any(token.encode() in repr(sign_in.__dict__).encode() for token in ("a.b.c", "b.b.c"))


async def test_a_fault_of_the_library_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """Its text may hold the token."""
    desk = Desk()
    desk.outcome = LookupError(f"no {TOKEN}")
    with checking(desk) as (sign_in, _), pytest.raises(SignInUnavailable, match="fault of the service"):
        await sign_in.person(TOKEN)
    assert "LookupError" in caplog.text
    assert TOKEN not in caplog.text


async def test_trouble_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever cannot sign in tries again, and again."""
    desk = Desk()
    desk.outcome = SignInUnavailable("Google is away")
    with checking(desk) as (sign_in, move):
        for _ in range(20):
            with pytest.raises(SignInUnavailable):
                await sign_in.person(TOKEN)
        assert caplog.text.count("Google is away") == 1
        move(60)
        with pytest.raises(SignInUnavailable):
            await sign_in.person(TOKEN)
        assert caplog.text.count("Google is away") == 2


@pytest.mark.parametrize("scope", [None, *Scope])
async def test_a_scope_is_good_for_what_the_table_says(scope: Scope | None) -> None:
    """As that of a key; an account without any may come in nowhere."""
    with checking(Desk(scope)) as (sign_in, _):
        access = Access(Policy.ALL, None, sign_in=sign_in)
        verdicts = [(await access.check(action, TOKEN)).status for action in Action]
    good = {None: 0, Scope.READ: 1, Scope.CONTROL: 3, Scope.ADMIN: 4}[scope]
    assert verdicts == [200] * good + [403] * (4 - good)


async def test_without_signing_in_an_id_token_is_said_to_be_one() -> None:
    """The operator learns which setting is missing."""
    verdict = await Access(Policy.ALL, None).check(Action.READ, TOKEN)
    assert verdict.status == 401
    assert "FIREBASE_AUTH" in verdict.detail


async def test_google_being_away_is_503_and_keys_still_work(tmp_path: Path) -> None:
    """Over REST with when to come again, over WebSocket with 1013; readiness hides names."""
    desk = Desk()
    desk.outcome = SignInUnavailable("Google is away")
    with checking(desk) as (sign_in, _):
        async with signed_in(tmp_path, sign_in) as venue:
            headers = {"authorization": f"Bearer {TOKEN}"}
            answer = await venue.http.get("/circuits", headers=headers)
            assert "Google is away" in detail(answer, 503)
            assert answer.json()["type"].endswith("sign-in-unavailable")
            assert answer.headers["retry-after"]
            assert (await venue.http.get("/circuits", headers=venue.key("read"))).status_code == 200
            assert (await venue.http.get("/health/ready", headers=headers)).json()["circuits"] == []
            async with venue.watch(f"?token={TOKEN}") as watcher:
                assert await refused(watcher) == 1013


@asynccontextmanager
async def signed_in(folder: Path, sign_in: SignIn, limits: LinkLimits | None = None) -> AsyncIterator[Venue]:
    """A service where reading needs a token, and people can sign in."""
    async with serving(folder, policy=Policy.ALL, limits=limits or LinkLimits()) as venue:
        venue.service.access._sign_in = sign_in
        yield venue


class Doorkeeper(Access):
    """Lets tokens in for as long as it is told to."""

    def __init__(self) -> None:
        super().__init__(Policy.ALL)
        self.good: dict[str, float] = {}
        self.status = 401
        self.away = False
        self.asked_while_away = 0

    async def check(self, action: Action, token: str | None) -> Verdict:
        del action
        if self.away:
            self.asked_while_away += 1
            raise StorageError("the database is away")
        if token in self.good:
            return Verdict(200, lasts_s=self.good[token])
        return Verdict(self.status, "this sign-in has expired")


async def test_a_token_that_expires_is_renewed_without_a_gap(tmp_path: Path) -> None:
    """The client is told, sends a new one, and misses nothing; the stream flows all the while."""
    door = Doorkeeper()
    door.good = {"old": 0.05}
    async with serving(tmp_path, access=door) as venue, venue.watch("?token=old&format=karttime.v1") as watcher:
        first = await watcher.next("snapshot")
        del door.good["old"]
        door.good["new"] = 3600
        told = await watcher.next("error")
        assert told["code"] == "token-expired"
        assert "expired" in told["detail"]
        await venue.publish(*opening())
        await watcher.socket.send('{"type":"auth","token":"bad"}')
        assert (await watcher.next("error"))["code"] == "token-refused"
        await watcher.socket.send(orjson.dumps({"type": "auth", "token": "new"}).decode())
        await venue.publish(*opening(at=START + 1000))
        assert (await watcher.next("patch"))["seq"] > first["seq"]
        assert venue.service.clients == 1


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (403, 4403)])
async def test_whose_token_ends_is_shown_out(tmp_path: Path, status: int, code: int) -> None:
    """An expired one after the time for a new one, an account that may not come in any more at once."""
    door = Doorkeeper()
    door.good, door.status = {"old": 0.05}, status
    limits = LinkLimits(token=0.05)
    async with serving(tmp_path, access=door, limits=limits) as venue, venue.watch("?token=old") as watcher:
        await watcher.next("karting_data")
        door.good = {}
        assert await watcher.closed() == code


async def test_who_was_good_stays_while_nobody_can_be_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database or Google that is away costs no viewer the race; afterwards the token is looked at again."""
    door = Doorkeeper()
    door.good = {"old": 0.02}
    monkeypatch.setattr(admission, "AGAIN_S", 0.02)
    limits = LinkLimits(token=0.02)
    async with serving(tmp_path, access=door, limits=limits) as venue, venue.watch("?token=old") as watcher:
        await watcher.next("karting_data")
        door.away, door.good = True, {}
        await until(lambda: door.asked_while_away > 2)
        assert venue.service.clients == 1
        door.away = False
        assert await watcher.closed() == 4401
