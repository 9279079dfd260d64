"""Timing servers that are hostile or broken, each in its own way: one TCP conversation per mode."""

import asyncio
import base64
import hashlib
import os
import zlib
from collections.abc import Awaitable, Callable

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Mode = Callable[[Reader, Writer], Awaitable[None]]


async def shake_hands(reader: Reader, writer: Writer, extra: bytes = b"", key: bytes | None = None) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    sent = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split()[1]
    digest = hashlib.sha1((key or sent) + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324 - RFC 6455
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + extra + b""
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


def wire(opcode: int, payload: bytes, *, fin: bool = True, rsv1: bool = False) -> bytes:
    """One frame of a server."""
    first = opcode | (0x80 if fin else 0) | (0x40 if rsv1 else 0)
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    if size < 1 << 16:
        return bytes([first, 126]) + size.to_bytes(2, "big") + payload
    return bytes([first, 127]) + size.to_bytes(8, "big") + payload


async def giant_frame(reader: Reader, writer: Writer) -> None:
    """A frame of 100 MiB, all of it sent."""
    await shake_hands(reader, writer)
    writer.write(b"\x81\x7f" + (100 << 20).to_bytes(8, "big"))
    for _ in range(1600):
        writer.write(b"x" * 65536)
        await writer.drain()


async def endless_header(reader: Reader, writer: Writer) -> None:
    """A frame that says it has 2^62 bytes."""
    await shake_hands(reader, writer)
    writer.write(b"\x81\x7f" + (1 << 62).to_bytes(8, "big") + b"x" * 1000)
    await reader.read()


async def deflate_bomb(reader: Reader, writer: Writer) -> None:
    """300 MiB compressed to 300 KiB, though compression was not asked for."""
    await shake_hands(reader, writer, b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
    writer.write(wire(1, _bomb(), rsv1=True))
    await reader.read()


async def deflate_bomb_without_asking(reader: Reader, writer: Writer) -> None:
    """The same, without an extension in the handshake."""
    await shake_hands(reader, writer)
    writer.write(wire(1, _bomb(), rsv1=True))
    await reader.read()


def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)  # stands alone, so it can be repeated
    return one * 300


async def header_flood(reader: Reader, writer: Writer) -> None:
    """A handshake of endless headers."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    for number in range(1_000_000):
        writer.write(b"X-%d: %s\r\n" % (number, b"y" * 1000))
        await writer.drain()


async def endless_fragments(reader: Reader, writer: Writer) -> None:
    """A message whose empty fragments never end."""
    await shake_hands(reader, writer)
    writer.write(wire(1, b"begin", fin=False))
    while True:
        writer.write(wire(0, b"", fin=False) * 50)
        await writer.drain()
        await asyncio.sleep(0.05)


async def big_fragments(reader: Reader, writer: Writer) -> None:
    """A message of fragments that are large together."""
    await shake_hands(reader, writer)
    writer.write(wire(1, b"begin", fin=False))
    for _ in range(3200):
        writer.write(wire(0, b"x" * 32768, fin=False))
        await writer.drain()


async def masked(reader: Reader, writer: Writer) -> None:
    """Masked frames, which only clients may send."""
    await shake_hands(reader, writer)
    writer.write(b"\x81\x82abcd" + b"xy")
    await reader.read()


async def drip(reader: Reader, writer: Writer) -> None:
    """One frame, a byte at a time."""
    await shake_hands(reader, writer)
    for byte in wire(1, b"x" * 100_000):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def silent(reader: Reader, writer: Writer) -> None:
    """Accepts, and then nothing: no data, no pong, no close."""
    await shake_hands(reader, writer)
    while await reader.read(1000):
        pass


async def slow_handshake(reader: Reader, writer: Writer) -> None:
    """A handshake a byte at a time."""
    await reader.readuntil(b"\r\n\r\n")
    for byte in b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" + b"X-Slow: 1\r\n" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def redirect(reader: Reader, writer: Writer) -> None:
    """Sends us to this machine's own services."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:22/\r\nContent-Length: 0\r\n\r\n")
    await reader.read()


async def wrong_key(reader: Reader, writer: Writer) -> None:
    """A handshake that answers another one."""
    await shake_hands(reader, writer, key=b"bm90IHlvdXIga2V5ISEhIQ==")
    await reader.read()


async def immediate_close(_reader: Reader, writer: Writer) -> None:
    """Hangs up at once."""
    writer.close()


async def ping_flood(reader: Reader, writer: Writer) -> None:
    """Pings as fast as they go."""
    await shake_hands(reader, writer)
    while True:
        writer.write(wire(9, b"p" * 125) * 500)
        await writer.drain()


async def random_bytes(reader: Reader, writer: Writer) -> None:
    """Noise after the handshake."""
    await shake_hands(reader, writer)
    writer.write(b"\xff" + os.urandom(65536))
    await reader.read()


async def message_flood(reader: Reader, writer: Writer) -> None:
    """Small messages as fast as they go; the worst is that many fit into one read."""
    await shake_hands(reader, writer)
    while True:
        writer.write(wire(1, b"") * 20_000)
        await writer.drain()


async def bad_utf8(reader: Reader, writer: Writer) -> None:
    """Text messages that are none."""
    await shake_hands(reader, writer)
    while True:
        writer.write(wire(1, b"\xff\xfe\xc0\x80"))
        await writer.drain()
        await asyncio.sleep(0.02)


async def line_flood(_reader: Reader, writer: Writer) -> None:
    """Short lines over plain TCP, as fast as they go."""
    while True:
        writer.write(b"x\n" * 20_000)
        await writer.drain()


GIVEN_UP: dict[str, tuple[Mode, str]] = {
    "giant frame": (giant_frame, "larger than allowed"),
    "2^62 bytes": (endless_header, "larger than allowed"),
    "deflate bomb": (deflate_bomb, "handshake failed"),
    "deflate bomb without asking": (deflate_bomb_without_asking, "broke the WebSocket protocol"),
    "header flood": (header_flood, "does not speak HTTP"),
    "endless fragments": (endless_fragments, "did not end it"),
    "big fragments": (big_fragments, "larger than allowed"),
    "masked": (masked, "broke the WebSocket protocol"),
    "drip": (drip, "did not end it"),
    "silent": (silent, "stopped answering pings"),
    "slow handshake": (slow_handshake, "did not answer in time"),
    "redirect": (redirect, "redirects elsewhere"),
    "wrong key": (wrong_key, "handshake failed"),
    "immediate close": (immediate_close, "server"),
    "ping flood": (ping_flood, "floods us with pings and sends no data"),
    "random bytes": (random_bytes, "broke the WebSocket protocol"),
}
"""What each does, and a part of the reason that is shown."""

ENDURED: dict[str, Mode] = {"message flood": message_flood, "bad UTF-8": bad_utf8}
"""What is taken in, slowly or as bytes, without ending the connection at once."""
