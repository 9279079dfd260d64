"""Strings inside of messages that hold values: where they are, and what is in them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.sampling import messages_of
from karttime.analysis.inference.syntax import is_json
from karttime.feeds.declared.paths import escape
from karttime.feeds.declared.spec import Embedded, Framing
from karttime.feeds.declared.strings import Allowance, decode_base64
from karttime.feeds.declared.transport import MAX_INFLATED

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_MAX_DEPTH: Final = 12


def find_embedded(framing: Framing, sample: Sequence[str]) -> Framing:
    """Find strings that hold JSON, base64 of it, or fields: by pattern of path, up to three levels deep."""
    found: list[Embedded] = []
    for _ in range(3):
        current = framing.model_copy(update={"embedded": tuple(found)})
        holders: dict[str, Counter[str]] = {}
        allowance = Allowance(4 * MAX_INFLATED)
        for message in messages_of(current, sample[:120]):
            _find_strings(message.body, "", 0, holders, allowance)
        fresh = []
        for path, codecs in holders.items():
            codec, count = codecs.most_common(1)[0]
            if codec == "plain" or (count < 0.5 * codecs.total() and not codecs["json"] + codecs["base64"]):
                continue
            codec = "json" if codecs["json"] else "base64" if codecs["base64"] else codec
            name, _, separator = codec.partition(" ")
            fresh.append(Embedded.model_validate({"path": path, "codec": name, "separator": separator}))
        if not fresh:
            break
        found += fresh[:12]
    return framing.model_copy(update={"embedded": tuple(found)})


def _find_strings(value: Any, path: str, depth: int, holders: dict[str, Counter[str]], allowance: Allowance) -> None:
    if depth > _MAX_DEPTH or len(holders) > 2000:
        return
    if isinstance(value, dict):
        many = len(value) > 60 or _like_ids(value)
        for key, inner in value.items():
            step = "*" if many else escape(key)
            _find_strings(inner, f"{path}.{step}" if path else step, depth + 1, holders, allowance)
    elif isinstance(value, list):
        tagged = len(value) <= 6 and bool(value) and isinstance(value[0], str)
        for number, inner in enumerate(value[:60]):
            _find_strings(inner, f"{path}[{number}]" if tagged else f"{path}[]", depth + 1, holders, allowance)
    elif isinstance(value, str) and len(value) >= 2:
        codec = _codec(value, allowance)
        if codec != "plain" or path in holders:
            holders.setdefault(path, Counter())[codec] += 1


def _like_ids(value: Mapping[str, Any]) -> bool:
    return len(value) > 1 and all(any(c.isdigit() for c in key) for key in value)


def _codec(text: str, allowance: Allowance) -> str:
    if text[0] in "{[" and text[-1] in "}]" and is_json(text):
        return "json"
    if len(text) >= 24 and _BASE64.fullmatch(text[:200].rstrip("=")) and decode_base64(text, allowance) is not None:
        return "base64"
    for separator in (";", "|", "^", "~"):
        if text.count(separator) >= 5 and " " + separator not in text:
            return f"fields {separator}"
    return "plain"
