"""How the frames of an unknown feed are framed: a draft `Framing` from a sample of texts.

Each step is a protocol fact about transports and languages, never about one timing system: what wraps the messages,
what separates them, which language they are in, which envelope is around their payload, which strings hold values.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from karttime.feeds.declared.framing import Allowance, Message, Unreadable, Unwrapper, decode_base64, is_tag
from karttime.feeds.declared.grids import Grid
from karttime.feeds.declared.markup import parse_html, parse_xml
from karttime.feeds.declared.paths import escape
from karttime.feeds.declared.spec import Embedded, Framing
from karttime.feeds.declared.transport import MAX_INFLATED, PREFIXES

SAMPLE_TEXTS: Final = 400
_SAMPLE_BYTES: Final = 1_500_000
_SEPARATORS: Final = (";", "|", "\t", "^", "~", "§", "¦", ",", "#")
_PAIR: Final = re.compile(r"[A-Za-z_][\w .]{0,40}\s*[=:]\s*[^=:;|&]")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_LEAST_ROWS: Final = 3
_MAX_DEPTH: Final = 12
_KIND_NAMES: Final = re.compile(
    r"(type|event|topic|kind|msg|cmd|command|action|channel|method|op|pid|name|collection)$", re.IGNORECASE
)


def sample_texts(texts: Sequence[str]) -> list[str]:
    """A bounded sample: the first texts, and some from all over."""
    step = max(len(texts) // SAMPLE_TEXTS, 1)
    chosen = [*texts[:50], *texts[50::step]][: 2 * SAMPLE_TEXTS]
    taken: list[str] = []
    size = 0
    for text in chosen:
        size += len(text)
        if size > _SAMPLE_BYTES and taken:
            break
        taken.append(text)
    return taken


def guess_framing(texts: Sequence[str]) -> Framing | None:
    """The framing of these texts; None where no structure is found."""
    sample = [text for text in sample_texts(texts) if text.strip()]
    if not sample:
        return None
    prefix = _prefix(sample)
    inside: list[str] = []
    for number, text in enumerate(sample):
        inside += _strip(prefix, text)
        if sum(map(len, inside)) > 2 * _SAMPLE_BYTES:  # packed texts grow
            sample = sample[: number + 1]
            break
    framing = _syntax(inside)
    framing = _headed(framing, inside)
    if framing is None:
        return None
    framing = framing.model_copy(update={"prefix": prefix})
    if framing.syntax != "json":
        return _tag(framing, sample) if framing.syntax == "fields" else framing
    framing = _embedded(framing, sample)
    framing = _envelope(framing, sample, socket_io=prefix == "engine.io")
    return _bundles(_discriminator(framing, sample), sample)


def read_messages(
    framing: Framing, texts: Sequence[str], kinds: frozenset[str] = frozenset()
) -> Iterator[list[Message] | None]:
    """The messages of each text; None for a text in another framing."""
    unwrapper = Unwrapper(framing, kinds)
    for text in texts:
        try:
            yield unwrapper.messages(text)
        except Unreadable:
            yield None


def _flat(framing: Framing, sample: Sequence[str]) -> list[Message]:
    return [message for messages in read_messages(framing, sample) if messages for message in messages]


def _prefix(sample: Sequence[str]) -> Any:
    for name, strip in PREFIXES.items():
        taken = [strip(text.strip()) for text in sample]
        content = sum(1 for inside in taken if inside)
        if content and sum(1 for inside in taken if inside is not None) >= 0.8 * len(sample):
            return name
    return "none"


def _strip(prefix: str, text: str) -> list[str]:
    if prefix == "none":
        return [text]
    inside = PREFIXES[prefix](text.strip())
    return [text] if inside is None else inside


def _syntax(texts: Sequence[str]) -> Framing | None:
    """The language that explains most of the characters."""
    total = sum(map(len, texts)) or 1
    best: tuple[float, Framing] | None = None
    for framing, reads in _LANGUAGES:
        explained = sum(len(text) for text in texts if reads(text))
        share = explained / total
        if share >= 0.5 and (best is None or share > best[0] + 0.05):
            best = share, framing
    if best is not None:
        return best[1]
    return _fields(texts)


def _is_json(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict | list)
    except ValueError:
        return False


def _are_json(separator: str, text: str) -> bool:
    pieces = [piece for piece in (text.split("\x1e") if separator else text.splitlines()) if piece.strip()]
    good = sum(map(_is_json, pieces))
    return good > 0 and good >= 0.8 * len(pieces)


def _is_html(text: str) -> bool:
    if "<t" not in text.lower():
        return False
    try:
        parse_html(text)
    except ValueError:
        return False
    return True


def _is_xml(text: str) -> bool:
    if not text.lstrip().startswith("<"):
        return False
    try:
        parse_xml(text)
    except ValueError:
        return False
    return True


_LANGUAGES: Final = (
    (Framing(), _is_json),
    (Framing(split="records"), lambda text: "\x1e" in text and _are_json("\x1e", text)),
    (Framing(split="lines"), lambda text: "\n" in text.strip() and _are_json("", text)),
    (Framing(syntax="html"), _is_html),
    (Framing(syntax="xml"), _is_xml),
)


def _fields(texts: Sequence[str]) -> Framing | None:
    """Lines of fields or of pairs; the separator under which most lines have a stable number of fields."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()][:4000]
    best: tuple[float, Framing] | None = None
    for separator in _SEPARATORS:
        parts = [line.split(separator) for line in lines]
        wide = [fields for fields in parts if len(fields) >= 3]
        if len(wide) < max(3, 0.6 * len(lines)):
            continue
        paired = sum(1 for fields in wide if sum(bool(_PAIR.match(f.strip())) for f in fields) >= 0.8 * len(fields))
        digits = sum(any(c.isdigit() for c in field) for fields in wide for field in fields)
        cells = sum(map(len, wide))
        if digits < 0.25 * cells:
            continue
        lengths: dict[str, Counter[int]] = {}
        for fields in wide:
            lengths.setdefault(fields[0] if is_tag(fields[0].strip()) else "", Counter())[len(fields)] += 1
        steady = sum(counts.most_common(1)[0][1] for counts in lengths.values()) / len(lines)
        if len(lengths) > 0.5 * len(wide) + 5:
            steady = sum(Counter(map(len, wide)).most_common(1)[0][1] for _ in (0,)) / len(lines)
        if steady < 0.5:
            continue
        if paired >= 0.8 * len(wide):
            equals = "=" if sum("=" in line for line in lines) >= 0.8 * len(lines) else ":"
            framing = Framing(split="lines", syntax="pairs", separator=separator, equals=equals)
            steady += 0.2
        else:
            framing = Framing(split="lines", syntax="fields", separator=separator)
        score = steady + 0.01 * min(cells / len(lines), 20)
        if best is None or score > best[0]:
            best = score, framing
    return best[1] if best else None


