"""What `SECURITY.md` promises is there: every threat, with tests that exist; and the list of dependencies is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = re.findall(r"^\| (T\d+) \| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)


def test_every_threat_has_a_row_with_a_defence() -> None:
    """T1 to T23 at least, in order."""
    assert len(ROWS) >= 23
    assert [number for number, *_ in ROWS] == [f"T{n}" for n in range(1, len(ROWS) + 1)]
    assert all(len(threat) > 10 and len(defence) > 20 for _, threat, defence, _ in ROWS)


@pytest.mark.parametrize(("number", "proof"), [(number, proof) for number, _, _, proof in ROWS])
def test_the_tests_that_prove_it_exist(number: str, proof: str) -> None:
    """Files, and where one is named, the test in it."""
    named = re.findall(r"`(tests/[^`]+)`", proof)
    assert named, number
    for path, _, name in (it.partition("::") for it in named):
        text = (ROOT / path).read_text()
        assert re.search(rf"^(async )?def {name or 'test_'}", text, re.MULTILINE), f"{path} has no {name}"


def test_the_list_of_dependencies_is_what_is_installed() -> None:
    """Names, versions and licences; anew with `python .ci/sbom.py`."""
    pytest.importorskip("firebase_admin")
    pytest.importorskip("psycopg")
    subprocess.run([sys.executable, str(ROOT / ".ci" / "sbom.py"), "--check"], check=True)
