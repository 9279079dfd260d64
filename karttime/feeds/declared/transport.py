r"""Wrappings that libraries put around messages, taken off.

| name | example | inside |
|---|---|---|
| engine.io | `42["board",{…}]`, `42/hall,7["board",{…}]`, `5:::{"name":…}`; `2`, `3`, `40` say nothing | JSON |
| sockjs | `a["{\"msg\":\"ping\"}"]`; `o`, `h`, `c[3000,"Go away!"]` say nothing | texts |
| sse | `event: board\ndata: {…}\n\n` | texts |
| jsonp | `callback({…});` | JSON |
| stomp | `MESSAGE\ndestination:/topic/timing\n\n{…}\0`; line ends alone say nothing | texts |
| packed | base64 of text, compressed or not | text |
"""

import re
import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from typing import Final

import orjson

_EVENT: Final = re.compile(r"4[2356](?:\d{1,3}-)?(?:/[^,\[{]{0,80},)?\d{0,9}(?=[\[{])")
_OLD_EVENT: Final = re.compile(r"[345]:\d{0,9}\+?:[^:]{0,80}:(?=[\[{])")
_JSONP: Final = re.compile(r"\s*(?:/\*\*/)?\s*[\w.$]{1,80}\s*\(\s*(?=[\[{])")
_STOMP: Final = re.compile(r"(?:CONNECTED|MESSAGE|RECEIPT|ERROR)\n(?:[^:\n]{1,100}:[^\n]{0,2000}\n){0,60}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1d\x7f]")
_SHORTEST_PACKED: Final = 40
MAX_INFLATED: Final = 4 << 20
_SILENT: Final = re.compile(r"[0-6](?:probe|\{.{0,2000}\})?|4[01].{0,500}|[0128]::.{0,80}", re.DOTALL)


def _engine_io(text: str) -> list[str] | None:
    found = _EVENT.match(text) or _OLD_EVENT.match(text)
    if found is not None:
        return [text[found.end() :]]
    return [] if _SILENT.fullmatch(text) else None


def _sockjs(text: str) -> list[str] | None:
    if text[:1] != "a":
        return [] if text in ("o", "h") or text.startswith("c[") else None
    try:
        messages = orjson.loads(text[1:])
    except ValueError:
        return None
    return [message for message in messages if isinstance(message, str)] if isinstance(messages, list) else None


def _sse(text: str) -> list[str] | None:
    messages: list[str] = []
    data: list[str] = []
    for line in [*text.splitlines(), ""]:
        name, _, value = line.partition(":")
        if not line and data:
            messages.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
        elif line and name not in ("", "event", "id", "retry"):
            return None
    return messages


def _jsonp(text: str) -> list[str] | None:
    found = _JSONP.match(text)
    end = text.rfind(")")
    return [text[found.end() : end]] if found is not None and end > found.end() else None


def _stomp(text: str) -> list[str] | None:
    bodies: list[str] = []
    for piece in text.split("\0"):
        frame = piece.lstrip("\r\n")
        if not frame:
            continue
        head, _, body = frame.replace("\r\n", "\n").partition("\n\n")
        if _STOMP.match(head + "\n") is None:
            return None
        if head.startswith("MESSAGE") and body:
            bodies.append(body)
    return bodies


def inflate(data: bytes, most: int = MAX_INFLATED) -> bytes | None:
    """What was compressed with zlib, gzip or raw deflate; None where nothing was, or more than `most`."""
    for window in (47, -15):
        member = zlib.decompressobj(window)
        try:
            out = member.decompress(data, most)
        except zlib.error:
            continue
        if member.eof and out:
            return out
    return None


def unpack(data: bytes) -> str | None:
    """The text that bytes hold, compressed or in UTF-8; None where they hold none."""
    for candidate in (inflate(data), data):
        if candidate:
            try:
                text = candidate.decode("utf-8")
            except UnicodeDecodeError:
                continue
            if _CONTROL.search(text[:4096]) is None:
                return text
    return None


def _packed(text: str) -> list[str] | None:
    if len(text) < _SHORTEST_PACKED or _BASE64.fullmatch(text[:200].rstrip("=\r\n")) is None:
        return None
    try:
        data = a2b_base64(text)
    except (Base64Error, ValueError):
        return None
    inside = unpack(data)
    return None if inside is None else [inside]


PREFIXES: Final[Mapping[str, Callable[[str], list[str] | None]]] = {
    "engine.io": _engine_io,
    "sockjs": _sockjs,
    "sse": _sse,
    "jsonp": _jsonp,
    "stomp": _stomp,
    "packed": _packed,
}
"""What is inside a wrapped text: texts, none for a keep-alive, None where it is not wrapped so."""
