"""From the text of a frame to messages: what a `Framing` declares, interpreted.

A message has a kind (empty where the feed has none) and a body, a JSON-like value. Everything is bounded by the size of
the text, except compressed payloads, which may grow to `MAX_INFLATED`.
"""

import csv
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from karttime.feeds.declared.grids import Grid
from karttime.feeds.declared.markup import parse_html, parse_xml
from karttime.feeds.declared.paths import ANY, Path, child, entries, get, parse_path
from karttime.feeds.declared.pivots import Pivoter
from karttime.feeds.declared.spec import Embedded, Framing, Patches
from karttime.feeds.declared.transport import MAX_INFLATED, PREFIXES, inflate

MAX_TEXT: Final = 16 << 20
MAX_MESSAGES: Final = 20_000
MAX_FIELDS: Final = 256
_MAX_KIND: Final = 80


class Message(NamedTuple):
    """One message: its kind, its payload."""

    kind: str
    body: Any


class Unreadable(ValueError):  # noqa: N818 - it is counted, not shown as an error
    """A text is not in the declared framing; the text is the reason to count it by."""


class Allowance:
    """How much compressed values of one frame may grow to, all together: a frame may hold thousands of them."""

    def __init__(self, left: int = MAX_INFLATED) -> None:
        self.left = left


def decode_base64(text: str, allowance: Allowance) -> Any:
    """The JSON value that base64 text holds, compressed or not; None where it holds none, or more than is allowed."""
    try:
        data = a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        return None
    if allowance.left <= 0:
        return None
    for candidate in (inflate(data, allowance.left), data):
        if candidate:
            allowance.left -= len(candidate)
            try:
                value = orjson.loads(candidate)
            except ValueError:
                continue
            if isinstance(value, dict | list):
                return value
    return None


