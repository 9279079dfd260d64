"""A stand-in for Race Monitor: lookup and relay on one port, as the protocol's description says they behave.

Each lookup gives another token, and only the last one opens the relay, which reads a greeting and sends its lines.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from . import hostile

RACE, INSTANCE = "37872", "209"
DUMP = '$RMDTL,""\r\n$RMCA,1610910893000\r\n$A,"7","7",1042,"Ada","Vallombreuse","",1\r\n'


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """One answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class StandIn:
    """What it answers, and what it was asked.

    Attributes:
        answers: raw answers to the next lookups, before the ordinary ones begin.
        live: whether the race is.
        entry: more fields of the race's entry.
        host: what it calls itself; its own address unless set.
        messages: what the relay sends, where `{token}` is the token; then it closes the connection, or stays.
        lookups: the query of each lookup.
        greetings: what each client of the relay said first.
        refused: connections to the relay that had another token than the last one.
    """

    answers: list[bytes | Callable[[asyncio.StreamWriter], object]] = field(default_factory=list)
    live: bool = True
    entry: dict[str, object] = field(default_factory=dict)
    host: str = ""
    messages: tuple[str, ...] = (DUMP,)
    stay: bool = True
    lookups: list[dict[str, list[str]]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    greetings: list[str] = field(default_factory=list)
    refused: int = 0
    base: str = ""

    @property
    def token(self) -> str:
        """The one that opens the relay now."""
        return f"0000-4222-token-{len(self.lookups)}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, whatever it is for."""
        request = await reader.readuntil(b"\r\n\r\n")
        target = request.split(b" ")[1].decode()
        if target.startswith("/Info/WebRaceList?"):
            self.headers.append(request.decode())
            await self._look_up(target, writer)
        elif target == f"/instance/{INSTANCE}/{self.token}":
            again = asyncio.StreamReader()
            again.feed_data(request)
            await hostile.shake_hands(again, writer)
            await self._relay(reader, writer)
        else:
            self.refused += 1
            writer.write(http(f"unknown token in {target}".encode(), "403 Forbidden"))
            await writer.drain()

    async def _look_up(self, target: str, writer: asyncio.StreamWriter) -> None:
        query = parse_qs(urlsplit(target).query, keep_blank_values=True)
        self.lookups.append(query)
        if self.answers:
            answer = self.answers.pop(0)
            if callable(answer):
                await answer(writer)  # type: ignore[misc]  # an async function of the test
            else:
                writer.write(answer)
        else:
            writer.write(http(json.dumps(self.document(query["raceID"][0])).encode()))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def document(self, asked: str) -> dict[str, object]:
        """An ordinary answer."""
        entry = {"ID": int(RACE), "ReceivingData": True, "IPAddress": "192.0.2.7", "Instance": INSTANCE} | self.entry
        return {
            "Restrictions": "",
            "CurrentRaces": [entry] if self.live and asked == RACE else [],
            "Style": None,
            "LiveTimingToken": self.token,
            "LiveTimingHost": self.host or urlsplit(self.base).netloc,
        }

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.greetings.append(await client_text(reader))
        for message in self.messages:
            writer.write(hostile.wire(1, message.replace("{token}", self.token).encode()))
        await writer.drain()
        if self.stay:
            await reader.read()
        writer.write(hostile.wire(8, (1001).to_bytes(2, "big") + f"bye {self.token}".encode()))
        await writer.drain()


async def client_text(reader: asyncio.StreamReader) -> str:
    """The next short text frame of a client."""
    head = await reader.readexactly(2)
    assert head[0] == 0x81
    mask = await reader.readexactly(4)
    masked = await reader.readexactly(head[1] & 0x7F)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked)).decode()


@asynccontextmanager
async def running(stand_in: StandIn) -> AsyncIterator[StandIn]:
    """The stand-in, listening; its `base` says where."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await stand_in.talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    async with server:
        stand_in.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield stand_in
