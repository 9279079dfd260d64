"""Circuits that were given as arguments: `NAME=URL`."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from karttime.circuits.circuit import Circuit, CircuitConflict
from karttime.circuits.urls import split_feed
from karttime.errors import UsageError

MAX_NAME: Final = 200
_MAX_URL: Final = 2000


def check_page(url: str) -> str:
    """The address of a venue's page, which people open in a browser, without blanks around it; may be empty.

    Raises:
        UsageError: it is none; the text says what is accepted.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if url and (not sound or len(url) > _MAX_URL or not url.isprintable() or " " in url):
        raise UsageError("a page's address is http://host[:port][/path] or https://host[:port][/path], or empty")
    return url


def check_name(name: str) -> str:
    """A circuit's name without blanks around it.

    Raises:
        UsageError: it is empty, too long or has control characters.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(f"a circuit's name has 1 to {MAX_NAME} characters and no control characters")
    return name


def slug(name: str) -> str:
    """A name as an id: lower-case ASCII letters and digits, joined by `-`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "circuit"


class LocalCircuits:
    """Circuits that do not change while the program runs; a `CircuitStore` that refuses every edit."""

    def __init__(self, circuits: Iterable[Circuit] = ()) -> None:
        self._circuits = {circuit.id: circuit for circuit in sorted(circuits, key=lambda c: c.name.casefold())}

    async def list(self) -> Sequence[Circuit]:
        return tuple(self._circuits.values())

    async def get(self, circuit_id: str) -> Circuit | None:
        return self._circuits.get(circuit_id)

    async def add(self, circuit: Circuit) -> None:
        self.refuse(circuit.id)
        raise CircuitConflict("circuits are given when the service is started: give one more there, and start again")

    async def replace(self, circuit: Circuit) -> None:
        self.refuse(circuit.id)
        raise CircuitConflict(f"circuit {circuit.id!r} was removed meanwhile: add it again if it is wanted")

    async def remove(self, circuit_id: str) -> None:
        self.refuse(circuit_id)
        raise CircuitConflict(f"circuit {circuit_id!r} was removed meanwhile")

    def refuse(self, circuit_id: str) -> None:
        """Raise `CircuitConflict` for one of these."""
        if circuit_id in self._circuits:
            raise CircuitConflict(
                f"circuit {circuit_id!r} was given when the service was started: change it there, and start again"
            )


def local_circuits(arguments: Iterable[str]) -> LocalCircuits:
    """Circuits from `NAME=URL` or `NAME=FEED+URL` arguments; equal names get ids of their own.

    Raises:
        UsageError: an argument is no good; the text says what is accepted.
    """
    circuits: dict[str, Circuit] = {}
    for argument in arguments:
        name, separator, url = argument.partition("=")
        name = name.strip()
        if not separator or not name or "://" in name:
            raise UsageError(
                f"{argument!r} is not NAME=URL; for example: --circuit 'Hill Kart=wss://timing.example:8523'"
            )
        if not name.isprintable():
            raise UsageError(f"the circuit name {name!r} contains control characters: leave them out")
        circuit_id = unused(slug(name), circuits)
        feed, address = split_feed(url)
        circuits[circuit_id] = Circuit(circuit_id, name, address, feed)
    return LocalCircuits(circuits.values())


def unused(wanted: str, taken: Iterable[str]) -> str:
    """The wanted id, or the first of `wanted-2`, `wanted-3`… that is not taken."""
    known, number, found = set(taken), 1, wanted
    while found in known:
        number += 1
        found = f"{wanted}-{number}"
    return found
