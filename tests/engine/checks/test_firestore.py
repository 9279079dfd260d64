"""Firestore as `karttime doctor` sees it, on Google's own emulator."""

from pathlib import Path

import pytest

from karttime.circuits.firestore_remote import FirestoreOptions
from karttime.engine.checks import firestore as checks
from karttime.engine.checks.finding import Grade
from karttime.engine.clock import Clock
from tests.api.google import service_account
from tests.firebase import emulator
from tests.firebase.rest import Rest


@pytest.fixture
def options(firestore: int, project: str) -> FirestoreOptions:
    """A project of its own."""
    return FirestoreOptions(project, emulator=f"127.0.0.1:{firestore}")


def grades(options: FirestoreOptions) -> list[Grade]:
    return [finding.grade for finding in checks.circuits(options)]


def test_circuits_that_can_be_read(options: FirestoreOptions, firestore: int) -> None:
    """How many, how long it took, and the clock; one that is no circuit is named and changes nothing else."""
    rest = Rest(options.project, firestore)
    rest.put("circuits/hill", nom="Hill", wssUrl="wss://hill.example/")
    assert grades(options) == [Grade.OK, Grade.WARNING, Grade.OK]  # this emulator has no rules
    rest.put("circuits/evil", nom="Evil\x1b]0;x\x07\u202e", wssUrl="http://evil.example/\u202e")
    first, odd, _rules, clock = checks.circuits(options)
    assert first.figures["documents"] == 2
    assert (odd.grade, clock.grade) == (Grade.WARNING, Grade.OK)
    assert "evil" in odd.said
    assert not any(char in odd.said for char in "\x1b\x07\u202e")


def test_a_slow_network_and_a_wrong_clock(options: FirestoreOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning and a failure."""
    monkeypatch.setattr(checks, "SLOW_MS", -1)
    ahead = Clock(wall_ms=lambda: Clock().wall_ms() + 3_600_000)
    assert [finding.grade for finding in checks.circuits(options, ahead)] == [
        Grade.WARNING,
        Grade.WARNING,
        Grade.FAILURE,
    ]


def test_nobody_answers() -> None:
    """A failure within seconds, with what goes on all the same."""
    [finding] = checks.circuits(FirestoreOptions("some-project", emulator="127.0.0.1:1", timeout_s=0.5))
    assert finding.grade is Grade.FAILURE
    assert "known last" in finding.advice


@pytest.mark.parametrize("content", [None, "{}", "-----BEGIN"])
def test_a_key_that_is_none(tmp_path: Path, content: str | None) -> None:
    """A failure, without what is in the file."""
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    [finding] = checks.circuits(FirestoreOptions("some-project", path, emulator=""))
    assert finding.grade is Grade.FAILURE
    assert "some-project" not in finding.advice
    assert "BEGIN" not in finding.said


def test_a_key_is_read_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good key and no network: Google does not answer, and the key's content is told nobody."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    options = FirestoreOptions("kartingapp-fef5c", service_account(tmp_path), emulator="", timeout_s=0.5)
    [finding] = checks.circuits(options)
    assert finding.grade is Grade.FAILURE
    assert "PRIVATE" not in finding.said


def test_a_project_without_rules_is_open_to_anybody(options: FirestoreOptions, firestore: int) -> None:
    """A warning; what was tried changed nothing."""
    Rest(options.project, firestore).put("circuits/hill", nom="Hill", wssUrl="wss://hill.example/")
    finding = checks.rules(options)
    assert finding.grade is Grade.WARNING
    assert "may read and change" in finding.said
    assert checks.circuits(options)[0].figures["documents"] == 1


def test_rules_that_demand_a_sign_in(tmp_path: Path) -> None:
    """By Google's own interpreter of rules; the service's key is not bound by them."""
    path = tmp_path / "firestore.rules"
    allowed = "match /{all=**} { allow read, write: if request.auth != null; }"
    path.write_text(
        f"rules_version = '2'; service cloud.firestore {{ match /databases/{{d}}/documents {{ {allowed} }} }}"
    )
    port = emulator.free_port()
    process = emulator.start(port, "--rules", str(path))
    try:
        options = FirestoreOptions("demo-rules", emulator=f"127.0.0.1:{port}")
        finding = checks.rules(options)
        assert (finding.grade, "keep out" in finding.said) == (Grade.OK, True), finding.said
        assert checks.circuits(options)[0].grade is Grade.OK
    finally:
        emulator.stop(process.pid)


def test_rules_that_cannot_be_tried_are_no_verdict() -> None:
    finding = checks.rules(FirestoreOptions("some-project", emulator="127.0.0.1:1", timeout_s=0.5))
    assert finding.grade is Grade.UNCHECKED
