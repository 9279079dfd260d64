"""RFC 6455 on bytes: a server's frames out, a client's frames in; no socket, no clock.

```
 byte 0             byte 1              then
 FIN RSV*3 opcode   MASK length (7)     length 16 or 64 bit when 126 or 127; 4 bytes of mask; payload XOR mask
```

A server's frame is not masked, so its bytes are the same for every client and can be shared. A client's is masked.
Where compression was agreed on, the first reserved bit (0x40) says that a message is compressed (`deflate`).
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from karttime.api import deflate


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(IntEnum):
    """Why a connection is closed, as far as karttime says it."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    NO_CODE = 1005  # never sent: a close frame without one
    INVALID_TEXT = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL = 1011
    RESTART = 1012
    TRY_LATER = 1013
    UNKNOWN_CIRCUIT = 4004
    BAD_REQUEST = 4400
    NO_TOKEN = 4401
    FORBIDDEN = 4403
    TOO_MANY = 4429


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, its fragments joined."""

    content: str | bytes


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with a pong of the same payload."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping, or none that was asked for."""


@dataclass(frozen=True, slots=True)
class Close:
    """The client closes; `NO_CODE` when it gives no reason."""

    code: int


@dataclass(frozen=True, slots=True)
class Violation:
    """The client broke the protocol: nothing after this is looked at."""

    code: CloseCode
    reason: str


Received = Message | Ping | Pong | Close | Violation

