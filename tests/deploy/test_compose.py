"""The compose file keeps the rules of a machine that is reached from outside; each rule notices when it is broken."""

import copy
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from karttime.cli.example import COMPOSE

FILE = Path(__file__).parents[2] / "deploy" / "compose.yaml"
TEXT = FILE.read_text(encoding="utf-8")
Compose = dict[str, Any]


@pytest.fixture
def compose() -> Compose:
    """The file, as YAML says it."""
    loaded: Compose = yaml.safe_load(TEXT)
    return loaded


def faults(compose: Compose) -> Iterator[str]:
    """What is against the rules."""
    for name, service in compose["services"].items():
        for rule, kept in _RULES.items():
            if not kept(name, service):
                yield f"{name}: {rule}"
    order = {name: set(service.get("depends_on", {})) for name, service in compose["services"].items()}
    if order != {"postgres": set(), "api": {"postgres"}, "nginx": {"api"}}:
        yield "each service waits for the one behind it"
    if not compose["networks"]["inside"].get("internal"):
        yield "the database's network leads nowhere"


def _values(service: Compose) -> list[str]:
    environment = service.get("environment", {})
    return [f"{name}={value}" for name, value in environment.items()]


def _waits_for_health(_name: str, service: Compose) -> bool:
    return all(it == {"condition": "service_healthy"} for it in service.get("depends_on", {}).values())


def _secrets_are_required(_name: str, service: Compose) -> bool:
    """A password, a secret, a key or a token is a variable without a default."""
    secret = re.compile(r"pass|secret|token|_key", re.IGNORECASE)
    return all(
        re.fullmatch(r"\$\{\w+:\?[^}]+\}", value.partition("=")[2])
        for value in _values(service)
        if secret.search(value.partition("=")[0])
    ) and not any(re.search(r"://[^/$]*:[^$][^@]*@", value) for value in _values(service))


def _only_nginx_is_reached(name: str, service: Compose) -> bool:
    ports = service.get("ports", [])
    if name == "nginx":
        return bool(ports == ["80:8080", "443:8443"] and service["profiles"] == ["production"])
    return not ports if name == "postgres" else all(port.startswith("127.0.0.1:") for port in ports)


_RULES: dict[str, Callable[[str, Compose], bool]] = {
    "drops every capability": lambda _, it: it.get("cap_drop") == ["ALL"] and "cap_add" not in it,
    "gains no privileges": lambda _, it: it.get("security_opt") == ["no-new-privileges:true"],
    "is not privileged": lambda _, it: not it.get("privileged") and it.get("network_mode") != "host",
    "cannot write its root": lambda _, it: it.get("read_only") is True,
    "is not root": lambda _, it: re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(it.get("user"))) is not None,
    "has bounded memory": lambda _, it: re.fullmatch(r"\d+m", str(it.get("mem_limit"))) is not None,
    "has bounded processes": lambda _, it: isinstance(it.get("pids_limit"), int),
    "says whether it is well": lambda _, it: bool(it.get("healthcheck", {}).get("test")),
    "waits until others are well": _waits_for_health,
    "starts again": lambda _, it: it.get("restart") == "unless-stopped",
    "keeps bounded logs": lambda _, it: "max-size" in it.get("logging", {}).get("options", {}),
    "has a pinned image": lambda _, it: re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", it["image"]) is not None,
    "requires its secrets": _secrets_are_required,
    "is not published but by nginx": _only_nginx_is_reached,
    "gets no socket of the engine": lambda _, it: "docker.sock" not in str(it.get("volumes", "")),
    "mounts only to read": lambda _, it: all(
        volume.endswith(":ro") for volume in it.get("volumes", []) if volume.startswith((".", "/", "$"))
    ),
}


def test_the_file_keeps_every_rule(compose: Compose) -> None:
    """None is broken."""
    assert list(faults(compose)) == []


