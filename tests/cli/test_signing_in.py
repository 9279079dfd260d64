"""Signing in to a service that is a process of its own, through a proxy that answers in Google's name."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson
import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from karttime.api.tokens import new_token
from karttime.cli.signing_in import check_emulators, sign_in
from karttime.errors import UsageError
from karttime.settings import Settings, load
from tests.api.google import CERTIFICATES, Google, bad_tokens, service_account, standing_in
from tests.cli.test_serve import serving

NEW = {"nom": "New", "wssUrl": "wss://new.example/"}


class Track(NamedTuple):
    """A service, and Google as it sees it."""

    google: Google
    address: str
    log: Path


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Track]:
    """One service for all: everything needs a token, and revocation is checked."""
    folder, google = tmp_path_factory.mktemp("track"), Google()
    google.max_age = 1
    service_account(folder)
    with ExitStack() as stack:
        environment = stack.enter_context(standing_in(google, folder))
        environment |= {
            "AUTH_POLICY": "all",
            "CIRCUITS_SOURCE": "database",
            "FIREBASE_AUTH": "true",
            "FIREBASE_CHECK_REVOKED": "true",
        }
        arguments = ("--circuit", "Hill=wss://hill.invalid/", "--no-start")
        url = f"sqlite:///{folder}/karttime.db"
        _, address = stack.enter_context(
            serving(folder, *arguments, DATABASE_URL=url, LOG_LEVEL="DEBUG", DEBUG="true", **environment)
        )
        yield Track(google, address, folder / "log.txt")


def rest(track: Track, token: str, http: httpx.Client | None = None) -> int:
    """What a call with this token is answered."""
    headers = {b"authorization": f"Bearer {token}".encode()}
    get = httpx.get if http is None else http.get
    return get(f"http://{track.address}/circuits", headers=headers).status_code


async def live(track: Track, token: str, way: str) -> int:
    """What becomes of a connection with this token: its close code, or 1000 for one that is served."""
    uri, headers = f"ws://{track.address}/circuits/hill/live", {}
    if way == "query":
        uri = str(httpx.URL(uri, params={"token": token}))
    elif way == "header":
        headers = {"authorization": f"Bearer {token}"}
    async with asyncio.timeout(10), websockets.connect(uri, additional_headers=headers) as socket:
        try:
            if way == "message":
                await socket.send(orjson.dumps({"type": "auth", "token": token}).decode())
            await socket.recv()
        except ConnectionClosed:
            return socket.close_code or 0
    return 1000


WAYS = ("header", "query", "message")


async def test_good_tokens_are_accepted_everywhere(track: Track) -> None:
    """Over REST, and in each of the three ways of a WebSocket; what changes something, too."""
    token = track.google.token()
    assert rest(track, token) == 200
    assert [await live(track, token, way) for way in WAYS] == [1000, 1000, 1000]
    async with httpx.AsyncClient(base_url=f"http://{track.address}") as http:
        answer = await http.post("/circuits", json=NEW, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 201
        anonymous = track.google.token(sub="racer", firebase={"sign_in_provider": "anonymous"})
        answer = await http.post("/circuits", json=NEW, headers={"authorization": f"Bearer {anonymous}"})
        assert answer.status_code == 403


async def test_no_bad_token_is_accepted_anywhere(track: Track) -> None:
    """The whole matrix over REST, and in every way of a WebSocket."""
    bad = bad_tokens(track.google)
    assert len(bad) >= 40
    with httpx.Client() as http:
        for name, token in bad.items():
            assert rest(track, token, http) == 401, name
    for way in WAYS:
        codes = await asyncio.gather(*(live(track, token, way) for token in bad.values()))
        wrong = {name: code for name, code in zip(bad, codes, strict=True) if code != 4401}
        if way == "message":
            assert wrong.pop("too long") == 1009, "a message of a client has at most 4096 bytes"
        assert not wrong, way
    assert rest(track, new_token().token) == 401, "nor is a key of nobody"
    assert rest(track, track.google.token()) == 200, "and the service works"


def test_whoever_was_revoked_disabled_or_deleted_is_refused(track: Track) -> None:
    """Google is asked."""
    users = track.google.users
    users["gone"] = {"validSince": "0"}
    assert rest(track, track.google.token(sub="gone")) == 200
    users["late"] = {"validSince": str(int(time.time()) + 60)}
    users["off"] = {"validSince": "0", "disabled": True}
    assert rest(track, track.google.token(sub="late")) == 401
    assert rest(track, track.google.token(sub="off")) == 403
    assert rest(track, track.google.token(sub="nobody")) == 401


async def test_google_away_is_503_and_those_who_are_known_stay(track: Track) -> None:
    """A new token cannot be checked; one that was checked a moment ago is good; afterwards all is well."""
    google, known = track.google, track.google.token(note="known")
    assert rest(track, known) == 200
    google.away = True
    await asyncio.sleep(1.1)  # the certificates that are known have had their time
    fresh = google.token(note="new")
    assert rest(track, fresh) == 503
    assert await live(track, fresh, "header") == 1013
    assert rest(track, known) == 200
    google.away = False
    assert rest(track, fresh) == 200


def test_keys_rotate_while_the_service_runs(track: Track) -> None:
    """A new key is good once the certificates that are known have had their time."""
    google = track.google
    assert rest(track, google.token(note="before")) == 200
    google.published = ["one", "two"]
    deadline = time.monotonic() + 10
    while (status := rest(track, google.token("two", note=str(time.monotonic_ns())))) != 200:
        assert status == 401
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert google.asked[CERTIFICATES] > 1


def test_nothing_of_a_token_is_in_the_log(track: Track) -> None:
    """Neither of good ones nor of bad ones, at the level that tells everything; nor Google's own token."""
    good = track.google.token(note="logged")
    assert (rest(track, good), rest(track, good[:-8] + "A" * 8)) == (200, 401)
    said = track.log.read_text()
    assert "DEBUG" in said, "it tells what there is to tell"
    for piece in ("eyJ", "ya29.stand-in", "PRIVATE KEY", good.split(".")[1][:40]):
        assert piece not in said


