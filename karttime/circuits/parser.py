"""How a circuit's feed is read where its name alone does not say it: found out, or declared by a person.

| feed of a circuit | is read |
|---|---|
| `apex`, `rmonitor`, … | by the decoder of this name |
| `auto` | by what a person declared, else by what was found out; found out while it runs where nothing is known |
| `spec` | by what a person declared |
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from karttime.circuits.circuit import Circuit
from karttime.circuits.urls import shown
from karttime.errors import UsageError
from karttime.feeds.base import Decoder
from karttime.feeds.formats import FORMATS
from karttime.feeds.mixed import MixedDecoder

if TYPE_CHECKING:
    from karttime.feeds.declared.spec import FeedSpec

AUTO: Final = "auto"
SPEC: Final = "spec"
PARSED: Final = frozenset({AUTO, SPEC})
"""Feeds that are read by a `Parser`."""

FEEDS: Final = (*sorted(FORMATS), AUTO, SPEC)
"""Every feed that a circuit may have."""

MAX_STORED_SPEC: Final = 192 * 1024
"""Bytes of a spec that is kept for a circuit, as JSON."""

By = Literal["person", "detection"]


@dataclass(frozen=True, slots=True)
class Parser:
    """How the feed of one circuit is read.

    Attributes:
        feed: a key of `FORMATS`, or `spec`.
        spec: the declaration where `feed` is `spec`; beside a format, that of the other protocol in the stream.
        by: who says so; what a person says is never replaced by detection.
        at: when, ms UTC.
        source: the address of the feed that it was found for, without secrets.
        settled: laps were seen and understood; what is not settled is looked at again with more data.
        frames: messages that sufficed; 0 for what a person gave.
        revision: grows with each change of what is stored for the circuit; 0 for what is not stored.
    """

    feed: str
    spec: "FeedSpec | None"
    by: By
    at: int
    source: str = ""
    settled: bool = True
    frames: int = 0
    revision: int = 0

    @property
    def name(self) -> str:
        """The format in words."""
        if self.spec is None:
            return self.feed
        return f"spec {self.spec.name!r}" if self.feed == SPEC else f"{self.feed} and spec {self.spec.name!r}"

    def decoder(self) -> Decoder:
        """A new decoder."""
        if self.spec is None:
            return FORMATS[self.feed].decoder()
        from karttime.feeds.declared.decoder import DeclaredDecoder

        declared = DeclaredDecoder(self.spec)
        return declared if self.feed == SPEC else MixedDecoder(FORMATS[self.feed].decoder(), declared)

    def reads(self, circuit: Circuit) -> bool:
        """Whether it may read a circuit as it is now: what was found out counts for the address it was found at."""
        if self.feed not in FORMATS and (self.feed, self.spec is None) != (SPEC, False):
            return False  # of a newer karttime
        if self.by == "person":
            return True
        return circuit.feed == AUTO and self.source == shown(circuit.url)


def is_other_feed(before: Circuit, after: Circuit) -> bool:
    """Whether an edit leads to another feed, to which one connects anew; from `auto` to `spec` it is the same one."""
    same = before.feed == after.feed or {before.feed, after.feed} <= PARSED
    return before.url != after.url or not same


class Parsers(Protocol):
    """Where parsers are kept, one for each circuit."""

    async def get(self, circuit_id: str) -> Parser | None:
        """What is kept for a circuit. Raises `StorageError` where that cannot be found out."""
        ...

    async def found(self, circuit: Circuit, parser: Parser, result: dict[str, Any]) -> bool:
        """Keep what was found out with the whole result; False where a person's word stands, which stays.

        Raises `StorageError` where nothing can be kept.
        """
        ...


def by_person(spec: "FeedSpec", at: int, before: Parser | None = None) -> Parser:
    """A person's declaration; of the other protocol, where what is stored `before` has one beside a known format.

    Raises:
        UsageError: it is too large to be kept.
    """
    from karttime.feeds.declared.spec import write_spec

    size = len(write_spec(spec).encode())
    if size > MAX_STORED_SPEC:
        raise UsageError(f"the spec has {size // 1024} KiB, at most {MAX_STORED_SPEC // 1024} KiB are kept: shorten it")
    mixed = before is not None and before.spec is not None
    return Parser(before.feed if before is not None and mixed else SPEC, spec, "person", at)
