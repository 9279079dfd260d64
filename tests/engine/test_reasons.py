import errno
import socket
import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidStatus,
    InvalidUpgrade,
    InvalidURI,
    ProtocolError,
)
from websockets.frames import Close
from websockets.http11 import Response

from karttime.engine.reasons import explain


def _status(code: int) -> InvalidStatus:
    return InvalidStatus(Response(code, "as it says", Headers()))


def _untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionClosedOK(Close(1000, ""), Close(1000, ""), True), "closed the connection (code 1000)"),
        (ConnectionClosedOK(Close(1001, ""), Close(1001, ""), True), "going away"),
        (ConnectionClosedError(Close(1012, "back at nine"), None), "is restarting (code 1012: back at nine)"),
        (ConnectionClosedError(Close(4000, ""), None), "closed the connection (code 4000)"),
        (ConnectionClosedError(None, None), "vanished"),
        (ConnectionClosedError(None, Close(1009, "")), "larger than allowed"),
        (ConnectionClosedError(None, Close(1011, "keepalive ping timeout")), "stopped answering pings"),
        (ConnectionClosedError(None, Close(1002, "")), "broke the WebSocket protocol"),
        (ConnectionClosedError(Close(1009, ""), Close(1009, ""), True), "says that we sent too much"),
        (_status(404), "no feed at this path"),
        (_status(302), "redirects elsewhere"),
        (_status(418), "HTTP 418 instead of opening a WebSocket"),
        (InvalidURI("x", "y"), "not a WebSocket address"),
        (InvalidMessage("did not receive a valid HTTP response"), "does not speak HTTP"),
        (InvalidUpgrade("Upgrade", "h2"), "handshake failed"),
        (ProtocolError("odd"), "connection failed (odd)"),
        (_untrusted(), "not trusted (self-signed certificate)"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "may want ws://"),
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved"),
        (TimeoutError(), "did not answer in time"),
        (UnicodeError("label too long"), "host name is not a valid one"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "refuses connections"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "hung up before the connection stood"),
        (ValueError("Invalid IPv6 URL"), "not a WebSocket address"),
        (OSError(errno.EIO, "Input/output error"), "connection failed (Input/output error)"),
        (OSError("Multiple exceptions: …"), "connection failed (Multiple exceptions"),
    ],
)
def test_every_failure_has_a_sentence_for_a_person(error: Exception, words: str) -> None:
    reason = explain(error)
    assert words in reason
    assert "\n" not in reason
    assert not reason.endswith(".")


def test_what_the_server_says_cannot_carry_escape_sequences() -> None:
    reason = explain(ConnectionClosedError(Close(4000, "\x1b]0;owned\x07\x9b31m\u202e"), None))
    assert reason.isprintable()
    assert "owned" in reason
