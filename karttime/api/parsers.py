"""How circuits' feeds are read, in the database, which is shared: what others change is noticed within seconds."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, cast

from karttime.circuits.circuit import Circuit
from karttime.circuits.mapping import mapping_of
from karttime.circuits.parser import Parser, by_person
from karttime.engine.clock import Clock
from karttime.errors import UsageError
from karttime.feeds.declared.spec import FeedSpec, dump_spec, load_spec
from karttime.storage import analyses, parsers
from karttime.storage.analyses import AnalysisRow
from karttime.storage.database import Database, translated
from karttime.storage.parsers import ParserRow

FRESH_S: Final = 2.0


class StoredParsers:
    """Parsers in the database; one query tells for all circuits whether something changed."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or Clock()
        self._known: dict[str, tuple[tuple[int, int], Parser | None]] = {}
        self._revisions: Mapping[str, tuple[int, int]] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def get(self, circuit_id: str) -> Parser | None:
        """What is kept for a circuit, as it was a moment ago. Raises `StorageError`."""
        async with self._reading:
            if self._clock.monotonic() - self._read_at >= FRESH_S:
                self._revisions = await asyncio.to_thread(self._every)
                self._read_at = self._clock.monotonic()
            revision = self._revisions.get(circuit_id)
            if revision is None:
                self._known.pop(circuit_id, None)
                return None
            known = self._known.get(circuit_id)
            if known is None or known[0] != revision:
                known = self._known[circuit_id] = (revision, await asyncio.to_thread(self.now, circuit_id))
            return known[1]

    def now(self, circuit_id: str) -> Parser | None:
        """What is kept for a circuit at this moment; blocks. Raises `StorageError`."""
        with self._database.reading() as connection:
            row = parsers.get(connection, circuit_id)
        return None if row is None else _parser(row)

    async def found(self, circuit: Circuit, parser: Parser, result: dict[str, Any]) -> bool:
        """Keep what was found out; see `Parsers`."""
        kept = {**result, "mapping": mapping_of(circuit.column_labels, result)}
        return await self._changed(self._found, circuit.id, parser, kept)

    async def declare(self, circuit_id: str, spec: FeedSpec, at: int) -> None:
        """Keep what a person says. Raises `UsageError` where it is too large, and `StorageError`."""
        await self._changed(self.declared, circuit_id, spec, at)

    def declared(self, circuit_id: str, spec: FeedSpec, at: int) -> bool:
        """The same; blocks."""
        return self.put(circuit_id, by_person(spec, at, self.now(circuit_id)))

    async def forget(self, circuit_id: str) -> bool:
        """Keep nothing any more; False where nothing is kept. Raises `StorageError`."""
        return await self._changed(self.remove, circuit_id)

    async def _changed(self, change: Any, *arguments: Any) -> bool:
        async with self._reading:
            done: bool = await asyncio.to_thread(change, *arguments)
            self._read_at = float("-inf")
            return done

    def put(self, circuit_id: str, parser: Parser) -> bool:
        """Keep a parser; False where a person's stays. Blocks."""
        with translated(self._database.url), self._database.writing() as connection:
            return parsers.put(connection, _row(circuit_id, parser))

    def remove(self, circuit_id: str) -> bool:
        """Keep nothing any more for a circuit; False where nothing is kept. Blocks."""
        with translated(self._database.url), self._database.writing() as connection:
            return parsers.remove(connection, circuit_id)

    def _found(self, circuit_id: str, parser: Parser, result: dict[str, Any]) -> bool:
        with translated(self._database.url), self._database.writing() as connection:
            analyses.put(connection, AnalysisRow(circuit_id, parser.at, result))
            return parsers.put(connection, _row(circuit_id, parser))

    def _every(self) -> dict[str, tuple[int, int]]:
        with self._database.reading() as connection:
            return parsers.revisions(connection)


def _row(circuit_id: str, parser: Parser) -> ParserRow:
    spec = None if parser.spec is None else dump_spec(parser.spec)
    return ParserRow(circuit_id, parser.at, parser.feed, spec, parser.by, parser.source, parser.settled, parser.frames)


def _parser(row: ParserRow) -> Parser | None:
    """The parser of a row; None where a newer karttime wrote something that this one does not read."""
    try:
        spec = None if row.spec is None else load_spec(dict(row.spec))
    except UsageError:
        return None
    origin = cast("Literal['person', 'detection']", row.origin)
    made = Parser(row.feed, spec, origin, row.at, row.source, row.settled, row.frames)
    return replace(made, revision=row.revision)
