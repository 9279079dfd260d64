"""A secret in every place where one can enter comes out nowhere: logs, metrics, errors, settings, doctor."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson
import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from karttime.api.policy import Policy
from karttime.cli.administration import create_key
from karttime.cli.main import app
from karttime.engine.checks import firebase
from karttime.errors import UsageError
from karttime.settings import Settings, load
from tests.api.conftest import serving as serving_here
from tests.api.google import Google, bad_tokens, service_account, signed, standing_in
from tests.api.google import rsa_key as rsa
from tests.cli.test_serve import serving

CANARY = "canaryX7q"  # in every secret: one word to look for
DATABASES = (
    f"postgresql://u:{CANARY}@127.0.0.1:1/x",
    f"postgresql://u:{CANARY}@[bad/x",
    f"postgresql://u:{CANARY}@h:99999/x",
    f"postgresql://u:{CANARY[:4]} {CANARY}@127.0.0.1:1/x",
    f"postgresql://u:a@{CANARY}@127.0.0.1:1/x",
    f"postgresql://u:a/{CANARY}@127.0.0.1:1/x",
    f"postgresql://:{CANARY}@127.0.0.1:1",
    f"postgresql://u@127.0.0.1:1/x?password={CANARY}",
    f"postgresql://u@127.0.0.1:1/x?sslpassword={CANARY}",
    f"postgresql+nope://u:{CANARY}@h/x",
    f"mysql://u:{CANARY}@h/x",
    f"sqlite://u:{CANARY}@h/x",
    f"sqlite:///a.db?password={CANARY}",
    f"postgresql:u:{CANARY}@h",
)
FEEDS = (
    f"ws://user:{CANARY}@h/",
    f"http://user:{CANARY}@h/",
    f"ws://{CANARY}@h:99999/",
    f"rmonitor+ws://user:{CANARY}@h/",
    f"ws://us er:{CANARY}@h/",
    f"ws://user:a/{CANARY}@h/",
    f"ws://h:x/?token={CANARY}",
    f"ws://h:0/?key={CANARY}",
    f"ws:///?secret={CANARY}",
    f"ws://h:25/?apiToken={CANARY}",
    f"rmonitor://h/path?token={CANARY}",
    f"wss://h:99999/instance/209/{CANARY}",
    f"http://h/instance/209/{CANARY}",
    f"wss://h/instance/209/{CANARY}#x",
    f"ws://127.0.0.1:1/instance/209/{CANARY}",
    f"ws://127.0.0.1:1/?token={CANARY}",
    f"http://user:{CANARY}@127.0.0.1:1",
    f"http://127.0.0.1:1/?token={CANARY}",
)


def said(*arguments: str) -> str:
    """Everything that a command says, however it ends."""
    result = CliRunner().invoke(app, arguments)
    return f"{result.output}\n{result.exception!r}\n{getattr(result.exception, '__cause__', None)}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with nothing set."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("url", DATABASES)
def test_the_password_of_a_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given as an option or in the environment, well written or not."""
    for command in (("db", "status"), ("doctor", "--offline")):
        assert CANARY not in said(*command, "--database", url)
    monkeypatch.setenv("DATABASE_URL", url)
    assert CANARY not in said("config")
    if "127.0.0.1" not in url and not url.startswith("sqlite:///"):  # which would serve
        assert CANARY not in said("serve", "--port", "0")


