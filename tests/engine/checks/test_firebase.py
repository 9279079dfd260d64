"""Firebase as far as signing in needs it."""

from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from karttime.engine.checks import firebase
from karttime.engine.checks.finding import Grade
from karttime.errors import KarttimeError

NOW = 1_767_268_800_000
GOOD = '{"type":"service_account","project_id":"my-project","private_key":"canary"}'


@pytest.mark.parametrize(
    ("installed", "wanted", "grade"),
    [(True, True, Grade.OK), (False, True, Grade.FAILURE), (False, False, Grade.WARNING)],
)
def test_the_library(installed: bool, wanted: bool, grade: Grade) -> None:
    """Missing it is a failure where signing in was asked for."""
    assert firebase.library(installed, wanted).grade is grade


@pytest.mark.parametrize(
    ("content", "mode", "grade", "says"),
    [
        (GOOD, 0o600, Grade.OK, "service account"),
        (GOOD, 0o644, Grade.WARNING, "everybody"),
        (GOOD.replace("my-", "your-"), 0o600, Grade.WARNING, "your-project"),
        ('{"type":"authorized_user"}', 0o600, Grade.FAILURE, "no service account"),
        ("[]", 0o600, Grade.FAILURE, "no service account"),
        ("-----BEGIN", 0o600, Grade.FAILURE, "no JSON"),
        ("", 0o600, Grade.FAILURE, "no JSON"),
    ],
)
def test_credentials(tmp_path: Path, content: str, mode: int, grade: Grade, says: str) -> None:
    """Read without Google's library, and nothing of the key is told."""
    path = tmp_path / "firebase.json"
    path.write_text(content)
    path.chmod(mode)
    finding = firebase.credentials(path, "my-project", wanted=True)
    assert finding.grade is grade
    assert says in finding.said
    assert "canary" not in finding.said + finding.advice


def test_no_credentials(tmp_path: Path) -> None:
    """Signing in needs none; checking for revocation does."""
    assert firebase.credentials(tmp_path / "x.json", "my-project", wanted=False).grade is Grade.OK
    assert firebase.credentials(tmp_path / "x.json", "my-project", wanted=True).grade is Grade.FAILURE


@pytest.mark.parametrize(
    ("took", "ahead_s", "grades"),
    [
        (120, 0, [Grade.OK, Grade.OK]),
        (5000, 0, [Grade.WARNING, Grade.OK]),
        (120, 20, [Grade.OK, Grade.WARNING]),
        (120, 900, [Grade.OK, Grade.FAILURE]),
    ],
)
def test_google(took: int, ahead_s: int, grades: list[Grade]) -> None:
    """How long it takes, and the clock."""
    answer = firebase.Answer(formatdate((NOW + took / 2) / 1000 - ahead_s, usegmt=True), NOW, NOW + took)
    assert [finding.grade for finding in firebase.google(lambda: answer)] == grades


def test_google_away() -> None:
    """A failure with what may be in the way; the clock was not compared."""

    def away() -> firebase.Answer:
        raise KarttimeError("the host name cannot be resolved")

    ask: Callable[[], firebase.Answer] = away
    first, clock = firebase.google(ask)
    assert (first.grade, clock.grade) == (Grade.FAILURE, Grade.UNCHECKED)
    assert "resolved" in first.said
    assert "proxy" in first.advice
