"""What says which kind a message is: the envelope around it, a field of it, or its first word."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from karttime.analysis.inference.sampling import messages_of
from karttime.feeds.declared.envelopes import is_tag
from karttime.feeds.declared.paths import escape
from karttime.feeds.declared.spec import Framing

_KIND_NAMES: Final = re.compile(
    r"(type|event|topic|kind|msg|cmd|command|action|channel|method|op|pid|name|collection)$", re.IGNORECASE
)
_SIGNALR_KEYS: Final = frozenset("CMSGRIHATLE")


def find_tags(framing: Framing, sample: Sequence[str]) -> Framing:
    """Whether the first field names the kind: few words, each with its own number of fields or repeated often."""
    messages = messages_of(framing, sample)
    firsts = Counter(message.body[0] for message in messages if isinstance(message.body, list))
    if not firsts or not all(is_tag(first) for first in firsts) or any(len(first) > 24 for first in firsts):
        return framing
    many = len(firsts) <= 40 and len(firsts) <= 0.2 * len(messages) + 1
    return framing.model_copy(update={"tagged": True}) if many else framing


def find_envelope(framing: Framing, sample: Sequence[str], *, socket_io: bool) -> Framing:
    """The framing with the envelope that most messages are in, of those that libraries put around payloads."""
    bodies = [message.body for message in messages_of(framing, sample)]
    if not bodies:
        return framing
    dicts = [body for body in bodies if isinstance(body, dict) and body]
    lists = [body for body in bodies if isinstance(body, list) and body]
    half = 0.5 * (len(dicts) + len(lists))
    name = "none"
    if sum(_is_signalr(body) for body in dicts) > half:
        name = "signalr"
    elif sum(_is_core(body) for body in dicts) > half and any("arguments" in body for body in dicts):
        name = "signalr-core"
    elif sum(_is_ddp(body) for body in dicts) > half:
        name = "ddp"
    elif sum(len(b) == 5 and is_tag(b[3]) and isinstance(b[4], dict) and isinstance(b[2], str) for b in lists) > half:
        name = "phoenix"
    elif sum(_is_tagged_list(body) for body in lists) > half or (socket_io and lists and len(lists) > len(dicts)):
        name = "tagged"
    return framing.model_copy(update={"envelope": name})


def _is_signalr(body: Mapping[str, Any]) -> bool:
    if not body.keys() <= _SIGNALR_KEYS:
        return False
    return isinstance(body.get("M"), list) or "R" in body or (isinstance(body.get("A"), list) and "M" in body)


def _is_core(body: Mapping[str, Any]) -> bool:
    return isinstance(body.get("type"), int) and (body["type"] in (3, 6, 7) or "arguments" in body or "item" in body)


def _is_ddp(body: Mapping[str, Any]) -> bool:
    return body.get("msg") in ("added", "changed", "removed", "ready", "ping", "pong", "connected") or (
        "server_id" in body
    )


def _is_tagged_list(body: Sequence[Any]) -> bool:
    if len(body) >= 2 and is_tag(body[0]) and any(isinstance(part, dict | list) for part in body[1:3]):
        return True
    return all(isinstance(one, list) and len(one) >= 2 and is_tag(one[0]) and not is_tag(one[1]) for one in body) and (
        any(isinstance(one[1], dict | list) for one in body)
    )


def find_discriminator(framing: Framing, sample: Sequence[str]) -> Framing:
    """Find the field whose value says which kind a message is: bodies under other values are built differently."""
    if framing.envelope != "none":
        return framing
    docs = [message.body for message in messages_of(framing, sample) if isinstance(message.body, dict) and message.body]
    if len(docs) < 2:
        return framing
    best: tuple[float, str] | None = None
    for path, values in _kind_candidates(docs).items():
        groups: dict[str, set[str]] = {}
        for doc, value in zip(docs, values, strict=True):
            if value is not None:
                groups.setdefault(value, set()).update(_signature(doc))
        if not 2 <= len(groups) <= 60 or len(groups) > 0.5 * len(docs) + 2:
            continue
        likeness = _likeness(list(groups.values()))
        named = _KIND_NAMES.search(path) is not None and all(is_tag(value) for value in groups)
        if likeness < (0.9 if named else 0.45):
            score = likeness - (0.5 if named else 0.0)
            if best is None or score < best[0]:
                best = score, path
    return framing if best is None else framing.model_copy(update={"envelope": "field", "kind": best[1]})


def _kind_candidates(docs: Sequence[Mapping[str, Any]]) -> dict[str, list[str | None]]:
    """Short scalars at the top and one level below, by path, for each document."""
    paths: dict[str, list[str | None]] = {}
    for number, doc in enumerate(docs):
        for path, value in _shallow(doc):
            if len(paths) < 200 or path in paths:
                paths.setdefault(path, [None] * len(docs))[number] = value
    return {path: values for path, values in paths.items() if sum(v is not None for v in values) >= 0.9 * len(docs)}


def _shallow(doc: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in [*doc.items()][:60]:
        if (isinstance(value, str) and 0 < len(value) <= 40) or (type(value) is int and 0 <= value < 100):
            yield escape(key), str(value)
        elif isinstance(value, dict):
            for inner_key, inner in [*value.items()][:20]:
                if isinstance(inner, str) and 0 < len(inner) <= 40 and is_tag(inner):
                    yield f"{escape(key)}.{escape(inner_key)}", inner


def _signature(doc: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for key, value in [*doc.items()][:100]:
        found.add(key)
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            found.update(f"{key}.{name}" for name in [*inner][:60])
    return found


def _likeness(groups: Sequence[set[str]]) -> float:
    """Mean overlap of what the groups do not all share."""
    common = set.intersection(*groups)
    pairs = [(a, b) for number, a in enumerate(groups[:12]) for b in groups[number + 1 : 12]]
    if all(group == common for group in groups):
        return 1.0
    scores = []
    for one, other in pairs:
        union = (one | other) - common
        scores.append(len((one & other) - common) / len(union) if union else 1.0)
    return sum(scores) / len(scores) if scores else 1.0


def find_bundles(framing: Framing, sample: Sequence[str]) -> Framing:
    """Whether messages whose keys are kinds hold a body for each."""
    if framing.envelope == "none":
        return framing
    messages = messages_of(framing, sample)
    kinds = {message.kind for message in messages if message.kind}
    for message in messages:
        if isinstance(message.body, dict) and not message.kind and len(message.body.keys() & kinds) >= 2:
            return framing.model_copy(update={"bundles": True})
    return framing
