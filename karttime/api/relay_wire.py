"""What the process that collects and its workers say to one another, over a Unix socket of their own.

```
 kind (1 byte)   number (4 bytes)   length of the payload (4 bytes)   payload
```

| from | kind | number | payload |
|---|---|---|---|
| worker | `OPEN` | client | the request for a WebSocket, as JSON |
| worker | `SAID` | client | a text message of the client |
| worker | `ASK` | client | one byte: whether its backlog was given up |
| worker | `LOST` | client | one byte: whether it was cut off |
| collector | `BEGIN` | client | number of its group in 4 bytes, then its first frames |
| collector | `FRAMES` | group | frames for everybody in it |
| collector | `REFILL` | client | the snapshot that was asked for |
| collector | `SEND` | client | frames for it alone |
| collector | `CLOSE` | client | code in 2 bytes, then the reason |
| collector | `RESTART` | group | nothing: what was to be sent is lost, each client asks for a snapshot |
| collector | `FORGET` | group | nothing: nobody is in it any more |

Order is what it rests on: what comes after a client's `BEGIN` or `REFILL` for its group follows that snapshot.
"""

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

import orjson

from karttime.api.handshake import Request

MAX_PAYLOAD: Final = 64 * 1024 * 1024
_HEAD: Final = struct.Struct("!BII")
_NUMBER: Final = struct.Struct("!I")
_CODE: Final = struct.Struct("!H")


class Kind(IntEnum):
    """What a message is."""

    OPEN = 1
    SAID = 2
    ASK = 3
    LOST = 4
    BEGIN = 5
    FRAMES = 6
    REFILL = 7
    SEND = 8
    CLOSE = 9
    RESTART = 10
    FORGET = 11


class Told(NamedTuple):
    """One message."""

    kind: Kind
    number: int
    payload: bytes


def message(kind: Kind, number: int, payload: bytes = b"") -> bytes:
    """A message as bytes."""
    return _HEAD.pack(kind, number, len(payload)) + payload


def begin(client: int, group: int, frames: bytes) -> bytes:
    """`BEGIN`."""
    return message(Kind.BEGIN, client, _NUMBER.pack(group) + frames)


def begun(payload: bytes) -> tuple[int, bytes]:
    """Group and frames of a `BEGIN`."""
    return _NUMBER.unpack_from(payload)[0], payload[_NUMBER.size :]


def close(client: int, code: int, reason: str) -> bytes:
    """`CLOSE`."""
    return message(Kind.CLOSE, client, _CODE.pack(code) + reason.encode())


def closed(payload: bytes) -> tuple[int, str]:
    """Code and reason of a `CLOSE`."""
    return _CODE.unpack_from(payload)[0], payload[_CODE.size :].decode(errors="replace")


class Visit(NamedTuple):
    """Who comes: its request, its address, and whether it takes compressed messages."""

    request: Request
    address: str
    deflate: bool


_HEADERS: Final = frozenset({"origin", "host", "authorization", "x-forwarded-host"})


def opened(visit: Visit) -> bytes:
    """The payload of an `OPEN`: of the headers, those that are looked at."""
    request = visit.request
    headers = {name: value for name, value in request.headers.items() if name in _HEADERS}
    return orjson.dumps(
        {
            "path": request.path,
            "query": dict(request.query),
            "headers": headers,
            "subprotocols": request.subprotocols,
            "address": visit.address,
            "deflate": visit.deflate,
        },
        default=str,
    )


def visit_of(payload: bytes) -> Visit:
    """What an `OPEN` says."""
    told: Mapping[str, Any] = orjson.loads(payload)
    request = Request(told["path"], told["query"], told["headers"], tuple(told["subprotocols"]))
    return Visit(request, told["address"], told["deflate"])


class Reader:
    """Bytes in, messages out. Raises ValueError where they are none: the other side is not what it should be."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Told]:
        """Take bytes in, as they come."""
        self._bytes += data
        at = 0
        try:
            while len(self._bytes) - at >= _HEAD.size:
                kind, number, length = _HEAD.unpack_from(self._bytes, at)
                if length > MAX_PAYLOAD:
                    raise ValueError(f"a message of {length} bytes")
                end = at + _HEAD.size + length
                if len(self._bytes) < end:
                    break
                told = Told(Kind(kind), number, bytes(self._bytes[at + _HEAD.size : end]))
                at = end
                yield told
        finally:
            del self._bytes[:at]
