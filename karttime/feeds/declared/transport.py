r"""Wrappings that libraries put around messages, taken off.

| name | example | inside |
|---|---|---|
| engine.io | `42["board",{…}]`, `42/hall,7["board",{…}]`, `5:::{"name":…}`; `2`, `3`, `40` say nothing | JSON |
| sockjs | `a["{\"msg\":\"ping\"}"]`; `o`, `h`, `c[3000,"Go away!"]` say nothing | texts |
| sse | `event: board\ndata: {…}\n\n` | texts |
| jsonp | `callback({…});` | JSON |
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import orjson

_EVENT: Final = re.compile(r"4[2356](?:\d{1,3}-)?(?:/[^,\[{]{0,80},)?\d{0,9}(?=[\[{])")
_OLD_EVENT: Final = re.compile(r"[345]:\d{0,9}\+?:[^:]{0,80}:(?=[\[{])")
_JSONP: Final = re.compile(r"\s*(?:/\*\*/)?\s*[\w.$]{1,80}\s*\(\s*(?=[\[{])")
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


PREFIXES: Final[Mapping[str, Callable[[str], list[str] | None]]] = {
    "engine.io": _engine_io,
    "sockjs": _sockjs,
    "sse": _sse,
    "jsonp": _jsonp,
}
"""What is inside a wrapped text: texts, none for a keep-alive, None where it is not wrapped so."""
