"""`karttime keys`, `karttime circuits` and `karttime config`, as a person runs them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from karttime.cli.main import app
from karttime.errors import KarttimeError, UsageError
from karttime.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command with a database of its own; errors of ours surface."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/a.db")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, KarttimeError):
            raise result.exception
        return result

    return run


def test_a_key_is_printed_once_and_listed_without_it(run: Run) -> None:
    """Alone on standard output, so that a script can take it."""
    created = run("keys", "create", "wall screen", "--scope", "control")
    token = created.stdout.strip()
    assert re.fullmatch(r"kt_[0-9a-f]{8}_[\w-]{43}", token)
    assert "cannot be shown again" in created.stderr
    [key] = json.loads(run("keys", "list", "--json").stdout)
    assert key.keys() == {"id", "name", "scope", "created_at", "last_used_at", "revoked_at"}
    assert (key["id"], key["name"], key["scope"]) == (token.split("_")[1], "wall screen", "control")
    shown = run("keys", "list").stdout
    assert "wall screen" in shown
    assert token.split("_", 2)[2] not in shown + json.dumps(key)


def test_two_keys_are_different(run: Run) -> None:
    """Even with one name."""
    assert run("keys", "create", "x").stdout != run("keys", "create", "x").stdout
    assert len(json.loads(run("keys", "list", "--json").stdout)) == 2


def test_a_revoked_key_stays_in_the_list(run: Run) -> None:
    """As revoked; a second time there is nothing to revoke."""
    key_id = run("keys", "create", "x").stdout.split("_")[1]
    assert run("keys", "revoke", key_id).exit_code == 0
    assert "revoked 20" in run("keys", "list").stdout
    with pytest.raises(UsageError, match="keys list"):
        run("keys", "revoke", key_id)


@pytest.mark.parametrize("name", ["", "  ", "a\x1bb", "x" * 61])
def test_a_key_has_a_name_that_can_be_read(run: Run, name: str) -> None:
    """It is what tells an operator which one to revoke."""
    with pytest.raises(UsageError, match="name"):
        run("keys", "create", name)


def test_an_unknown_scope_is_refused(run: Run) -> None:
    """With those that there are."""
    result = run("keys", "create", "x", "--scope", "root")
    assert result.exit_code == 2
    assert "admin" in result.output


def test_circuits_are_added_edited_and_removed(run: Run) -> None:
    """Ids come from names; labels by column."""
    url = "wss://timing.example:8523/"
    assert run("circuits", "add", "Hill Kart", url, "--label", "C2=Kart", "--label", "c1=Clt").stdout == "hill-kart\n"
    assert run("circuits", "add", "Hill Kart", "wss://other.example/").stdout == "hill-kart-2\n"
    page = ("--page", "https://hill.example/")
    assert run("circuits", "edit", "hill-kart", "--name", "Dale", *page, "--label", "C1=").exit_code == 0
    dale, hill = json.loads(run("circuits", "list", "--json").stdout)
    assert (dale["id"], dale["name"], dale["url"], dale["live_timing_url"]) == ("hill-kart", "Dale", url, page[1])
    assert dale["column_labels"] == {"C2": "Kart"}
    assert dale["updated_at"] >= dale["created_at"] > 0
    assert hill["name"] == "Hill Kart"
    assert run("circuits", "remove", "hill-kart").exit_code == 0
    assert run("circuits", "list").stdout.split() == ["hill-kart-2", "apex", "wss://other.example/", "Hill", "Kart"]


def test_the_address_of_a_circuit_tells_its_feed(run: Run) -> None:
    """Unless a person does; another address tells another one."""
    run("circuits", "add", "A", "rmonitor://timing.example")
    run("circuits", "add", "B", "racemonitor:37872")
    run("circuits", "add", "C", "rmonitor+wss://timing.example/")
    run("circuits", "add", "D", "wss://timing.example/", "--feed", "racemonitor")
    run("circuits", "edit", "b", "--url", "wss://timing.example:8523/")
    run("circuits", "edit", "d", "--url", "wss://other.example/")
    found = {it["id"]: (it["feed"], it["url"]) for it in json.loads(run("circuits", "list", "--json").stdout)}
    assert found == {
        "a": ("rmonitor", "rmonitor://timing.example"),
        "b": ("apex", "wss://timing.example:8523/"),
        "c": ("rmonitor", "wss://timing.example/"),
        "d": ("racemonitor", "wss://other.example/"),
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "Hill", "http://x/"), "ws://"),
        (("add", "", "wss://x/"), "name"),
        (("add", "Hill", "wss://x/", "--feed", "telepathy"), "known are apex"),
        (("add", "Hill", "wss://x/", "--page", "javascript:x"), "https://"),
        (("add", "Hill", "wss://x/", "--label", "Kart"), "COLUMN=LABEL"),
        (("add", "Hill", "wss://x/", "--label", "X=Kart"), "C1 to C99"),
        (("edit", "nope", "--name", "x"), "circuits list"),
        (("remove", "nope"), "circuits list"),
    ],
)
def test_what_cannot_be_is_said(run: Run, arguments: tuple[str, ...], says: str) -> None:
    """And nothing is stored."""
    with pytest.raises(UsageError, match=re.escape(says)):
        run("circuits", *arguments)
    assert json.loads(run("circuits", "list", "--json").stdout) == []


def test_empty_lists_say_how_to_begin(run: Run) -> None:
    """On standard error: a script sees an empty list."""
    for command in ("keys", "circuits"):
        result = run(command, "list")
        assert result.stdout == ""
        assert f"karttime {command}" in result.stderr


def test_config_shows_every_setting_with_its_source(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As lines and as JSON, without passwords."""
    (tmp_path / ".env").write_text("PORT=1234\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:canary@host/name")
    settings = {it["name"]: it for it in json.loads(run("config", "--json").stdout)}
    assert settings.keys() == {name.upper() for name in Settings.model_fields}
    assert settings["PORT"] == {"name": "PORT", "value": "1234", "source": ".env"}
    lines = run("config").stdout.splitlines()
    assert len(lines) == len(settings)
    assert [line.split() for line in lines if line.startswith("DATABASE_URL ")] == [
        ["DATABASE_URL", "environment", "postgresql://me:***@host/name"]
    ]


