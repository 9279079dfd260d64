"""The opening handshake, as bytes."""

import pytest

from karttime.api.handshake import RefusedError, Request

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def head(target: str = "/", *lines: str, method: str = "GET", key: str = KEY, version: str = "13") -> bytes:
    fields = [f"{method} {target} HTTP/1.1", "Host: kart.example", f"Sec-WebSocket-Version: {version}"]
    return "\r\n".join([*fields, f"Sec-WebSocket-Key: {key}", *lines, "", ""]).encode("latin-1")


def test_the_answer_is_that_of_the_standard() -> None:
    """The sample of RFC 6455, 1.3."""
    answer = Request.parse(head()).answer(None).decode()
    assert answer.startswith("HTTP/1.1 101 Switching Protocols\r\n")
    assert "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert answer.endswith("\r\n\r\n")
    assert "Protocol" not in answer.split("\r\n", 1)[1]


def test_the_agreed_subprotocol_is_named() -> None:
    """And only that one."""
    answer = Request.parse(head()).answer("karttime.v1").decode()
    assert "\r\nSec-WebSocket-Protocol: karttime.v1\r\n" in answer


def test_path_query_and_headers_are_decoded() -> None:
    """Percent signs, plus signs, repeated headers and subprotocols that are no words."""
    request = Request.parse(
        head("/circuits/a%20b/live?format=x&seq=&seq=2&q=1%2B1", "Origin: https://a", "ORIGIN: https://b",
             "Sec-WebSocket-Protocol: one, two", "Sec-WebSocket-Protocol: b\u00e4d, three")
    )  # fmt: skip
    assert request.path == "/circuits/a b/live"
    assert request.query == {"format": "x", "seq": "2", "q": "1+1"}
    assert request.headers["origin"] == "https://a, https://b"
    assert request.headers["host"] == "kart.example"
    assert request.subprotocols == ("one", "two", "three")


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(method="POST"), 405),
        (head(version="8"), 426),
        (head(key="short"), 400),
        (head(key="dGhlIHNhbXBsZSBub25jZQ"), 400),
        (head(key="\u00e4" * 24), 400),
        (head("/", f"Sec-WebSocket-Key: {KEY}"), 400),  # two keys
        (head("/?" + "&".join(f"f{n}=1" for n in range(100))), 400),
        (b"GET / HTTP/1.1\r\n\r\n", 426),
    ],
)
def test_what_is_no_good_request_is_refused_with_a_reason(request_head: bytes, status: int) -> None:
    """An HTTP answer of the right length, and the version that is spoken."""
    with pytest.raises(RefusedError) as caught:
        Request.parse(request_head)
    answer, _, body = caught.value.answer().partition(b"\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert f"Content-Length: {len(body)}".encode() in answer
    assert body.strip()
    assert (b"Sec-WebSocket-Version: 13" in answer) == (status == 426)


def test_the_agreed_extension_is_named() -> None:
    """As it was offered in several headers; without an offer there is none."""
    name = "Sec-WebSocket-Extensions"
    request = Request.parse(head("/", f"{name}: mux", f"{name}: permessage-deflate; server_max_window_bits=15"))
    answer = request.answer(None, request.compression).decode()
    assert "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_con" in answer
    assert "server_max_window_bits=12\r\n" in answer
    assert Request.parse(head()).compression is None
    assert "Extensions" not in request.answer(None).decode()
