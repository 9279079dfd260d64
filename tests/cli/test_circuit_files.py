"""`karttime circuits` on whole lists and with Firestore, as a person runs it."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from karttime.api.shared import StoredCopy
from karttime.circuits.firestore_mapping import Detected
from karttime.settings import Settings
from karttime.storage.database import Database
from tests.firebase.emulator import free_port
from tests.firebase.rest import Rest

from .conftest import Run

RECORDING = Path(__file__).parents[2] / "recordings" / "sprint-en.jsonl"
DETECTED = {"C1": "Classement", "C2": "Kart", "C3": "Lap"}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder and a database of its own, and no settings but that."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def rest(firestore: int, project: str, monkeypatch: pytest.MonkeyPatch) -> Rest:
    """Circuits come from Firestore."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{firestore}")
    monkeypatch.setenv("FIREBASE_PROJECT_ID", project)
    monkeypatch.setenv("FIREBASE_ALLOW_EMULATOR", "true")
    return Rest(project, firestore)


def added(run: Run) -> None:
    """Two circuits, one with everything that a circuit can have."""
    page = ("--page", "https://hill.example/live")
    assert run("circuits", "add", 'Hill "é"', "wss://hill.example:8523/", *page, "--label", "C2=Kart")[0] == 0
    assert run("circuits", "add", "Dale", "rmonitor+wss://dale.example/")[0] == 0


@pytest.mark.parametrize("kind", ["json", "toml"])
def test_what_is_exported_can_be_imported_elsewhere(run: Run, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """With everything; a second time there is nothing to do."""
    added(run)
    assert run("circuits", "export", f"all.{kind}")[0] == 0
    before = run("circuits", "export", "-")[1]
    loaded = (json.loads if kind == "json" else tomllib.loads)(Path(f"all.{kind}").read_text(encoding="utf-8"))
    assert loaded == json.loads(before)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    assert run("circuits", "import", f"all.{kind}", "--dry-run")[1].split() == ["added", "dale", "added", "hill-e"]
    assert run("circuits", "list")[1] == ""
    assert run("circuits", "import", f"all.{kind}")[0] == 0
    assert run("circuits", "export", "-")[1] == before
    assert run("circuits", "import", f"all.{kind}")[1].split() == ["same", "dale", "same", "hill-e"]


def test_what_differs_stays_unless_the_file_is_to_win(run: Run) -> None:
    """Exit code 1 tells a script."""
    added(run)
    run("circuits", "export", "all.json")
    run("circuits", "edit", "dale", "--name", "Mine")
    code, out, err = run("circuits", "import", "all.json")
    assert (code, out.split()) == (1, ["differs", "dale", "same", "hill-e"])
    assert "--replace" in err
    assert "Mine" in run("circuits", "show", "dale")[1]
    assert run("circuits", "import", "all.json", "--replace")[0] == 0
    assert "Mine" not in run("circuits", "show", "dale")[1]


def test_the_answer_of_the_service_can_be_imported(run: Run) -> None:
    """A bare list, with the app's columns and times; without an id the same name and address are the same circuit."""
    columns = {f"c{number}": "Non utilisé" for number in range(1, 15)} | {"c2": "Kart"}
    entry = {"nom": "Hill", "wssUrl": "wss://hill.example/", "mappings": {"C2": "Kart"}, "updatedAt": None, **columns}
    Path("list.json").write_text(json.dumps([entry]))
    assert run("circuits", "import", "list.json")[1].split() == ["added", "hill"]
    assert run("circuits", "import", "list.json")[1].split() == ["same", "hill"]
    assert json.loads(run("circuits", "show", "hill", "--json")[1])["mappings"] == {"C2": "Kart"}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"{", "no JSON"),
        ("a.json", b"[" * 100_000, "no JSON"),
        ("a.json", b"\xff", "no UTF-8"),
        ("a.json", b"5", "no list"),
        ("a.json", b'[{"nom": "x"}]', "circuit 1: wssUrl"),
        ("a.json", b'[{"nom": "x", "wssUrl": "http://x/"}]', "circuit 1: 'http://x/'"),
        ("a.json", b'[{"nom": "x", "wssUrl": "wss://x/", "what": 1}]', "circuit 1: what"),
        ("a.json", b'[{"nom": "x", "wssUrl": "wss://x/", "feed": "telepathy"}]', "circuit 1: feed: known are"),
        ("a.json", b'[{"id": "../x", "nom": "x", "wssUrl": "wss://x/"}]', "circuit 1: id"),
        (
            "a.json",
            b'[{"id": "a", "nom": "x", "wssUrl": "wss://x/"},{"id": "a", "nom": "y", "wssUrl": "ws://x/"}]',
            "twice",
        ),
        ("a.toml", b"a =", "no TOML"),
        ("a.xml", b"", "neither JSON nor TOML"),
        ("none.json", None, "cannot read"),
    ],
)
def test_a_file_that_is_none_is_one_line_and_changes_nothing(
    run: Run, name: str, content: bytes | None, says: str
) -> None:
    """Also when only the last of its circuits is no good."""
    if content is not None:
        Path(name).write_bytes(content)
    code, out, err = run("circuits", "import", name)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert says in err
    assert run("circuits", "list")[1] == ""


