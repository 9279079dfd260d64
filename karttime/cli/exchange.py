"""Circuits to files and back, JSON or TOML: the fields of `GET /circuits`, whose answer can be imported as it is."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from karttime.api.schemas import CircuitBody
from karttime.circuits.circuit import Circuit
from karttime.circuits.labels import APP_COLUMNS, edited
from karttime.circuits.local import check_name, check_page, slug, unused
from karttime.circuits.parser import AUTO, FEEDS, SPEC
from karttime.circuits.urls import check_url, feed_of
from karttime.cli.catalogue import Catalogue
from karttime.domain.display import clean
from karttime.engine.clock import Clock
from karttime.errors import UsageError

MAX_SIZE: Final = 10 << 20
MAX_CIRCUITS: Final = 1000
_KINDS: Final = "name a file that ends in .json or .toml"


def document(circuit: Circuit) -> dict[str, Any]:
    """One circuit as it is exported."""
    return {
        "id": circuit.id,
        "nom": circuit.name,
        "liveTimingUrl": circuit.live_timing_url,
        "wssUrl": circuit.url,
        "feed": circuit.feed,
        "mappings": dict(circuit.column_labels),
    }


def written(circuits: Sequence[Circuit], kind: str) -> str:
    """Circuits as a text, `.json` or `.toml`."""
    documents = [document(circuit) for circuit in circuits]
    if kind == ".json":
        return json.dumps({"circuits": documents}, ensure_ascii=False, indent=2) + "\n"
    return "\n".join(_toml(one) for one in documents)


def export(circuits: Sequence[Circuit], target: str) -> None:
    """Write circuits to a new file. Raises `UsageError` where that cannot be."""
    path = Path(target)
    kind = path.suffix.lower()
    if kind not in {".json", ".toml"}:
        raise UsageError(f"{target} is neither JSON nor TOML: {_KINDS}, or - for JSON")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(written(circuits, kind))
    except FileExistsError:
        raise UsageError(f"{target} is there already: name another file") from None
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}; name a file that can be written") from error


def _toml(one: Mapping[str, Any]) -> str:
    """A table; JSON's texts are TOML's as well, and no text of ours holds what TOML wants escaped further."""
    lines = ["[[circuits]]"]
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in one.items() if name != "mappings"]
    lines.append("[circuits.mappings]")
    lines += [f"{column} = {json.dumps(label, ensure_ascii=False)}" for column, label in one["mappings"].items()]
    return "\n".join(lines) + "\n"


def read(path: Path) -> list[Circuit]:
    """The circuits of a file, each checked; ids are empty where the file has none.

    Raises:
        UsageError: it cannot be read, or one of them is no good; the text says which and why.
    """
    kind = path.suffix.lower()
    if kind not in {".json", ".toml"}:
        raise UsageError(f"{path} is neither JSON nor TOML: {_KINDS}")
    try:
        if path.stat().st_size > MAX_SIZE:
            raise UsageError(f"{path} is larger than {MAX_SIZE >> 20} MiB: it is no list of circuits")
        text = path.read_text(encoding="utf-8")
        loaded = json.loads(text) if kind == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no {kind[1:].upper()}: {clean(str(error), 200)}") from error
    entries = loaded.get("circuits") if isinstance(loaded, dict) else loaded
    if not isinstance(entries, list) or len(entries) > MAX_CIRCUITS:
        raise UsageError(f"{path} has no list of at most {MAX_CIRCUITS} circuits: `karttime circuits export` makes one")
    found = [_checked(entry, f"{path}, circuit {number}") for number, entry in enumerate(entries, 1)]
    ids = [circuit.id for circuit in found if circuit.id]
    if twice := next((one for one in ids if ids.count(one) > 1), None):
        raise UsageError(f"{path} has the id {twice!r} twice")
    return found


def _checked(entry: object, where: str) -> Circuit:
    try:
        body = CircuitBody.model_validate(entry)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise UsageError(f"{where}: {clean(field, 60)}: {fault['msg']}") from None
    try:
        url = check_url(body.wssUrl)
        columns = {name: getattr(body, name) for name in APP_COLUMNS if name in body.model_fields_set}
        return Circuit(
            id=body.id or "",
            name=check_name(body.nom),
            url=url,
            feed=_feed(body, url),
            column_labels=edited({}, body.mappings, columns),
            live_timing_url=check_page(body.liveTimingUrl),
        )
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _feed(body: CircuitBody, url: str) -> str:
    """The wire format; what was read by a spec, which the file has not, is found out anew."""
    if body.spec is not None:
        raise UsageError("spec: a list of circuits has none; `karttime circuits edit --spec` gives it")
    feed = body.feed or feed_of(url)
    if feed not in FEEDS:
        raise UsageError(f"feed: known are {', '.join(FEEDS)}")
    return AUTO if feed == SPEC else feed


def take(known: Catalogue, circuits: Sequence[Circuit], *, overwrite: bool, dry_run: bool) -> Iterator[tuple[str, str]]:
    """Add circuits; what became of each, and its id.

    `added`, `same`: it is there already; `differs`: another one has its id, and stays; `replaced`, with `overwrite`.
    Without an id a circuit of the same name and address is the same one.
    """
    there = {circuit.id: circuit for circuit in known.all()}
    now = Clock().wall_ms()
    for circuit in circuits:
        circuit_id = circuit.id or _id_of(circuit, there.values()) or unused(slug(circuit.name), there)
        before = there.get(circuit_id)
        after = replace(circuit, id=circuit_id, created_at=now, updated_at=now)
        if before is None:
            if not dry_run:
                known.add(after)
            outcome = "added"
        elif document(before) == document(after):
            outcome = "same"
        elif overwrite:
            if not dry_run:
                known.replace(replace(after, created_at=before.created_at, version=before.version))
            outcome = "replaced"
        else:
            outcome = "differs"
        there.setdefault(circuit_id, after)
        yield outcome, circuit_id


def _id_of(circuit: Circuit, there: Iterable[Circuit]) -> str:
    same = (other.id for other in there if (other.name, other.url) == (circuit.name, circuit.url))
    return next(same, "")
