"""Wrappings that libraries put around messages."""

import base64
import gzip
import zlib

import pytest

from karttime.feeds.declared.transport import MAX_INFLATED, PREFIXES, inflate, unpack

ROWS = '{"rows":[1,2,3,4,5,6,7,8,9]}'


@pytest.mark.parametrize(
    ("name", "text", "inside"),
    [
        ("engine.io", '42["board",{"a":1}]', ['["board",{"a":1}]']),
        ("engine.io", "2", []),
        ("sockjs", 'a["{\\"msg\\":\\"ping\\"}"]', ['{"msg":"ping"}']),
        ("sockjs", "h", []),
        ("sse", 'event: put\ndata: {"a":1}\n\n', ['{"a":1}']),
        ("jsonp", 'callback({"a":1});', ['{"a":1}']),
        ("stomp", 'MESSAGE\ndestination:/topic/a\nmessage-id:1\n\n{"a":1}\x00', ['{"a":1}']),
        ("stomp", "\n", []),
        ("stomp", "CONNECTED\nversion:1.2\n\n\x00", []),
        (
            "packed",
            base64.b64encode(gzip.compress(b'{"rows":[1,2,3,4,5,6,7]}', mtime=0)).decode(),
            ['{"rows":[1,2,3,4,5,6,7]}'],
        ),
        ("packed", base64.b64encode(b'{"rows":[1,2,3,4,5,6,7,8,9]}').decode(), ['{"rows":[1,2,3,4,5,6,7,8,9]}']),
    ],
)
def test_what_is_inside(name: str, text: str, inside: list[str]) -> None:
    """Texts, none for what only keeps a connection alive."""
    assert PREFIXES[name](text) == inside


@pytest.mark.parametrize("name", PREFIXES)
@pytest.mark.parametrize("text", ['{"a":1}', "MESSAGES\n\nx", "a{", "hello world, this is a sentence of some length"])
def test_what_is_not_wrapped(name: str, text: str) -> None:
    """None: it is to be read as it is."""
    assert PREFIXES[name](text) is None


def test_what_grows_too_much_is_refused() -> None:
    """A bomb of zeros, and less where less is allowed."""
    assert inflate(zlib.compress(bytes(2 * MAX_INFLATED))) is None
    assert inflate(zlib.compress(bytes(2000)), most=1000) is None
    assert inflate(zlib.compress(bytes(2000)), most=3000) == bytes(2000)


def test_bytes_that_are_text() -> None:
    """Compressed or not; control bytes are none."""
    assert unpack(b'{"a":1}') == unpack(gzip.compress(b'{"a":1}')) == '{"a":1}'
    assert unpack(bytes(range(20))) is None
    assert unpack(b"\xff\xfe\xfd") is None
