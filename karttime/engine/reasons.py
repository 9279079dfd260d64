"""Why a connection failed, in one sentence for a person: the table that translates what the libraries raise.

Whatever the other side says (close reasons, status lines) is hostile text and is cleaned before it goes into a
sentence.
"""

import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.frames import Close

from karttime.domain.display import clean

READING_ERRORS: Final = (OSError, WebSocketException, EOFError)
"""What reading from a connection raises."""

OPENING_ERRORS: Final = (*READING_ERRORS, ValueError)
"""What opening a connection raises; `ValueError` is an address that cannot be taken apart or encoded."""

_CODES: Final[dict[int, str]] = {
    1000: "closed the connection",
    1001: "is going away (a restart or a shutdown)",
    1002: "says that we broke the WebSocket protocol",
    1005: "closed the connection without a reason",
    1006: "vanished without closing the connection",
    1007: "says that we sent damaged text",
    1008: "refuses us by its policy",
    1009: "says that we sent too much",
    1011: "had an internal error",
    1012: "is restarting",
    1013: "is overloaded and asks to try later",
    1014: "is a gateway whose own upstream failed",
}

_OURS: Final[dict[int, str]] = {
    1002: "the server broke the WebSocket protocol",
    1007: "the server sent damaged text",
    1009: "the server sent a message that is larger than allowed",
    1011: "the server stopped answering pings",
}

_STATUS: Final[dict[int, str]] = {
    401: "it wants a login",
    403: "access is forbidden",
    404: "there is no feed at this path",
    426: "it does not speak WebSocket here",
    429: "too many connections",
    502: "the timing server behind it is down",
    503: "it is out of service for now",
}

_ERRNO: Final[dict[int, str]] = {
    errno.ECONNREFUSED: "the server refuses connections at this port",
    errno.EHOSTUNREACH: "there is no route to the server",
    errno.ENETUNREACH: "this machine has no network",
    errno.ETIMEDOUT: "the server does not answer",
    errno.EMFILE: "this process has too many files open",
}


def _closed(error: ConnectionClosed) -> str:
    if error.sent is not None and not error.rcvd_then_sent:
        known = _OURS.get(error.sent.code)
        if known is not None:
            return known
    if error.rcvd is None:
        return f"the server {_CODES[1006]}"
    return _their_close(error.rcvd)


def _their_close(close: Close) -> str:
    text = f"the server {_CODES.get(close.code, 'closed the connection')} (code {close.code}"
    said = clean(close.reason, 120)
    return f"{text}: {said})" if said else f"{text})"


def _refused(error: InvalidStatus) -> str:
    status = error.response.status_code
    if 300 <= status < 400:
        return f"the server redirects elsewhere (HTTP {status}), which is not followed: use the final address"
    why = _STATUS.get(status)
    return f"the server answered HTTP {status}" + (f": {why}" if why else " instead of opening a WebSocket")


def _system(error: OSError) -> str:
    known = _ERRNO.get(error.errno or 0)
    return known or f"the connection failed ({clean(error.strerror or str(error), 120)})"


_HUNG_UP: Final = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)

_REASONS: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str | Callable[[Any], str]], ...]] = (
    (ConnectionClosed, _closed),
    (InvalidStatus, _refused),
    (InvalidURI, "the address is not a WebSocket address"),
    (InvalidMessage, "the server does not speak HTTP at this port"),
    (InvalidHandshake, lambda error: f"the WebSocket handshake failed ({clean(str(error), 120)})"),
    (
        ssl.SSLCertVerificationError,
        lambda error: f"the server's certificate is not trusted ({clean(error.verify_message, 120)})",
    ),
    (ssl.SSLError, "no TLS connection could be made: the server may want ws:// instead of wss:// at this port"),
    (socket.gaierror, "the host name cannot be resolved: check the address and this machine's network"),
    (_HUNG_UP, "the server hung up before the connection stood: check the port, and ws:// against wss://"),
    (TimeoutError, "the server did not answer in time"),
    (UnicodeError, "the host name is not a valid one"),
    (ValueError, "the address is not a WebSocket address"),
    (OSError, _system),
)
"""The first type that fits counts, so subclasses stand before their bases."""


def explain(error: Exception) -> str:
    """The reason behind an error of opening or reading a connection, as one sentence."""
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason if isinstance(reason, str) else reason(error)
    return f"the connection failed ({clean(str(error), 120)})"
