"""The gates that look for dangerous code, which `.ci/run` holds against ours, find everything that is planted."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).parents[1]
RULES = ROOT / ".ci" / "semgrep.yaml"

PLANTED = {
    "no-execution-of-data": [
        "exec(text)",
        "eval(text)",
        "compile(text, 'x', 'exec')",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "importlib.import_module(text)",
    ],
    "no-objects-from-bytes": [
        "pickle.loads(text)",
        "pickle.load(text)",
        "marshal.loads(text)",
        "shelve.open(text)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
    ],
    "no-sql-from-text": [
        "db.execute(f'SELECT * FROM laps WHERE id = {text}')",
        "db.execute('SELECT * FROM laps WHERE id = ' + text)",
        "db.execute('SELECT * FROM laps WHERE id = %s' % text)",
        "db.execute('SELECT * FROM laps WHERE id = {}'.format(text))",
        "db.executemany(f'INSERT INTO {text} VALUES (?)', [])",
        "db.execute(sqlalchemy.text(f'SELECT {text}'))",
        "query = f'DELETE FROM {text}'\n    db.execute(query)",
    ],
    "no-unverified-tls": [
        "ssl._create_unverified_context()",
        "context.check_hostname = False",
        "httpx.Client(verify=False)",
    ],
}
PLANTED_SCRIPT = ["document.body.innerHTML = text;", "eval(text);", "node.insertAdjacentHTML('beforeend', text);"]
IMPORTS = "import importlib, marshal, os, pickle, shelve, ssl, subprocess\nimport httpx, sqlalchemy, yaml\n\n"
BANDIT = {"exec(text)": "B102", "eval(text)": "B307", "pickle.loads(text)": "B301", "yaml.load(text)": "B506"}


def program(name: str) -> str:
    """A tool beside this Python, or in an environment of its own below it; semgrep pins what others pin otherwise."""
    here = Path(sys.executable).parent
    found = shutil.which(name, path=f"{here}:{here.parent / name / 'bin'}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def planted(folder: Path) -> list[str]:
    """Files with one fault in each function; the faults."""
    faults = [fault for group in PLANTED.values() for fault in group]
    functions = [
        f"def planted_{n}(text, db, context):\n    {fault}\n    return None\n" for n, fault in enumerate(faults)
    ]
    (folder / "planted.py").write_text(IMPORTS + "\n\n".join(functions))
    (folder / "planted.js").write_text("".join(f"function f{n}() {{ {it} }}\n" for n, it in enumerate(PLANTED_SCRIPT)))
    return faults


def semgrep(*paths: Path) -> Counter[str]:
    """How often each rule is broken."""
    options = ("--metrics=off", "--disable-version-check", "--no-git-ignore", "--quiet", "--json", "--jobs=1")
    command = [program("semgrep"), "scan", f"--config={RULES}", *options, *map(str, paths)]
    result = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"SEMGREP_SEND_METRICS": "off"})
    report = orjson.loads(result.stdout)
    assert not report["errors"], report["errors"]
    return Counter(found["check_id"].rpartition(".")[2] for found in report["results"])


def test_semgrep_finds_every_planted_fault(tmp_path: Path) -> None:
    """Each line that must not be written is found by its rule, once."""
    planted(tmp_path)
    expected = {rule: len(faults) for rule, faults in PLANTED.items()} | {"no-html-from-data": len(PLANTED_SCRIPT)}
    assert semgrep(tmp_path) == expected


def test_both_gates_are_held_against_ours() -> None:
    """In the order of their cost, as `.ci/run` has it."""
    run = (ROOT / ".ci" / "run").read_text()
    assert re.search(r"^say \"bandit\"; bandit -q -ll -r karttime", run, re.MULTILINE)
    assert re.search(
        r"^say \"semgrep\"; .*semgrep scan --config=\.ci/semgrep\.yaml --error .* karttime", run, re.MULTILINE
    )


def test_every_rule_is_planted() -> None:
    """A rule without a proof is none."""
    rules = set(re.findall(r"^  - id: (\S+)", RULES.read_text(), re.MULTILINE))
    assert rules == PLANTED.keys() | {"no-html-from-data"}


def test_bandit_finds_planted_faults(tmp_path: Path) -> None:
    """Of medium severity and above."""
    faults = planted(tmp_path)
    command = [program("bandit"), "-q", "-ll", "-f", "json", "-r", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, check=False)
    found = orjson.loads(result.stdout)["results"]
    codes = {(it["test_id"], it["code"]) for it in found}
    for fault, code in BANDIT.items():
        assert fault in faults
        assert any(code == test and fault in text for test, text in codes), fault
