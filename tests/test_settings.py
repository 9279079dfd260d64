"""Settings: where they come from, and what a bad one is told."""

import re
from pathlib import Path

import pytest

from karttime import settings as module
from karttime.errors import UsageError
from karttime.settings import Settings, load


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_defaults_need_nothing() -> None:
    """Loopback, and an SQLite file in the user's folder."""
    settings = load(None)
    assert (settings.host, settings.port, settings.ws_max_reconnect_attempts) == ("127.0.0.1", 8000, 10)
    assert re.fullmatch(r"sqlite:///.+karttime\.db", settings.database_url)
    assert "https://kartingapp-fef5c.web.app" in settings.cors_origins


def test_arguments_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that was not given changes nothing."""
    file = tmp_path / ".env"
    file.write_text("PORT=1\nHOST=file\nLOG_LEVEL=error\nUNKNOWN=1\n")
    monkeypatch.setenv("PORT", "2")
    monkeypatch.setenv("HOST", "environment")
    settings = load(file, port=3, host=None)
    assert (settings.port, settings.host, settings.log_level) == (3, "environment", "ERROR")


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("*", ("*",)),
        ("https://a.example/, http://b.example:81", ("https://a.example", "http://b.example:81")),
        ('["https://a.example","https://b.example"]', ("https://a.example", "https://b.example")),
    ],
)
def test_origins_are_a_list_in_any_usual_notation(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]
) -> None:
    """Comma-separated or JSON, with or without a slash at the end."""
    monkeypatch.setenv("CORS_ORIGINS", text)
    assert load(None).cors_origins == origins


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "70000"),
        ("LOG_LEVEL", "loud"),
        ("DEBUG", "perhaps"),
        ("CORS_ORIGINS", "ftp://a.example"),
        ("RACE_MONITOR_URL", "race-monitor.example"),
        ("DATABASE_URL", "file.db"),
        ("WS_MAX_RECONNECT_ATTEMPTS", "-1"),
        ("ALLOW_PRIVATE", "perhaps"),
        ("ON_DEMAND_STOP_AFTER", "-1"),
        ("RECORD_KEEP_DAYS", "a week"),
        ("RECORD_KEEP_SIZE", "much"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """No traceback, and the value itself, which may be a secret, is not repeated."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        load(None)
    assert str(caught.value).startswith(f"bad setting {name}: ")
    assert "\n" not in str(caught.value)


def test_a_bad_database_address_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may hold a password."""
    monkeypatch.setenv("DATABASE_URL", "canary")
    with pytest.raises(UsageError) as caught:
        load(None)
    assert "canary" not in str(caught.value)


def test_an_env_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    """What to do about it, instead of a traceback."""
    (tmp_path / ".env").write_bytes(b"HOST=\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        load(tmp_path / ".env")


def test_the_table_of_the_docstring_is_complete() -> None:
    """Every setting is in it, and nothing else."""
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", module.__doc__ or "", re.MULTILINE)
    named = {name.strip(" `") for row in rows for name in row.split(",")}
    assert named == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("host", "given", "policy"),
    [
        ("127.0.0.1", None, "open"),
        ("127.8.8.8", None, "open"),
        ("::1", None, "open"),
        ("localhost", None, "open"),
        ("0.0.0.0", None, "app"),  # noqa: S104 - that is what is tested
        ("::", None, "app"),
        ("192.0.2.1", None, "app"),
        ("timing.example", None, "app"),
        ("127.0.0.1", " ALL ", "all"),
        ("0.0.0.0", "open", "open"),  # noqa: S104 - that is what is tested
    ],
)
def test_the_policy_follows_the_host_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch, host: str, given: str | None, policy: str
) -> None:
    """Open only where nobody else can reach it."""
    monkeypatch.setenv("HOST", host)
    if given is not None:
        monkeypatch.setenv("AUTH_POLICY", given)
    assert load(None).policy == policy


def test_every_setting_is_shown_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over the file; what acts is shown, also where it follows from another setting."""
    file = tmp_path / ".env"
    file.write_text("PORT=1\nHOST=0.0.0.0\nUNKNOWN=1\n")
    monkeypatch.setenv("PORT", "2")
    found = {setting.name: (setting.value, setting.source) for setting in module.shown(file)}
    assert found.keys() == {name.upper() for name in Settings.model_fields}
    assert (found["PORT"], found["HOST"]) == (("2", "environment"), ("0.0.0.0", ".env"))  # noqa: S104 - a text
    assert (found["DEBUG"], found["AUTH_POLICY"]) == (("false", "default"), ("app", "default"))
    assert found["CORS_ORIGINS"][0].startswith("https://kartingapp-fef5c.web.app,")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:canary@host/name",
        "postgresql://me:can:ary@canary@host/name",
        "postgresql://:canary@host/name",
        "postgresql://host/name?user=me&password=canary&x=1",
        "postgresql://host/name?sslpassword=canary",
    ],
)
def test_passwords_are_masked(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Wherever they stand in an address; the rest can be read."""
    monkeypatch.setenv("DATABASE_URL", url)
    [shown] = [setting for setting in module.shown(None) if setting.name == "DATABASE_URL"]
    assert "canary" not in shown.value
    assert "***" in shown.value
    assert "host" in shown.value


@pytest.mark.parametrize("url", ["sqlite:///C:/a@b.db", "postgresql://me@host:5432/name", "sqlite:////data/kart.db"])
def test_an_address_without_a_password_is_shown_whole(url: str) -> None:
    """Nothing to hide."""
    assert module.masked(url) == url


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine where nothing is said; a name, or a network with host bits, is told what is wanted."""
    assert load(None).trusted_proxies == ("127.0.0.0/8", "::1")
    monkeypatch.setenv("TRUSTED_PROXIES", " 10.0.0.7, fd00::/8,")
    assert load(None).trusted_proxies == ("10.0.0.7", "fd00::/8")
    for bad in ("proxy.example", "10.0.0.7/8", "*"):
        monkeypatch.setenv("TRUSTED_PROXIES", bad)
        with pytest.raises(UsageError, match="TRUSTED_PROXIES: addresses and networks such as"):
            load(None)