def test_config_names_a_setting_that_is_no_good(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other command does."""
    monkeypatch.setenv("AUTH_POLICY", "perhaps")
    with pytest.raises(UsageError, match=r"AUTH_POLICY: .*'control'"):
        run("config")


SPEC = {
    "karttime_spec": 1,
    "name": "hill karting",
    "tables": [{"rows": "runs[]", "key": "no", "fields": [{"path": "no", "role": "number"}]}],
}


def test_a_spec_is_given_printed_corrected_and_forgotten(run: Run, tmp_path: Path) -> None:
    """What is printed can be edited and given again; forgetting it leads to detection."""
    file = tmp_path / "track.json"
    file.write_text(json.dumps(SPEC))
    assert run("circuits", "add", "Hill", "wss://hill.example/", "--spec", str(file)).stdout.strip() == "hill"
    assert json.loads(run("circuits", "spec", "hill").stdout) == SPEC
    file.write_text(json.dumps(SPEC | {"name": "corrected"}))
    assert run("circuits", "edit", "hill", "--spec", str(file)).exit_code == 0
    assert json.loads(run("circuits", "spec", "hill").stdout)["name"] == "corrected"
    assert run("circuits", "edit", "hill", "--spec", "none").exit_code == 0
    [circuit] = json.loads(run("circuits", "list", "--json").stdout)
    assert circuit["feed"] == "auto"
    with pytest.raises(UsageError, match="no spec is stored"):
        run("circuits", "spec", "hill")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--feed", "spec"), "needs one"),
        (("--feed", "telepathy"), "known are"),
        (("--spec", "missing.json"), "cannot read"),
        (("--spec", "bad.json"), "no JSON"),
        (("--spec", "track.json", "--feed", "apex"), "contradict"),
        (("--spec", "none"), "nothing is stored"),
    ],
)
def test_a_spec_or_feed_that_cannot_be_used_is_refused(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """In one sentence; the circuit stays as it is."""
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "track.json").write_text(json.dumps(SPEC))
    run("circuits", "add", "Hill", "wss://hill.example/", "--feed", "auto")
    with pytest.raises(UsageError, match=said):
        run("circuits", "edit", "hill", *arguments)
    [circuit] = json.loads(run("circuits", "list", "--json").stdout)
    assert circuit["feed"] == "auto"