def _headed(framing: Framing | None, texts: Sequence[str]) -> Framing | None:
    """A table under heads: lines of fields with some, or columns by width."""
    if framing is not None and framing.syntax != "fields":
        return framing
    for separator in (framing.separator,) if framing is not None else ("",):
        grid, rows, filled = Grid(separator), 0, 0
        for text in texts:
            try:
                read = grid.read(text)["rows"]
            except ValueError:
                continue
            rows += len(read)
            filled += bool(read)
        lines = sum(1 for text in texts for line in text.splitlines() if line.strip())
        enough = rows >= _LEAST_ROWS and rows >= 0.6 * lines and filled >= 0.5 * len(texts)
        if enough and (separator or rows >= 2 * filled):  # one line alone has no columns by width
            return Framing(syntax="table", separator=separator)
    return framing


def _tag(framing: Framing, sample: Sequence[str]) -> Framing:
    """Whether the first field names the kind: few words, each with its own number of fields or repeated often."""
    messages = _flat(framing, sample)
    firsts = Counter(message.body[0] for message in messages if isinstance(message.body, list))
    if not firsts or not all(is_tag(first) for first in firsts) or any(len(first) > 24 for first in firsts):
        return framing
    many = len(firsts) <= 40 and len(firsts) <= 0.2 * len(messages) + 1
    return framing.model_copy(update={"tagged": True}) if many else framing


# --- strings that hold values ---------------------------------------------------------------------------------------


def _embedded(framing: Framing, sample: Sequence[str]) -> Framing:
    """Find strings that hold JSON, base64 of it, or fields: by pattern of path, up to three levels deep."""
    found: list[Embedded] = []
    for _ in range(3):
        current = framing.model_copy(update={"embedded": tuple(found)})
        holders: dict[str, Counter[str]] = {}
        allowance = Allowance(4 * MAX_INFLATED)
        for message in _flat(current, sample[:120]):
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
    if text[0] in "{[" and text[-1] in "}]" and _is_json(text):
        return "json"
    if len(text) >= 24 and _BASE64.fullmatch(text[:200].rstrip("=")) and decode_base64(text, allowance) is not None:
        return "base64"
    for separator in (";", "|", "^", "~"):
        if text.count(separator) >= 5 and " " + separator not in text:
            return f"fields {separator}"
    return "plain"


# --- envelopes ------------------------------------------------------------------------------------------------------

_SIGNALR_KEYS: Final = frozenset("CMSGRIHATLE")


def _envelope(framing: Framing, sample: Sequence[str], *, socket_io: bool) -> Framing:
    bodies = [message.body for message in _flat(framing, sample)]
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


def _discriminator(framing: Framing, sample: Sequence[str]) -> Framing:
    """Find the field whose value says which kind a message is: bodies under other values are built differently."""
    if framing.envelope != "none":
        return framing
    docs = [message.body for message in _flat(framing, sample) if isinstance(message.body, dict) and message.body]
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


def _bundles(framing: Framing, sample: Sequence[str]) -> Framing:
    """Whether messages whose keys are kinds hold a body for each."""
    if framing.envelope == "none":
        return framing
    messages = _flat(framing, sample)
    kinds = {message.kind for message in messages if message.kind}
    for message in messages:
        if isinstance(message.body, dict) and not message.kind and len(message.body.keys() & kinds) >= 2:
            return framing.model_copy(update={"bundles": True})
    return framing