@pytest.mark.parametrize("url", FEEDS)
def test_what_is_secret_in_the_address_of_a_feed(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at, recorded, kept, or set as another service's: neither refusals nor failures repeat it."""
    database = f"sqlite:///{folder}/x.db"
    commands: tuple[tuple[str, ...], ...] = (
        ("doctor", url, "--seconds", "0.1", "--database", database),
        ("circuits", "add", "X", url, "--database", database),
        ("record", url, "-o", str(folder / "out.jsonl"), "--max-attempts", "1"),
    )
    for command in commands:
        assert CANARY not in said(*command)
    recorded = folder / "out.jsonl"
    assert not recorded.exists() or CANARY not in recorded.read_text()
    if "/instance/" not in url:  # which is Race Monitor's relay, and not the address of its lookup
        monkeypatch.setenv("RACE_MONITOR_URL", url)
        assert CANARY not in said("config")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_secret_in_the_wrong_variable(name: str, folder: Path) -> None:
    """A key that was pasted into another line of .env is not repeated in the refusal."""
    key = json.dumps({"type": "service_account", "private_key": f"-----BEGIN {CANARY}"})
    (folder / ".env").write_text(f"{name.upper()}='{key}'\n")
    refusal = ""
    try:
        load()
    except UsageError as error:
        refusal = str(error)
    assert CANARY not in refusal
    assert refusal or name in {"host", "journal_path", "record_dir"}, "texts that may be anything, and are no secrets"


@pytest.mark.parametrize(
    "content", [CANARY, f'{{"private_key":"{CANARY}"}}', f'{{"type":"service_account","private_key":"{CANARY}"}}']
)
def test_credentials_of_firebase(content: str, folder: Path) -> None:
    """Whatever is in the file, and however it is broken."""
    (folder / "firebase-credentials.json").write_text(content)
    for command in (("doctor", "--offline"), ("serve", "--port", "0")):
        assert CANARY not in said(*command)
    found = firebase.credentials(folder / "firebase-credentials.json", "my-project", wanted=True)
    assert CANARY not in repr(found)


class Running(NamedTuple):
    """A service that tells everything it can, and what secrets it was given."""

    address: str
    folder: Path
    key: str
    google: Google
    values: dict[str, str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With keys, signing in, and a credentials file; at the level of log that tells everything."""
    folder, google = tmp_path_factory.mktemp("canary"), Google()
    service_account(folder)
    with ExitStack() as stack:
        values = stack.enter_context(standing_in(google, folder)) | {
            "DATABASE_URL": f"sqlite:///{folder}/karttime.db",
            "AUTH_POLICY": "all",
            "FIREBASE_AUTH": "true",
            "CIRCUITS_SOURCE": "database",
            "DEBUG": "true",
            "WS_MAX_RECONNECT_ATTEMPTS": "1",
            "ALLOW_PRIVATE": "true",
            "WORKERS": "2",
        }
        key = create_key(values["DATABASE_URL"], "all", "admin")
        _, address = stack.enter_context(serving(folder, "--no-start", **values))
        yield Running(address, folder, key, google, values)


def raw(address: str, request: bytes) -> bytes:
    """What is answered to bytes that are no good request."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return client.recv(65536)


def try_everything(running: Running) -> list[str]:
    """Send secrets wherever they can be sent; what is answered where they are wrong."""
    answers: list[str] = []
    good = running.google.token(note=CANARY)
    wrong = (CANARY, f"kt_00000000_{CANARY:A<43}", good[:-9] + "A" * 9, signed({"x": CANARY}, rsa("one"), kid="one"))
    with httpx.Client(base_url=f"http://{running.address}") as http:
        for token in (*wrong, *list(bad_tokens(running.google).values())[:8]):
            paths = ("/circuits", f"/circuits?token={CANARY}", f"/nowhere?key={CANARY}", "/metrics", "/status")
            answers += [http.get(path, headers={"authorization": f"Bearer {token}"}).text for path in paths]
            answers += live(running.address, token)
        for header in (f"Basic {CANARY}", CANARY, f"Bearer {CANARY} {CANARY}"):
            answers.append(http.get("/circuits", headers={"authorization": header, "cookie": f"s={CANARY}"}).text)
        admin = {"authorization": f"Bearer {good}"}
        for url in (*FEEDS[:12], f"ws://127.0.0.1:1/?token={CANARY}", f"ws://127.0.0.1:1/instance/2/{CANARY}"):
            made = http.post("/circuits", json={"nom": "X", "wssUrl": url}, headers=admin)
            if made.status_code == 201:
                circuit = made.json()["id"]
                http.post(f"/circuits/{circuit}/start-timing", headers=admin)
                answers.append(http.get(f"/circuits/{circuit}/status", headers=admin).text)
                answers.append(http.get(f"/circuits/{circuit}/logs", headers=admin).text)
            else:
                answers.append(made.text)
        answers += [http.get(path, headers=admin).text for path in ("/status", "/metrics", "/health", "/health/ready")]
    for request in (
        f"GET /circuits?token={CANARY}\r\n\r\n",
        f"GET /circuits?token={CANARY} HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {CANARY}\r\n\r\n",
        f"GET /circuits/x/live?token={CANARY} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        f"POST /circuits HTTP/1.1\r\nHost: x\r\nContent-Length: {CANARY}\r\n\r\n",
    ):
        answers.append(raw(running.address, request.encode()).decode("latin-1"))
    return answers


def live(address: str, token: str) -> Sequence[str]:
    """Why connections with a bad token are closed, in each way to bring it."""
    reasons = []
    base = f"ws://{address}/circuits/hill/live"
    for uri, headers in ((base, {"authorization": f"Bearer {token}"}), (f"{base}?token={token}", {}), (base, {})):
        try:
            with connect(uri, additional_headers=headers, close_timeout=1) as client:
                if not headers and uri == base:
                    client.send(orjson.dumps({"type": "auth", "token": token}).decode())
                list(client)
                reasons.append(client.close_reason or "")
        except (InvalidHandshake, ConnectionClosed, OSError) as error:
            reasons.append(str(error))
    return reasons


def test_a_service_gives_nothing_away(running: Running) -> None:
    """Keys, ID tokens, passwords, credentials: in no answer, no metric, no log at the level that tells everything."""
    answers = try_everything(running)
    assert len(answers) > 100
    for answer in answers:
        assert CANARY not in answer
    log = (running.folder / "log.txt").read_text()
    assert log.count("\n") > 3, "it does tell something"
    assert "HTTP Request" not in log, "calls that workers hand on are not logged one by one"
    secrets = (CANARY, running.key, running.key.rpartition("_")[2], "ya29.", "BEGIN PRIVATE", "eyJ")
    for secret in secrets:
        assert secret not in log
    assert not (running.folder / "karttime.db").read_bytes().count(running.key.encode()), "its hash alone is stored"
    for arguments in (("config",), ("doctor", "--json", "--seconds", "0.1", f"http://{running.address}")):
        given: dict[str, str | None] = dict.fromkeys(map(str.upper, Settings.model_fields))
        told = CliRunner().invoke(app, arguments, env=given | running.values | {"KARTTIME_TOKEN": running.key}).output
        assert told
        for secret in secrets:
            assert secret not in told


async def test_a_traceback_names_no_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Our own fault in the middle of a call: the log has where, and not with which key."""
    async with serving_here(tmp_path, policy=Policy.ALL, debug=True) as venue:
        key = venue.key("read")

        def broken() -> None:
            raise RuntimeError("a fault of ours")

        venue.service.engine.status = broken  # type: ignore[method-assign,assignment]  # a planted fault
        answer = await venue.http.get(f"/status?token={CANARY}", headers=key)
    assert answer.status_code == 500
    assert "a fault of ours" in caplog.text + str([record.exc_info for record in caplog.records])
    formatted = "".join(record.getMessage() + str(record.exc_text) for record in caplog.records)
    for secret in (CANARY, key["authorization"].removeprefix("Bearer ")):
        assert secret not in formatted + caplog.text + answer.text


def test_the_word_is_found_where_it_is_said(folder: Path) -> None:
    """The search itself: what a command does repeat is seen."""
    assert CANARY in said("doctor", CANARY, "--database", f"sqlite:///{folder}/x.db")
