"""permessage-deflate on bytes, against an independent implementation and against broken clients."""

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.frames import Opcode as TheirOpcode

from karttime.api.deflate import WORTH_IT, BrokenError, TooLargeError, agreed, deflated, inflated
from karttime.api.frames import CloseCode, Message, Opcode, Violation, deflated_frame, text_frame

from .test_frames import client, received

PLAIN = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offers", "answer"),
    [
        ("", None),
        ("permessage-bzip2", None),
        ("permessage-deflate", PLAIN),
        ("permessage-deflate; client_max_window_bits", PLAIN),
        ("permessage-deflate;client_max_window_bits=9 ; server_no_context_takeover", PLAIN),
        ('permessage-deflate; client_max_window_bits="10"', PLAIN),
        ("permessage-deflate; server_max_window_bits=12", f"{PLAIN}; server_max_window_bits=12"),
        ('permessage-deflate; server_max_window_bits = "15"', f"{PLAIN}; server_max_window_bits=12"),
        ("permessage-deflate; server_max_window_bits=10", None),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate", PLAIN),
        ("x-webkit-deflate-frame, permessage-deflate", PLAIN),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=012", None),
        ("permessage-deflate; server_max_window_bits=٩", None),
        ("permessage-deflate; client_max_window_bits=7", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
        ("permessage-deflate; unheard_of", None),
        ("permessage-deflate;", None),
        (", ;,;" * 100 + "permessage-deflate", None),
    ],
)
def test_what_is_agreed_on(offers: str, answer: str | None) -> None:
    """The first offer that we can keep to; one that breaks the standard is declined, and so plain text is spoken."""
    assert agreed(offers) == answer


@given(st.lists(st.text(), max_size=5))
def test_messages_are_read_by_another_implementation(texts: list[str]) -> None:
    """One inflater without context for a whole connection, with the window that was agreed on."""
    theirs = PerMessageDeflate(True, True, 12, 15)
    for text in texts:
        payload = text.encode() * 50
        frame = Frame(TheirOpcode.TEXT, deflated(payload), rsv1=True)
        assert theirs.decode(frame).data == payload


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_messages_of_another_implementation_are_read(messages: list[bytes]) -> None:
    """Each on its own."""
    theirs = PerMessageDeflate(True, True, 15, 15)
    for message in messages:
        assert inflated(bytes(theirs.encode(Frame(TheirOpcode.TEXT, message)).data), 4096) == message


def test_only_what_shrinks_is_compressed() -> None:
    """Small messages, and those without a pattern, stay as they are; the rest has the bit that says so."""
    small, noise = b"x" * (WORTH_IT - 1), bytes(n * n * 7919 >> 3 & 0xFF for n in range(200))
    assert deflated_frame(small) == text_frame(small)
    noisy = deflated_frame(noise)
    assert noisy == text_frame(noise) or noisy[0] == 0xC1
    framed = deflated_frame(b"lap " * 5000)
    assert framed[0] == 0xC1
    assert len(framed) < 200


def test_the_same_message_has_the_same_bytes() -> None:
    """Nothing is remembered of the one before: they can be shared."""
    one, other = b"kart 12 " * 30, b"kart 13 " * 30
    first = deflated_frame(one)
    deflated_frame(other)
    assert deflated_frame(one) == first


@pytest.mark.parametrize("chunk", [1, 3, 1 << 30])
@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_compressed_messages_come_in_fragments(chunk: int, pieces: int) -> None:
    """The first frame says it; a ping may come between, and a plain message after."""
    text = '{"type":"ping","note":"é"}' * 20
    payload = deflated(text.encode())
    size = -(-len(payload) // pieces)
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    data = b""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        data += client((Opcode.TEXT | 0x40) if number == 0 else Opcode.CONTINUATION, part, fin=last)
        data += client(Opcode.PING, b"p")
    data += client(Opcode.TEXT, b"plain")
    found = [it for it in received(data, chunk, compressed=True) if isinstance(it, Message | Violation)]
    assert found == [Message(text), Message("plain")]


BOMB = deflated(bytes(1 << 20))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (client(Opcode.TEXT | 0x40, BOMB), CloseCode.TOO_BIG),
        (client(Opcode.BINARY | 0x40, deflated(b"x" * 4097)), CloseCode.TOO_BIG),
        (client(Opcode.TEXT | 0x40, b"\xff\xfe\xfd"), CloseCode.PROTOCOL_ERROR),
        (client(Opcode.TEXT | 0x40, deflated(b"\xff" * 200)), CloseCode.INVALID_TEXT),
        (client(Opcode.TEXT | 0x40, deflated(b"caf\xc3")), CloseCode.INVALID_TEXT),
        (client(Opcode.PING | 0x40), CloseCode.PROTOCOL_ERROR),
        (client(Opcode.TEXT | 0x20, b"x"), CloseCode.PROTOCOL_ERROR),
        (client(Opcode.TEXT, b"x", fin=False) + client(0x40, b"x"), CloseCode.PROTOCOL_ERROR),
        (client(Opcode.TEXT | 0x40, b"\x03\x00" * 9), CloseCode.PROTOCOL_ERROR),
    ],
)
def test_what_breaks_the_extension_is_refused(data: bytes, code: CloseCode) -> None:
    """A bomb, another format, text that is none, and the bit where it may not stand."""
    found = received(data, compressed=True)
    assert [it.code for it in found if isinstance(it, Violation)] == [code]


def test_the_bit_means_nothing_that_was_not_agreed_on() -> None:
    """1002."""
    found = received(client(Opcode.TEXT | 0x40, deflated(b"x")))
    assert [it.code for it in found if isinstance(it, Violation)] == [CloseCode.PROTOCOL_ERROR]


def test_a_message_may_be_as_large_as_any_other() -> None:
    """The limit is of what it is when it is inflated."""
    assert inflated(deflated(b"x" * 4096), 4096) == b"x" * 4096
    with pytest.raises(TooLargeError):
        inflated(deflated(b"x" * 4097), 4096)


def test_a_stream_that_says_that_it_ends_is_a_message_too() -> None:
    """RFC 7692, 7.2.3.4; what comes after such an end is none."""
    final = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
    assert inflated(final, 4096) == b"Hello"
    with pytest.raises(BrokenError):
        inflated(final + b"Hello", 4096)


def test_a_bomb_costs_nothing() -> None:
    """A gigabyte in a few bytes is inflated to one byte beyond the limit."""
    layer = zlib.compressobj(9, wbits=-15)
    bomb = layer.compress(bytes(4 << 20)) + layer.flush(zlib.Z_SYNC_FLUSH)
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        inflated(bomb, 4096)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000