@pytest.mark.parametrize("name", ["FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST"])
def test_an_emulator_is_used_only_where_that_is_allowed(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused with the variable's name; where it is allowed the log says so at each start."""
    monkeypatch.setenv(name, "127.0.0.1:9099")
    with pytest.raises(UsageError, match=f"{name} is set.*FIREBASE_ALLOW_EMULATOR"):
        check_emulators(Settings(_env_file=None))  # type: ignore[call-arg]  # of the library
    check_emulators(load(None, firebase_allow_emulator=True))
    assert name in caplog.text


@pytest.mark.parametrize(
    ("options", "on"),
    [
        ({"auth_policy": "all"}, False),
        ({"auth_policy": "all", "firebase_project_id": "some-project"}, True),
        ({"auth_policy": "all", "firebase_auth": True}, True),
        ({"auth_policy": "all", "firebase_auth": False, "firebase_project_id": "some-project"}, False),
        ({"auth_policy": "open", "firebase_auth": True}, False),
    ],
)
async def test_people_sign_in_where_a_project_is_set(
    options: dict[str, object], on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or where the setting says so; where nothing needs a token nothing is loaded."""
    monkeypatch.chdir(tmp_path)
    async with sign_in(load(None, **options)) as checking:
        assert (checking is not None) is on


async def test_a_missing_library_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Refused where signing in was asked for, a warning where a project alone is set."""
    monkeypatch.setattr("karttime.api.id_tokens.installed", lambda: False)
    monkeypatch.setattr("karttime.cli.signing_in.installed", lambda: False)
    with pytest.raises(UsageError, match=r"pip install 'karttime\[firebase\]'"):
        async with sign_in(load(None, auth_policy="all", firebase_auth=True)):
            pass
    async with sign_in(load(None, auth_policy="all", firebase_project_id="some-project")) as checking:
        assert checking is None
    assert "pip install" in caplog.text
