"""The opening handshake of RFC 6455: a request in, the answer's bytes out."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import parse_qsl, unquote

import orjson

from karttime.api.deflate import agreed
from karttime.api.problem import MEDIA_TYPE, document, kind_of

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MAX_FIELDS: Final = 50  # of the query


class RefusedError(Exception):
    """The request is answered with HTTP and its connection closed."""

    def __init__(self, status: HTTPStatus, reason: str, *headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers

    def answer(self) -> bytes:
        """The HTTP response."""
        body = orjson.dumps(document(self.status, kind_of(self.status), str(self)))
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *self.headers,
        )
        return ("\r\n".join(head) + "\r\n\r\n").encode() + body


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a WebSocket.

    Attributes:
        path: decoded, without the query.
        query: its fields; of one that is repeated, the last.
        headers: by lower-case name; repeated ones joined by commas.
        subprotocols: in the client's order.
    """

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    subprotocols: tuple[str, ...]

    @classmethod
    def parse(cls, head: bytes) -> Self:
        """The request of an HTTP message that an HTTP server has found to be one. Raises `RefusedError`."""
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        method, _, rest = first.partition(" ")
        target, _, _version = rest.rpartition(" ")
        _check(method, headers)
        path, _, query = target.partition("?")
        try:
            fields = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the query has too many fields") from None
        offered = headers.get("sec-websocket-protocol", "")
        subprotocols = tuple(name.strip() for name in offered.split(",") if _TOKEN.fullmatch(name.strip()))
        return cls(unquote(path), fields, headers, subprotocols)

    @property
    def compression(self) -> str | None:
        """What to answer to an offer of permessage-deflate, None where there is none that can be accepted."""
        return agreed(self.headers.get("sec-websocket-extensions", ""))

    def answer(self, subprotocol: str | None, extension: str | None = None) -> bytes:
        """The response that opens the WebSocket, with what was agreed on."""
        key = self.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept}")
        if subprotocol is not None:
            lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
        if extension is not None:
            lines.append(f"Sec-WebSocket-Extensions: {extension}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _check(method: str, headers: Mapping[str, str]) -> None:
    if method != "GET":
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "a WebSocket is opened with GET", "Allow: GET")
    if headers.get("sec-websocket-version") != "13":
        raise RefusedError(
            HTTPStatus.UPGRADE_REQUIRED, "WebSocket version 13 is spoken here", "Sec-WebSocket-Version: 13"
        )
    try:
        key = base64.b64decode(headers.get("sec-websocket-key", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 16:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is 16 bytes in base64")