_OPCODES: Final = frozenset(Opcode)
_MAX_CONTROL: Final = 125
_COMPRESSED: Final = 0x40
_FORBIDDEN_CODES: Final = frozenset({1004, 1005, 1006})  # reserved, or never on the wire


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A whole message or control frame as a server sends it."""
    return _frame(0x80 | opcode, payload)


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _MAX_CONTROL:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return bytes((first, 126)) + size.to_bytes(2) + payload
    return bytes((first, 127)) + size.to_bytes(8) + payload


def text_frame(message: bytes) -> bytes:
    """A text frame around UTF-8."""
    return frame(Opcode.TEXT, message)


def deflated_frame(message: bytes) -> bytes:
    """A text frame around UTF-8 for every client that agreed on compression; a small message stays as it is."""
    if len(message) < deflate.WORTH_IT:
        return text_frame(message)
    payload = deflate.deflated(message)
    if len(payload) >= len(message):
        return text_frame(message)
    return _frame(0x80 | _COMPRESSED | Opcode.TEXT, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; a reason that is too long is cut between characters."""
    if code == CloseCode.NO_CODE:
        return frame(Opcode.CLOSE, b"")
    cut = reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore")
    return frame(Opcode.CLOSE, code.to_bytes(2) + cut.encode())


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """XOR with the repeated mask; undoes itself."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


class _BrokenError(Exception):
    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.violation = Violation(code, reason)


def _protocol_error(reason: str) -> _BrokenError:
    return _BrokenError(CloseCode.PROTOCOL_ERROR, reason)


class Receiver:
    """One client's side of a connection: bytes in, messages and control frames out.

    Holds at most one message of `max_message` bytes and an incomplete header. Text is checked as it comes, or when a
    compressed message is there whole; `compressed` says whether there may be any.
    """

    __slots__ = (
        "_at",
        "_begun",
        "_broken",
        "_buffer",
        "_compressed",
        "_final",
        "_left",
        "_mask",
        "_max",
        "_may_compress",
        "_opcode",
        "_parts",
        "_size",
        "_text",
    )

    def __init__(self, max_message: int, *, compressed: bool = False) -> None:
        self._max = max_message
        self._may_compress = compressed
        self._buffer = b""
        self._at = 0  # what lies before it in the buffer is done with
        self._broken = False
        # The frame under way; without a mask a header comes next.
        self._opcode = Opcode.CONTINUATION
        self._final = False
        self._left = 0
        self._mask = b""
        # The message under way, which may be interrupted by control frames.
        self._parts: list[bytes] = []
        self._begun = False
        self._compressed = False
        self._size = 0
        self._text: codecs.IncrementalDecoder | None = None

    def feed(self, data: bytes) -> Iterator[Received]:
        """What these bytes complete; to be read to its end. A `Violation` or `Close` is the last that ever comes."""
        if self._broken:
            return
        self._buffer = self._buffer + data if self._buffer else data
        try:
            while (self._mask or self._header()) and self._all_there():
                received = self._payload()
                if received is not None:
                    self._broken = isinstance(received, Close)
                    yield received
        except _BrokenError as broken:
            self._broken = True
            yield broken.violation
        self._buffer, self._at = b"" if self._broken else self._buffer[self._at :], 0

    def _header(self) -> bool:
        """Take a frame's header from the buffer; False when it is incomplete, or none may come any more."""
        buffer, at = self._buffer, self._at
        if self._broken or len(buffer) < at + 2:
            return False
        first, second = buffer[at], buffer[at + 1]
        self._check(first, second)
        size, end = second & 0x7F, at + 2
        if size >= 126:
            end = at + (4 if size == 126 else 10)
            size = int.from_bytes(buffer[at + 2 : end])
        if len(buffer) < end:
            return False
        if first & 0x0F < Opcode.CLOSE and self._size + size > self._max:
            raise self._too_big()
        if len(buffer) < end + 4:
            return False
        self._opcode, self._final = Opcode(first & 0x0F), first >= 0x80
        self._left, self._mask, self._at = size, buffer[end : end + 4], end + 4
        if self._opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._begun = True
            self._compressed = bool(first & _COMPRESSED)
            self._text = codecs.getincrementaldecoder("utf-8")() if self._opcode is Opcode.TEXT else None
        return True

    def _check(self, first: int, second: int) -> None:
        """Refuse what no frame of a client may begin with."""
        opcode = first & 0x0F
        compressed = self._may_compress and opcode in {Opcode.TEXT, Opcode.BINARY}  # said by the first frame alone
        if first & (0x70 & ~_COMPRESSED if compressed else 0x70):
            raise _protocol_error("reserved bits are set that mean nothing here")
        if opcode not in _OPCODES:
            raise _protocol_error(f"opcode {opcode} is reserved")
        if not second & 0x80:
            raise _protocol_error("a client's frames are masked")
        if opcode >= Opcode.CLOSE:
            if first < 0x80:
                raise _protocol_error("a control frame may not be fragmented")
            if second & 0x7F > _MAX_CONTROL:
                raise _protocol_error("a control frame has at most 125 bytes")
        elif (opcode == Opcode.CONTINUATION) != self._begun:
            raise _protocol_error("a continuation belongs to a message that was begun")

    def _all_there(self) -> bool:
        """Whether the rest of the frame has come; of a data frame, what has come is taken in."""
        here = len(self._buffer) - self._at
        if here >= self._left:
            return True
        if self._opcode < Opcode.CLOSE:
            self._take(here)
        return False

    def _take(self, size: int) -> None:
        """Take a part of a data frame; what is no UTF-8 is refused before the rest has come."""
        if not size:
            return
        payload = unmasked(self._buffer[self._at : self._at + size], self._mask)
        turn = size & 3
        self._mask = self._mask[turn:] + self._mask[:turn]
        self._at += size
        self._left -= size
        self._size += size
        self._parts.append(payload)
        if self._text is not None and not self._compressed:
            _decode(self._text, payload)

    def _payload(self) -> Received | None:
        """Take the rest of a frame from the buffer; what it completes."""
        if self._opcode >= Opcode.CLOSE:
            payload = unmasked(self._buffer[self._at : self._at + self._left], self._mask)
            self._at += self._left
            self._left, self._mask = 0, b""
            return _control(self._opcode, payload)
        self._take(self._left)
        self._mask = b""
        if not self._final:
            return None
        whole = b"".join(self._parts)
        if self._compressed:
            whole = self._inflated(whole)
        if self._text is not None:
            _decode(self._text, whole if self._compressed else b"", final=True)
        content = whole if self._text is None else whole.decode()
        self._parts, self._text, self._size, self._begun = [], None, 0, False
        return Message(content)

    def _inflated(self, payload: bytes) -> bytes:
        try:
            return deflate.inflated(payload, self._max)
        except deflate.TooLargeError:
            raise self._too_big() from None
        except deflate.BrokenError:
            raise _protocol_error("that is no compressed message") from None

    def _too_big(self) -> _BrokenError:
        return _BrokenError(CloseCode.TOO_BIG, f"a message may have {self._max} bytes")


def _decode(decoder: codecs.IncrementalDecoder, payload: bytes, *, final: bool = False) -> None:
    try:
        decoder.decode(payload, final)
    except UnicodeDecodeError:
        raise _BrokenError(CloseCode.INVALID_TEXT, "a text message is UTF-8") from None


def _control(opcode: Opcode, payload: bytes) -> Received:
    if opcode is Opcode.PING:
        return Ping(payload)
    if opcode is Opcode.PONG:
        return Pong()
    if not payload:
        return Close(CloseCode.NO_CODE)
    code = int.from_bytes(payload[:2])
    if len(payload) < 2 or not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in _FORBIDDEN_CODES:
        raise _protocol_error("that is no close code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise _BrokenError(CloseCode.INVALID_TEXT, "a reason is UTF-8") from None
    return Close(code)