def test_nothing_is_overwritten_by_an_export(run: Run) -> None:
    Path("all.json").write_text("mine")
    assert run("circuits", "export", "all.json")[0] == 2
    assert run("circuits", "export", "all.csv")[0] == 2
    assert Path("all.json").read_text() == "mine"


def test_without_firestore_there_is_nothing_to_sync(run: Run) -> None:
    code, _, err = run("circuits", "sync")
    assert code == 2
    assert "FIREBASE_CREDENTIALS_PATH" in err


def test_columns_are_mapped_from_a_recording_or_the_live_feed(run: Run) -> None:
    """An address that must not be connected to is not."""
    run("circuits", "add", "Hill", "ws://127.0.0.1:8000/")
    code, out, _ = run("circuits", "map", "hill", RECORDING)
    assert code == 0
    assert "Classement           100%" in out
    columns = json.loads(run("circuits", "map", "hill", RECORDING, "--json")[1])["columns"]
    assert {column["confidence"] for column in columns if column["proposed"]} == {1.0}
    assert "--allow-private" in run("circuits", "map", "hill")[2]


def test_the_same_commands_work_on_firestore(run: Run, rest: Rest) -> None:
    """What they change is changed there, and nowhere else."""
    added(run)
    assert rest.get("circuits/hill-e")["c2"] == "Kart"
    assert run("circuits", "edit", "hill-e", "--name", "Dale 2", "--label", "C3=Lap")[0] == 0
    assert (rest.get("circuits/hill-e")["nom"], rest.get("circuits/hill-e")["c3"]) == ("Dale 2", "Lap")
    assert run("circuits", "export", "all.toml")[0] == 0
    assert run("circuits", "remove", "dale")[0] == 0
    assert run("circuits", "import", "all.toml")[1].split() == ["added", "dale", "same", "hill-e"]
    assert [line.split()[0] for line in run("circuits", "list")[1].splitlines()] == ["dale", "hill-e"]
    code, _, err = run("circuits", "edit", "dale", "--label", "C15=Kart")
    assert code == 2
    assert "C1 to C14" in err


def test_sync_says_what_it_would_do_and_does_it(
    run: Run, rest: Rest, project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person's labels stay; what is no circuit is told of; a dry run writes nothing."""
    rest.put("circuits/free", nom="Free", wssUrl="wss://free.example/")
    rest.put("circuits/mine", nom="Mine", wssUrl="wss://mine.example/", c1="Pilote")
    rest.put("circuits/bad", nom="Bad")
    run("circuits", "list")
    database = Database(f"sqlite:///{tmp_path}/a.db")
    for name in ("free", "mine"):
        StoredCopy(database, project).put(Detected(name, DETECTED, 5, pending=True))
    database.close()

    def synced(*arguments: str) -> dict[str, str]:
        code, out, err = run("circuits", "sync", "--json", *arguments)
        assert (code, "document bad is left out: wssUrl is missing" in err) == (0, True)
        found: Sequence[dict[str, str]] = json.loads(out)
        return {one["circuit_id"]: one["verdict"] for one in found}

    assert synced("--dry-run") == {"free": "write", "mine": "kept"}
    assert "c1" not in rest.get("circuits/free")
    assert synced() == {"free": "write", "mine": "kept"}
    assert synced() == {"free": "same", "mine": "kept"}
    assert rest.get("circuits/free")["c1"] == "Classement"
    assert rest.get("circuits/mine")["c1"] == "Pilote"
    capsys.readouterr()
    assert "C1 Pilote, detected Classement" in run("circuits", "sync")[1]


def test_without_firestore_what_was_known_last_is_shown_and_nothing_can_be_changed(
    run: Run, rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 for what cannot be done now."""
    rest.put("circuits/hill", nom="Hill", wssUrl="wss://hill.example/")
    assert run("circuits", "list")[0] == 0
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    code, out, err = run("circuits", "list")
    assert (code, out.split()[0]) == (0, "hill")
    assert "known last" in err
    code, _, err = run("circuits", "edit", "hill", "--name", "x")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "does not answer" in err


def test_an_emulator_by_accident_and_a_key_that_is_missing_are_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9")
    code, _, err = run("circuits", "list")
    assert code == 2
    assert "FIREBASE_ALLOW_EMULATOR" in err
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST")
    monkeypatch.setenv("FIREBASE_CREDENTIALS_PATH", "nowhere.json")
    code, _, err = run("circuits", "list")
    assert code == 2
    assert "there is no file nowhere.json" in err
