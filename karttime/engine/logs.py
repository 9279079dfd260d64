"""What is logged, for people or for programs: one line each, and no secret in any of them.

`console`: `2026-05-30 09:00:00,120 INFO karttime.api.live: …`, with a traceback below where there is one. `json`: one
object a line, with `at` (UTC), `level`, `logger`, `message`, `process` and, for a fault of ours, `traceback`.

Keys, tokens and passwords are taken out of the finished text, wherever they came from: a library that logs a request,
an exception's text, a traceback. Control characters of what a feed or a client sent do not reach a terminal.
"""

import logging
import re
import sys
from typing import Final, Literal

import orjson

from karttime.domain.times import iso_from_ms

Form = Literal["console", "json"]

_NAMES: Final = "token|password|passwd|secret|apikey|api_key"
_SECRETS: Final = (
    (re.compile(r"kt_[0-9a-f]{8}_[0-9A-Za-z_-]{20,}"), "kt_***"),
    (re.compile(r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"), "***"),  # a JSON Web Token
    (re.compile(r"(?i)(\bbearer\s+)[^\s\"',;]+"), r"\1***"),
    (re.compile(rf"(?i)([?&\s\"'{{,](?:[\w-]*(?:{_NAMES}))[\"']?\s*[=:]\s*[\"']?)[^&\s\"',;}}]+"), r"\1***"),
    (re.compile(r"(://[^/?#@:\s]*):[^@/\s]+@"), r"\1:***@"),
)  # fmt: skip
_CONTROLS: Final = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}


def redacted(text: str) -> str:
    """The text without keys, tokens and passwords, and without control characters but those of its lines."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text.translate(_CONTROLS)


class ConsoleFormatter(logging.Formatter):
    """For people."""

    def __init__(self, who: str = "") -> None:
        super().__init__(f"%(asctime)s %(levelname)s {who}%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class JsonFormatter(logging.Formatter):
    """For programs."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": iso_from_ms(round(record.created * 1000)),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            "process": record.process,
        }
        if record.exc_info:
            told["traceback"] = redacted(self.formatException(record.exc_info))
        return orjson.dumps(told, default=str).decode()


def configure(level: str, form: Form, who: str = "") -> None:
    """Log to standard error, whatever logged there before.

    Args:
        level: from which on.
        form: for people or for programs.
        who: stands before the logger's name, for people.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else ConsoleFormatter(who))
    logging.basicConfig(level=level, handlers=[handler])
