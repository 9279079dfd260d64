"""`karttime doctor` as a person and a monitor run it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from karttime.api.shared import StoredCopy
from karttime.circuits.circuit import Circuit
from karttime.circuits.firestore_documents import Document, Timestamp
from karttime.cli import examination
from karttime.cli.administration import add_circuit
from karttime.cli.main import app
from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.checks.server import Running
from karttime.errors import SourceError
from karttime.settings import Settings, load
from karttime.storage.database import Database
from tests.api.google import Google, service_account, standing_in

Doctor = Callable[..., Result]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Runs the command in an empty folder, with a database of its own and nothing else set."""
    for name in (*Settings.model_fields, "firestore_emulator_host", "firebase_auth_emulator_host", "karttime_token"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/karttime.db")
    monkeypatch.setenv("PORT", "1")

    async def away(*_given: object, **_more: object) -> Any:
        raise SourceError("the network is away")

    monkeypatch.setattr(examination, "fetch", away)
    return lambda *arguments: CliRunner().invoke(app, ["doctor", *arguments])


def areas(result: Result) -> dict[str, str]:
    """Verdicts by area, the worst of each."""
    order = [grade.value for grade in Grade]
    found: dict[str, str] = {}
    for one in json.loads(result.stdout)["findings"]:
        found[one["area"]] = max(found.get(one["area"], "ok"), one["verdict"], key=order.index)
    return found


def test_an_empty_installation_is_well(doctor: Doctor, tmp_path: Path) -> None:
    """Nothing runs, nothing is stored, no network: no failure, and nothing is made."""
    result = doctor("--json")
    assert result.exit_code == 0, result.output
    assert areas(result) == {
        **dict.fromkeys(("settings", "database", "disk", "journal"), "ok"),
        **dict.fromkeys(("clock", "server"), "not checked"),
    }
    assert list(tmp_path.iterdir()) == []


def test_offline_asks_nobody(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is left alone, for each kind of target."""
    add_circuit(None, Circuit("", "Hill", "wss://hill.invalid/"), [])
    monkeypatch.setattr("socket.socket.connect", lambda *_given: pytest.fail("it asked"))
    for target in ((), ("hill",), ("wss://hill.invalid/",), ("http://127.0.0.1:8000",)):
        result = doctor(*target, "--offline", "--json")
        assert result.exit_code == 0, result.output
        assert "not checked" in areas(result).values()


@pytest.mark.parametrize(
    ("variables", "code", "says"),
    [
        ({"PORT": "x"}, 2, "PORT"),
        ({"DATABASE_URL": "postgresql://u:canary@127.0.0.1:1/x"}, 2, "postgresql"),
        ({"HOST": "0.0.0.0", "AUTH_POLICY": "open"}, 1, "AUTH_POLICY"),  # noqa: S104 - not listened on
        ({"HOST": "0.0.0.0", "DEBUG": "true"}, 1, "DEBUG"),  # noqa: S104 - not listened on
        ({"FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9"}, 2, "FIREBASE_AUTH_EMULATOR_HOST"),
        ({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:9", "FIREBASE_ALLOW_EMULATOR": "1"}, 1, "FIRESTORE_EMULATOR_HOST"),
        ({"JOURNAL_PATH": "/proc/nowhere/journal.db"}, 2, "/proc"),
    ],
)
def test_what_is_wrong_with_an_installation(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], code: int, says: str
) -> None:
    """The exit code for a monitor, the name for a person, and no password."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = doctor("--offline")
    assert result.exit_code == code, result.output
    assert says in result.output
    assert "canary" not in result.output
    assert "Traceback" not in result.output


def test_a_file_of_secrets_that_everybody_can_read(doctor: Doctor, tmp_path: Path) -> None:
    """A warning with the command that helps, where there are secrets in it."""
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=INFO\n# POSTGRES_PASSWORD=example\nPOSTGRES_PASSWORD=\n")
    file.chmod(0o644)
    assert doctor("--offline").exit_code == 0
    file.write_text("POSTGRES_PASSWORD=canary\n")
    result = doctor("--offline")
    assert result.exit_code == 1
    assert "chmod 600" in result.output
    assert "canary" not in result.output
    file.chmod(0o600)
    assert doctor("--offline").exit_code == 0


def test_each_stored_circuit_is_looked_at(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the service that runs collects it, which is asked then: venues have few places."""
    for name in ("Hill", "Dale"):
        add_circuit(None, Circuit("", name, f"ws://127.0.0.1:1/{name}"), [])
    result = doctor("--json", "--allow-private")
    assert result.exit_code == 2
    assert areas(result)["hill"] == areas(result)["dale"] == "failure"

    async def serves(*_given: object) -> Running:
        return Running(True, [Finding("dale", Grade.OK, "live")], frozenset({"dale"}))

    monkeypatch.setattr(examination, "running", serves)
    assert areas(doctor("--json", "--allow-private")) | {"hill": "failure", "dale": "ok"} == areas(
        doctor("--json", "--allow-private")
    )
    assert areas(doctor("dale", "--json")) == {"dale": "ok"}


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("nowhere", "karttime circuits list"),
        ("ftp://hill.example", "address"),
        ("rmonitor://", "names no host"),
        ("\x1b]0;evil\x07", "karttime circuits list"),
    ],
)
def test_a_target_that_is_none(doctor: Doctor, target: str, says: str) -> None:
    """Exit code 2 and a sentence, by the command's own way of telling errors."""
    result = doctor(target)
    assert result.exit_code != 0
    assert says in str(result.exception)
    assert "\x1b" not in str(result.exception)


def test_a_feed_by_its_address(doctor: Doctor) -> None:
    """An address of this machine that was typed needs no permission; nobody listens there."""
    result = doctor("ws://127.0.0.1:1/")
    assert result.exit_code == 2
    assert "FAILURE  feed" in result.output
    assert "→" in result.output


def test_a_service_by_its_address(doctor: Doctor) -> None:
    """Asked for, and not there: a failure."""
    result = doctor("http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "FAILURE  server" in result.output


def test_hostile_names_control_no_terminal(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as text nor as JSON."""
    evil = "\x1b]52;c;AAAA\x07[/b]\u202e\x9b31m"

    async def serves(*_given: object) -> Running:
        return Running(True, [Finding(evil, Grade.WARNING, evil, evil, {evil: evil})])

    monkeypatch.setattr(examination, "running", serves)
    for arguments in ((), ("--json",)):
        output = doctor(*arguments).output
        assert "[/b]" in output
        assert not any(char in output for char in "\x1b\x07\u202e\x9b")


@pytest.fixture
def google(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    """Google behind a proxy, and signing in that is wanted."""
    known, folder = Google(), tmp_path_factory.mktemp("google")
    with standing_in(known, folder) as environment:
        for name, value in (environment | {"FIREBASE_AUTH": "true"}).items():
            monkeypatch.setenv(name, value)
        yield known


def test_google_and_the_clock_by_the_way_that_signing_in_takes(
    google: Google, doctor: Doctor, monkeypatch: Any
) -> None:
    """Through the proxy; a clock that is off and Google being away are failures."""
    monkeypatch.setenv("FIREBASE_AUTH", "true")
    result = doctor("--json")
    assert areas(result) | {"firebase": "ok", "clock": "ok"} == areas(result), result.output
    google.ahead_s = 900
    assert areas(doctor("--json"))["clock"] == "failure"
    google.garbage = True
    result = doctor()
    assert result.exit_code == 2
    assert "somebody else answers" in result.output
    google.away = True
    result = doctor("--json")
    assert (areas(result)["firebase"], areas(result)["clock"]) == ("failure", "not checked")


def test_circuits_of_firestore_are_looked_at_as_they_were_known_last(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without its key that is a failure, and the circuits of the copy are looked at all the same."""
    database = Database(load().database_url)
    hill = Document("hill", {"nom": "Hill", "wssUrl": "ws://127.0.0.1:1/"}, Timestamp(5))
    StoredCopy(database, "kartingapp-fef5c").keep([hill], [])
    database.close()
    monkeypatch.setenv("CIRCUITS_SOURCE", "firestore")
    found = areas(doctor("--json"))
    assert (found["firestore"], found["hill"]) == ("failure", "failure")
    service_account(tmp_path).chmod(0o600)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr("karttime.circuits.firestore_remote.TIMEOUT_S", 0.5)
    said = doctor().output
    assert "a service account of kartingapp-fef5c" in said
    assert "PRIVATE KEY" not in said