BREAKS: dict[str, Callable[[Compose], object]] = {
    "drops every capability": lambda it: it["api"].update(cap_drop=["NET_RAW"]),
    "gains no privileges": lambda it: it["api"].pop("security_opt"),
    "is not privileged": lambda it: it["nginx"].update(privileged=True),
    "cannot write its root": lambda it: it["api"].update(read_only=False),
    "is not root": lambda it: it["postgres"].pop("user"),
    "has bounded memory": lambda it: it["postgres"].pop("mem_limit"),
    "has bounded processes": lambda it: it["nginx"].pop("pids_limit"),
    "says whether it is well": lambda it: it["api"].pop("healthcheck"),
    "waits until others are well": lambda it: it["api"].update(depends_on={"postgres": {"condition": "x"}}),
    "starts again": lambda it: it["api"].pop("restart"),
    "keeps bounded logs": lambda it: it["api"].pop("logging"),
    "has a pinned image": lambda it: it["postgres"].update(image="postgres:latest"),
    "requires its secrets": lambda it: it["postgres"]["environment"].update(POSTGRES_PASSWORD="${P:-karttime}"),  # noqa: S106 - the fault that is planted
    "is not published but by nginx": lambda it: it["postgres"].update(ports=["5432:5432"]),
    "gets no socket of the engine": lambda it: it["api"].update(volumes=["/var/run/docker.sock:/x:ro"]),
    "mounts only to read": lambda it: it["nginx"].update(volumes=["./nginx:/etc/nginx"]),
}


@pytest.mark.parametrize("rule", [*_RULES, "each service waits", "leads nowhere", "a default password in an address"])
def test_a_broken_rule_is_noticed(compose: Compose, rule: str) -> None:
    """One planted fault for each rule, and that one is told."""
    broken = copy.deepcopy(compose)
    if rule == "leads nowhere":
        broken["networks"]["inside"] = {}
    elif rule == "each service waits":
        broken["services"]["nginx"].pop("depends_on")
    elif rule == "a default password in an address":
        broken["services"]["api"]["environment"]["DATABASE_URL"] = "postgresql://karttime:karttime@postgres/karttime"
        rule = "requires its secrets"
    else:
        BREAKS[rule](broken["services"])
    assert any(rule in fault for fault in faults(broken))


def test_the_variables_are_those_of_the_example() -> None:
    """What the compose file asks for is in `.env.example`, and nothing else is there for it."""
    assert set(re.findall(r"\$\{(\w+)", TEXT)) == {variable.name for variable in COMPOSE}


def test_a_password_must_be_given(tmp_path: Path) -> None:
    """The compose program itself takes the file, and refuses it without a password."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    deploy = tmp_path / "deploy"
    shutil.copytree(FILE.parent, deploy)
    (deploy / ".env").write_text("POSTGRES_PASSWORD=canary\n")
    check = [program, "-f", "compose.yaml", "--profile", "production", "config", "-q"]
    subprocess.run(check, cwd=deploy, check=True, capture_output=True)
    (deploy / ".env").write_text((deploy / ".env.example").read_text())
    refused = subprocess.run(check, cwd=deploy, check=False, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "write a password into .env" in refused.stderr


def test_the_override_of_the_page_is_taken(tmp_path: Path) -> None:
    """What docs/operators.md says about Firebase is YAML that the compose program merges."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    page = (FILE.parents[1] / "docs" / "operators.md").read_text(encoding="utf-8")
    [override] = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    deploy = tmp_path / "deploy"
    shutil.copytree(FILE.parent, deploy)
    (deploy / ".env").write_text("POSTGRES_PASSWORD=canary\n")
    (deploy / "compose.override.yaml").write_text(override)
    command = [program, "-f", "compose.yaml", "-f", "compose.override.yaml", "config"]
    merged = subprocess.run(command, cwd=deploy, check=True, capture_output=True, text=True).stdout
    assert (
        yaml.safe_load(merged)["services"]["api"]["environment"]["FIREBASE_CREDENTIALS_PATH"] == "/run/secrets/firebase"
    )
