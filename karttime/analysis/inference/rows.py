"""Rows as they were sent: gathered from the bodies of messages, before anything is known of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from karttime.analysis.inference.structure import Place, leaves
from karttime.feeds.declared.paths import Path, entries

MAX_ROWS: Final = 150_000


class Sent(NamedTuple):
    """A body with its time and its number in the feed."""

    at: int
    number: int
    body: Any


class RowSeen(NamedTuple):
    """One row of one message.

    Attributes:
        at: when.
        message: the frame's number.
        address: its key or index in the container.
        leaves: its scalars by path.
        source: number of the place that it was sent at, where rows of a table are sent at several.
        key: of the competitor, where another place than the table's own says it.
    """

    at: int
    message: int
    address: str
    leaves: Mapping[Path, Any]
    source: int = 0
    key: str | None = None


def rows_of(place: Place, bodies: Sequence[Sent]) -> list[RowSeen]:
    """The rows at a place, of all messages of its kind, at most `MAX_ROWS`."""
    rows: list[RowSeen] = []
    for at, number, body in bodies:
        for keys, node in entries(body, place.path):
            if isinstance(node, dict | list):
                found = leaves(node, short=place.short)
                if found:
                    rows.append(RowSeen(at, number, keys[-1] if keys else "", found))
        if len(rows) > MAX_ROWS:
            break
    return rows


def by_message(rows: Sequence[RowSeen]) -> dict[tuple[int, int], list[RowSeen]]:
    """The rows that were sent together: by frame and source, in order."""
    found: dict[tuple[int, int], list[RowSeen]] = defaultdict(list)
    for row in rows:
        found[(row.message, row.source)].append(row)
    return found


def is_index(addresses: set[str]) -> bool:
    """Whether the keys of a container are indexes, 0 or 1 to n, rather than ids."""
    if not all(address.isdigit() for address in addresses):
        return False
    numbers = {int(address) for address in addresses}
    return max(numbers, default=0) < 1.6 * len(numbers) + 1
