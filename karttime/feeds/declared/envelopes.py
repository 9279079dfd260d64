"""The shapes that transports put around payloads: what is in them, and of which kind it is."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

MAX_KIND: Final = 80


class Message(NamedTuple):
    """One message: its kind, its payload."""

    kind: str
    body: Any


def is_tag(value: object) -> bool:
    """Whether a value can name a kind: a short word that begins like a name."""
    return isinstance(value, str) and 0 < len(value) <= MAX_KIND and (value[0].isalpha() or value[0] in "$_#/@")


def _none(value: Any) -> list[Message]:
    return [Message("", value)]


def _arguments(name: str, arguments: Any) -> list[Message]:
    """What a call carries: `[topic, payload, …]`, one payload, or a list of tagged ones."""
    if not isinstance(arguments, list):
        return [Message(name, arguments)]
    if len(arguments) >= 2 and is_tag(arguments[0]) and isinstance(arguments[1], dict | list | str):
        return [Message(arguments[0], arguments[1])]
    if len(arguments) == 1:
        only = arguments[0]
        if isinstance(only, list) and only and all(_is_tagged(one) for one in only):
            return [Message(one[0], one[1]) for one in only]
        return [Message(name, only)]
    if arguments and all(_is_tagged(one) for one in arguments):
        return [Message(one[0], one[1]) for one in arguments]
    return [Message(name, arguments)] if arguments else []


def _is_tagged(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= 2 and is_tag(value[0]) and isinstance(value[1], dict | list)


def _tagged(value: Any) -> list[Message]:
    """`[topic, payload, …]`, or a list of such, which may hold one alone."""
    if isinstance(value, list) and len(value) == 1 and _is_tagged(value[0]):
        return [Message(value[0][0], value[0][1])]
    return _arguments("", value)


def _signalr(value: Any) -> list[Message]:
    if not isinstance(value, dict):
        return _none(value)
    if "R" in value:
        return [Message("", value["R"])]
    calls = value.get("M")
    if not isinstance(calls, list):
        calls = [value] if "A" in value else []
    found: list[Message] = []
    for call in calls:
        if isinstance(call, dict):
            found += _arguments(str(call.get("M", ""))[:MAX_KIND], call.get("A"))
    return found


def _signalr_core(value: Any) -> list[Message]:
    if not isinstance(value, dict):
        return _none(value)
    if value.get("type") == 3:
        return [Message("", value.get("result"))]
    if value.get("type") not in (1, 2):
        return []
    if "item" in value:
        return [Message("", value["item"])]
    return _arguments(str(value.get("target", ""))[:MAX_KIND], value.get("arguments"))


def _ddp(value: Any) -> list[Message]:
    """Meteor: `{"msg":"changed","collection":"cars","id":"x7","fields":{…}}`."""
    if not isinstance(value, dict) or value.get("msg") not in ("added", "changed", "removed"):
        return []
    fields = value.get("fields")
    return [Message(str(value.get("collection", ""))[:MAX_KIND], {str(value.get("id", "")): fields})] if fields else []


def _phoenix(value: Any) -> list[Message]:
    """`[join, ref, topic, event, payload]`."""
    if not isinstance(value, list) or len(value) != 5 or not isinstance(value[3], str):
        return []
    return [] if value[3].startswith("phx_") else [Message(value[3][:MAX_KIND], value[4])]


ENVELOPES: Final[Mapping[str, Callable[[Any], list[Message]]]] = {
    "none": _none,
    "field": _none,
    "signalr": _signalr,
    "signalr-core": _signalr_core,
    "ddp": _ddp,
    "phoenix": _phoenix,
    "tagged": _tagged,
}
