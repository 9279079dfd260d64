"""From the text of a frame to messages: what a `Framing` declares, interpreted.

A message has a kind (empty where the feed has none) and a body, a JSON-like value. Everything is bounded by the size of
the text, except compressed payloads, which may grow to `MAX_INFLATED`.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from karttime.feeds.declared.envelopes import ENVELOPES, MAX_KIND, Message
from karttime.feeds.declared.grids import Grid
from karttime.feeds.declared.markup import parse_html, parse_xml
from karttime.feeds.declared.patching import Patcher
from karttime.feeds.declared.paths import get, parse_path
from karttime.feeds.declared.pivots import Pivoter
from karttime.feeds.declared.spec import Framing
from karttime.feeds.declared.strings import Allowance, decode_embedded, split_fields, split_last, split_pairs
from karttime.feeds.declared.transport import PREFIXES

MAX_TEXT: Final = 16 << 20
MAX_MESSAGES: Final = 20_000


class Unreadable(ValueError):  # noqa: N818 - it is counted, not shown as an error
    """A text is not in the declared framing; the text is the reason to count it by."""


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
        self._open = ENVELOPES[framing.envelope]
        self._kind, self._body = parse_path(framing.kind), parse_path(framing.body)
        self._embedded = [(*split_last(parse_path(one.path)), one) for one in framing.embedded]
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
            value = decode_embedded(value, parent, last, embedded, self._allowance)
        if self._framing.tagged and isinstance(value, list) and value:
            messages = [Message(str(value[0])[:MAX_KIND], value)]
        elif self._framing.envelope == "field":
            body = get(value, self._body) if self._body else value
            kind = get(value, self._kind)
            messages = [Message("" if kind is None else str(kind)[:MAX_KIND], value if body is None else body)]
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