def is_tag(value: object) -> bool:
    """Whether a value can name a kind: a short word that begins like a name."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_KIND and (value[0].isalpha() or value[0] in "$_#/@")


class Unwrapper:
    """Interprets one `Framing`.

    Attributes:
        size: characters of what was unwrapped so far, which may be many times that of the frames.
    """

    def __init__(self, framing: Framing, kinds: frozenset[str] = frozenset()) -> None:
        self.size = 0
        self._framing = framing
        self._kinds = kinds
        self._strip = PREFIXES.get(framing.prefix)
        self._open = _ENVELOPES[framing.envelope]
        self._kind, self._body = parse_path(framing.kind), parse_path(framing.body)
        self._embedded = [(*_split_last(parse_path(one.path)), one) for one in framing.embedded]
        self._allowance = Allowance()
        self._grid = Grid(framing.separator)
        self._pivots = [Pivoter(pivot) for pivot in framing.pivots]
        self._patches: dict[str, list[Patcher]] = {}
        for patches in framing.patches:
            self._patches.setdefault(patches.kind, []).append(Patcher(patches))

    def messages(self, text: str) -> list[Message]:
        """The messages of one frame; none for a keep-alive.

        Raises:
            Unreadable: the text is in another framing.
        """
        if len(text) > MAX_TEXT:
            raise Unreadable("too-long")
        found: list[Message] = []
        bad = 0
        self._allowance = Allowance()
        for piece in self._pieces(text):
            self.size += len(piece)
            try:
                value = self._parse(piece)
            except ValueError:
                bad += 1
                continue
            self._unpack(value, found)
            if len(found) > MAX_MESSAGES:
                raise Unreadable("too-many-messages")
        if bad and not found:
            raise Unreadable("not-in-this-framing")
        return found

    def _pieces(self, text: str) -> Sequence[str]:
        if self._framing.split == "none":
            pieces = [text]
        else:
            pieces = text.split("\x1e") if self._framing.split == "records" else text.splitlines()
        pieces = [stripped for piece in pieces if (stripped := piece.strip())]
        if self._strip is None:
            return pieces
        inside: list[str] = []
        for piece in pieces:
            taken = self._strip(piece)
            inside += [piece] if taken is None else taken
        return inside

    def _parse(self, text: str) -> Any:
        framing = self._framing
        match framing.syntax:
            case "json":
                return orjson.loads(text)
            case "fields":
                return split_fields(text, framing.separator)
            case "pairs":
                return split_pairs(text, framing.separator, framing.equals)
            case "table":
                return self._grid.read(text)
            case "html":
                return parse_html(text)
            case "xml":
                return parse_xml(text)

    def _unpack(self, value: Any, found: list[Message]) -> None:
        for parent, last, embedded in self._embedded:
            value = _decode_embedded(value, parent, last, embedded, self._allowance)
        if self._framing.tagged and isinstance(value, list) and value:
            messages = [Message(str(value[0])[:_MAX_KIND], value)]
        elif self._framing.envelope == "field":
            body = get(value, self._body) if self._body else value
            kind = get(value, self._kind)
            messages = [Message("" if kind is None else str(kind)[:_MAX_KIND], value if body is None else body)]
        else:
            messages = self._open(value)
        before = len(found)
        for message in messages:
            for pivoter in self._pivots:
                pivoter.learn(message.kind, message.body)
            if (
                self._framing.bundles
                and isinstance(message.body, dict)
                and not message.body.keys().isdisjoint(self._kinds)
            ):
                found += [Message(kind, body) for kind, body in message.body.items()]
            elif message.kind in self._patches:
                found += [patched for patcher in self._patches[message.kind] for patched in patcher.apply(message)]
            else:
                found.append(message)
        if self._pivots:
            found[before:] = [Message(kind, self._pivoted(kind, body)) for kind, body in found[before:]]

    def _pivoted(self, kind: str, body: Any) -> Any:
        for pivoter in self._pivots:
            body = pivoter.apply(kind, body)
        return body


def split_fields(text: str, separator: str) -> list[str]:
    """Fields of a line; quotes around a field are taken off.

    Raises:
        ValueError: there is but one field, or far too many.
    """
    if '"' in text and len(separator) == 1:
        try:
            fields = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
        except (csv.Error, StopIteration) as error:
            raise ValueError(str(error)) from error
    else:
        fields = text.split(separator, MAX_FIELDS)
    if not 1 < len(fields) <= MAX_FIELDS:
        raise ValueError("no fields")
    return [field.strip() for field in fields]


def split_pairs(text: str, separator: str, equals: str) -> dict[str, str]:
    """Keys and values of a line such as `no=7;lap=12`.

    Raises:
        ValueError: it has none.
    """
    pairs = [part.partition(equals) for part in text.split(separator, MAX_FIELDS)]
    found = {key.strip(): value.strip() for key, equal, value in pairs if equal and key.strip()}
    if not found:
        raise ValueError("no pairs")
    return found


# --- strings that hold values --------------------------------------------------------------------------------------


def _split_last(path: Path) -> tuple[Path, str]:
    return (path[:-1], path[-1]) if path else ((), "")


def _decode_embedded(value: Any, parent: Path, last: str, embedded: Embedded, allowance: Allowance) -> Any:
    if not last:
        inner = _decode_string(value, embedded, allowance)
        return value if inner is None else inner
    for _, holder in entries(value, parent):
        if last != ANY:
            keys: Sequence[Any] = (last,)
        else:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            inner = _decode_string(child(holder, str(key)), embedded, allowance)
            if inner is not None and isinstance(holder, dict):
                holder[key] = inner
            elif inner is not None:
                holder[int(key)] = inner
    return value


def _decode_string(text: Any, embedded: Embedded, allowance: Allowance) -> Any:
    if not isinstance(text, str):
        return None
    if embedded.codec == "base64":
        return decode_base64(text, allowance)
    try:
        return orjson.loads(text) if embedded.codec == "json" else split_fields(text, embedded.separator)
    except ValueError:
        return None


# --- envelopes ------------------------------------------------------------------------------------------------------


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
            found += _arguments(str(call.get("M", ""))[:_MAX_KIND], call.get("A"))
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
    return _arguments(str(value.get("target", ""))[:_MAX_KIND], value.get("arguments"))


def _ddp(value: Any) -> list[Message]:
    """Meteor: `{"msg":"changed","collection":"cars","id":"x7","fields":{…}}`."""
    if not isinstance(value, dict) or value.get("msg") not in ("added", "changed", "removed"):
        return []
    fields = value.get("fields")
    return [Message(str(value.get("collection", ""))[:_MAX_KIND], {str(value.get("id", "")): fields})] if fields else []


def _phoenix(value: Any) -> list[Message]:
    """`[join, ref, topic, event, payload]`."""
    if not isinstance(value, list) or len(value) != 5 or not isinstance(value[3], str):
        return []
    return [] if value[3].startswith("phx_") else [Message(value[3][:_MAX_KIND], value[4])]


_ENVELOPES: Final[Mapping[str, Callable[[Any], list[Message]]]] = {
    "none": _none,
    "field": _none,
    "signalr": _signalr,
    "signalr-core": _signalr_core,
    "ddp": _ddp,
    "phoenix": _phoenix,
    "tagged": _tagged,
}


# --- patches --------------------------------------------------------------------------------------------------------


class Patcher:
    """Turns lists of changes into the value that they change."""

    def __init__(self, patches: Patches) -> None:
        self._patches = patches
        self._changes = parse_path(patches.changes)
        self._root = parse_path(patches.root)
        self._value = parse_path(patches.value)

    def apply(self, message: Message) -> list[Message]:
        """A message of the target's kind that holds only what changes; the message itself where it holds no changes."""
        changes = get(message.body, self._changes)
        pairs = self._pairs(changes)
        if not pairs:
            return [message]
        tree: dict[str, Any] = {}
        for path, value in pairs:
            _plant(tree, (*self._root, *path), value)
        return [Message(self._patches.target, tree)]

    def _pairs(self, changes: Any) -> list[tuple[list[str], Any]]:
        patches = self._patches
        if patches.path == "@key":
            items = changes.items() if isinstance(changes, dict) else ()
            return [(path, value) for key, value in items if len(path := self._segments(key)) > 1]
        changes = [changes] if isinstance(changes, dict) else changes
        if not isinstance(changes, list):
            return []
        if not patches.path:
            at = int(patches.value) if patches.value.isdigit() else 2
            rows = [change for change in changes if isinstance(change, list) and len(change) > at]
            return [([str(key) for key in change[:at]], change[at]) for change in rows]
        where = parse_path(patches.path)
        found = [(get(change, where), get(change, self._value)) for change in changes]
        return [(self._segments(path), value) for path, value in found if isinstance(path, str)]

    def _segments(self, path: str) -> list[str]:
        return [part for part in path.split(self._patches.separator, 32) if part]


def _plant(tree: dict[str, Any], path: Sequence[str], value: Any) -> None:
    if not path and isinstance(value, dict):  # the whole is sent anew
        tree.update(value)
    for segment in path[:-1]:
        inner = tree.get(segment)
        if not isinstance(inner, dict):
            inner = tree[segment] = {}
        tree = inner
    if path:
        tree[path[-1]] = value
