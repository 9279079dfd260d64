"""RFC 6455 on bytes, against an independent implementation and against broken clients."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.frames import Opcode as TheirOpcode

from karttime.api.frames import (
    Close,
    CloseCode,
    Message,
    Opcode,
    Ping,
    Pong,
    Received,
    Receiver,
    Violation,
    close_frame,
    frame,
    text_frame,
    unmasked,
)

MASK = b"\x01\x82\x03\xff"


def client(opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes = MASK) -> bytes:
    """A frame as a client sends it."""
    size = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += b"\xfe" + size.to_bytes(2)
    else:
        head += b"\xff" + size.to_bytes(8)
    return head + mask + unmasked(payload, mask)


def received(data: bytes, chunk: int = 1 << 30, limit: int = 4096, *, compressed: bool = False) -> list[Received]:
    """What these bytes mean when they come in chunks."""
    receiver = Receiver(limit, compressed=compressed)
    return [it for at in range(0, len(data), chunk) for it in receiver.feed(data[at : at + chunk])]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_frames_are_what_another_implementation_sends(size: int) -> None:
    """The three forms of the length, at their borders."""
    assert text_frame(b"x" * size) == Frame(TheirOpcode.TEXT, b"x" * size).serialize(mask=False)
    assert frame(Opcode.BINARY, b"x" * size) == Frame(TheirOpcode.BINARY, b"x" * size).serialize(mask=False)


def test_a_close_frame_has_code_and_reason() -> None:
    """Of a reason that is too long, whole characters are left; without a code it is empty."""
    assert close_frame(4004, "gone") == b"\x88\x06\x0f\xa4gone"
    assert close_frame(CloseCode.NO_CODE) == b"\x88\x00"
    long = close_frame(1011, "ü" * 100)
    assert len(long) <= 127
    assert long[4:].decode() == "ü" * 61


@given(st.lists(st.one_of(st.text(max_size=200), st.binary(max_size=200)), max_size=5), st.integers(1, 40))
def test_messages_come_out_as_they_went_in_however_they_are_cut(contents: list[str | bytes], chunk: int) -> None:
    """Any split of the bytes, with a ping within each message."""
    wire = b""
    for content in contents:
        opcode, payload = (1, content.encode()) if isinstance(content, str) else (2, content)
        half = len(payload) // 2
        wire += client(opcode, payload[:half], fin=False) + client(9, b"p") + client(0, payload[half:])
    expected: list[Received] = []
    for content in contents:
        expected += [Ping(b"p"), Message(content)]
    assert received(wire, chunk) == expected


@given(st.binary(max_size=600), st.integers(1, 50))
def test_any_bytes_are_endured(data: bytes, chunk: int) -> None:
    """Nothing is raised, and nothing comes after a violation or a close."""
    came = received(data, chunk)
    assert not any(isinstance(it, Violation | Close) for it in came[:-1])


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (client(0x41, b"x"), 1002),
        (client(0x21, b"x"), 1002),
        (client(0x11, b"x"), 1002),
        (client(3), 1002),
        (client(11), 1002),
        (client(0, b"x"), 1002),  # continues nothing
        (client(1, b"x", fin=False) + client(1, b"y"), 1002),
        (client(9, fin=False), 1002),
        (client(9, b"x" * 126), 1002),
        (client(8, b"\x03"), 1002),
        (client(8, b"\x03\xe7"), 1002),  # 999
        (client(8, (1005).to_bytes(2)), 1002),
        (client(8, (1016).to_bytes(2)), 1002),
        (client(8, (5000).to_bytes(2)), 1002),
        (client(8, (1000).to_bytes(2) + b"\xff"), 1007),
        (client(1, b"\xff"), 1007),
        (client(1, b"\xed\xa0\x80"), 1007),  # a lone surrogate
        (client(1, "é".encode()[:1]), 1007),  # ends within a character
        (client(1, b"x" * 4097), 1009),
        (client(1, b"x" * 4096, fin=False) + client(0, b"y"), 1009),
        (b"\x82\xff\x40" + bytes(7) + MASK, 1009),  # 2**62 bytes
        (b"\x82\xff" + b"\xff" * 8 + MASK, 1009),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_what_breaks_the_protocol_is_told_with_its_code(wire: bytes, code: int, chunk: int) -> None:
    """And nothing that comes after it is looked at."""
    came = received(wire + client(1, b"after"), chunk)
    assert isinstance(came[-1], Violation)
    assert came[-1].code == code
    assert came[-1].reason
    assert Message("after") not in came


def test_a_bad_length_is_refused_before_its_payload_comes() -> None:
    """The header is enough, without the mask."""
    [violation] = received(b"\x82\xff\x40" + bytes(7))
    assert isinstance(violation, Violation)


def test_bad_text_is_refused_before_its_frame_is_complete() -> None:
    """Four bytes of a thousand are enough."""
    [violation] = received(client(1, b"\xf4\x90\x80\x80" + b"x" * 996)[:12])
    assert isinstance(violation, Violation)
    assert violation.code == CloseCode.INVALID_TEXT


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1014, 3000, 4999])
def test_a_close_has_its_code(code: int) -> None:
    """The codes that may be sent."""
    assert received(client(8, code.to_bytes(2) + b"bye") + client(9)) == [Close(code)]
    assert received(client(8)) == [Close(CloseCode.NO_CODE)]


def test_pongs_are_pongs() -> None:
    """Asked for or not."""
    assert received(client(10, b"x") * 2) == [Pong(), Pong()]


def test_endless_fragments_stay_small() -> None:
    """Fifty thousand empty fragments of one message hold no memory, and take no quadratic time."""
    receiver = Receiver(4096)
    assert list(receiver.feed(client(1, b"x", fin=False))) == []
    flood = client(0, fin=False) * 50_000
    tracemalloc.start()
    assert list(receiver.feed(flood)) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25_000
    assert list(receiver.feed(client(0, b"y"))) == [Message("xy")]
