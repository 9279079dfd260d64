"""What a person noted about a recording: decisions about laps, and marks, in a file beside it that only grows.

One JSON object a line: `{"at": ms, "session": id, "competitor": id, "lap": 12, "excluded": true, "reason": text}` or
`{"at": ms, "mark": text}`. `at` of a decision is when it was made, of a mark the moment of the recording that it marks.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from karttime.errors import UsageError
from karttime.tui.race import Decision


class Kept:
    """The file; made when the first note is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def decisions(self, session: str) -> list[Decision]:
        """Decisions about the laps of a session, oldest first."""
        return [
            Decision(str(it["competitor"]), it["lap"], it["excluded"] is True, str(it.get("reason", "")), it["at"])
            for it in self._records()
            if it.get("session") == session and isinstance(it.get("lap"), int) and "competitor" in it
        ]

    def marks(self) -> list[tuple[int, str]]:
        """Moments and texts."""
        return [(it["at"], str(it["mark"])) for it in self._records() if "mark" in it]

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep a note.

        Raises:
            UsageError: the file cannot be written.
        """
        try:
            with self.path.open("ab") as file:
                file.write(orjson.dumps(record) + b"\n")
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror or error}") from error

    def _records(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # torn by a kill; the next line is whole again
            if isinstance(record, dict) and isinstance(record.get("at"), int):
                yield record
