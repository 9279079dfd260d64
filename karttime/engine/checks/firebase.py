"""Firebase, for signing in: what is installed, its credentials, whether Google answers, and the clock against it."""

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.checks.machine import clock, skew_s
from karttime.errors import KarttimeError

GOOGLE: Final = "www.googleapis.com"
SLOW_MS: Final = 2000
_AREA: Final = "firebase"
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Google's answer to a small question: its `Date`, and when it was asked and had answered, ms UTC."""

    date: str
    asked_ms: int
    answered_ms: int


def library(installed: bool, wanted: bool) -> Finding:
    """Whether Google's library is there."""
    if installed:
        return Finding(_AREA, Grade.OK, "Google's library is installed")
    grade = Grade.FAILURE if wanted else Grade.WARNING
    return Finding(_AREA, grade, "Google's library is not installed", "pip install 'karttime[firebase]'")


def credentials(path: Path, project: str, *, wanted: bool) -> Finding:
    """Whether the service account's file can be read, is one, is of the project, and is nobody else's to read."""
    path = path.expanduser()
    try:
        if not path.exists() and not wanted:
            return Finding(_AREA, Grade.OK, f"no service account at {path}, and none is needed for signing in")
        content = json.loads(path.read_bytes()[:_LARGEST])
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no JSON"
        return Finding(_AREA, Grade.FAILURE, f"{path}: {why}", "Download the service account's key, or name its file.")
    if not isinstance(content, dict) or content.get("type") != "service_account" or not content.get("private_key"):
        return Finding(_AREA, Grade.FAILURE, f"{path} is no service account's key", "Download it from the console.")
    of = str(content.get("project_id"))
    if of != project:
        said = f"{path} is of project {of}, and FIREBASE_PROJECT_ID is {project}"
        return Finding(_AREA, Grade.WARNING, said, "One of both is wrong, most likely.")
    if mode & stat.S_IROTH:
        return Finding(_AREA, Grade.WARNING, f"everybody on this machine can read {path}", f"chmod 600 {path}")
    return Finding(_AREA, Grade.OK, f"{path}: a service account of {project}")


def google(ask: Callable[[], Answer]) -> list[Finding]:
    """Whether Google's certificates can be fetched, how long that takes, and the clock. Blocks for seconds at most."""
    try:
        answer = ask()
    except KarttimeError as error:
        advice = "The network, a proxy (HTTPS_PROXY, REQUESTS_CA_BUNDLE), or a log-in page. API keys work without."
        return [
            Finding(_AREA, Grade.FAILURE, f"Google's certificates cannot be fetched: {error}", advice),
            clock(GOOGLE, None),
        ]
    took = answer.answered_ms - answer.asked_ms
    said, figures = f"Google's certificates came after {took} ms", {"took_ms": took}
    slow = took > SLOW_MS
    advice = "The network is slow: the first sign-in of each person waits for it." if slow else ""
    return [
        Finding(_AREA, Grade.WARNING if slow else Grade.OK, said, advice, figures),
        clock(GOOGLE, skew_s(answer.date, answer.asked_ms, answer.answered_ms)),
    ]
