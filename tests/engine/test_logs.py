"""What is logged: for people, for programs, and nothing that is secret."""

import io
import logging
from collections.abc import Iterator

import orjson
import pytest

from karttime.engine.logs import ConsoleFormatter, Form, JsonFormatter, redacted

KEY = "kt_0f3c9a1b_" + "A" * 43
SECRETS = [
    (f"key {KEY} was used", KEY),
    (f"GET /circuits/x/live?format=v1&token={KEY[:20]} 101", KEY[:20]),
    ("GET /x?token=canary&x=1", "canary"),
    ("Authorization: Bearer canary.canary", "canary"),
    ("postgresql://karttime:canary@db/karttime is away", "canary"),
    ("connection failed: host=db password=canary user=x", "canary"),
    ('{"type":"auth","token":"canary"}', "canary"),
    ("id token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary", "canary"),
    ("https://api.example/v2?apiToken=canary", "canary"),
]


@pytest.fixture(params=["console", "json"])
def logged(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, io.StringIO, Form]]:
    """A logger of a test's own, and what it wrote."""
    stream, form = io.StringIO(), request.param
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else ConsoleFormatter("worker 7 "))
    logger = logging.getLogger(f"test.{form}")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream, form
    logger.removeHandler(handler)


def fail(logger: logging.Logger, text: str) -> None:
    """Log an exception with this text."""
    error = RuntimeError(text)
    try:
        raise error
    except RuntimeError:
        logger.exception("it failed")


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_a_secret_does_not_get_into_the_log(
    logged: tuple[logging.Logger, io.StringIO, Form], text: str, secret: str
) -> None:
    """Neither as a message, nor as an argument, nor in a traceback."""
    logger, stream, _ = logged
    logger.warning("said: %s", text)
    fail(logger, text)
    assert secret not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_what_is_no_secret_stays() -> None:
    """Words and addresses as they are."""
    for text in (
        "3 tokens: none",
        "wss://live.example.com:8313/",
        "sqlite:///C:/a@b.db",
        "key 3 of 4",
        "seq=7&epoch=x",
    ):
        assert redacted(text) == text


def test_a_line_is_an_object_or_a_line(logged: tuple[logging.Logger, io.StringIO, Form]) -> None:
    """What a feed sends cannot end a line of JSON, nor move a terminal's cursor."""
    logger, stream, form = logged
    logger.warning("team %s", "evil\x1b]0;x\x07\u009b2J\r")
    [line] = stream.getvalue().splitlines()
    if form == "json":
        told = orjson.loads(line)
        assert told.keys() == {"at", "level", "logger", "message", "process"}
        assert (told["level"], told["logger"]) == ("WARNING", "test.json")
        assert told["at"].endswith("Z")
    else:
        assert "WARNING worker 7 test.console: team evil]0;x2J" in line
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in line)


def test_a_fault_has_its_traceback(logged: tuple[logging.Logger, io.StringIO, Form]) -> None:
    """In one object, or below its line."""
    logger, stream, form = logged
    fail(logger, "no good")
    text = stream.getvalue()
    assert "RuntimeError: no good" in (orjson.loads(text)["traceback"] if form == "json" else text)
