"""What `karttime keys` and `karttime circuits` do in the database, also while a service runs on it."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from karttime.analysis.report import analyze
from karttime.api.policy import Key, Scope
from karttime.api.stored import StoredCircuits, StoredKeys
from karttime.api.tokens import new_token
from karttime.circuits.circuit import Circuit
from karttime.circuits.labels import edited
from karttime.circuits.local import check_name, check_page, slug, unused
from karttime.circuits.mapping import Difference, compare, layout_key, merged, propose
from karttime.circuits.urls import check_url, feed_after, feed_of
from karttime.domain.times import iso_from_ms
from karttime.errors import UsageError
from karttime.feeds.formats import FORMATS
from karttime.recording.merge import read_frames
from karttime.settings import load
from karttime.storage.database import Database

MAX_KEY_NAME = 60


@contextmanager
def _database(url: str | None) -> Iterator[Database]:
    database = Database(load(database_url=url).database_url)
    try:
        yield database
    finally:
        database.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


def create_key(url: str | None, name: str, scope: str) -> str:
    """A new key's token, which is nowhere else."""
    name = name.strip()
    if not name or len(name) > MAX_KEY_NAME or not name.isprintable():
        raise UsageError(f"a key's name has 1 to {MAX_KEY_NAME} characters and no control characters")
    made = new_token()
    with _database(url) as database:
        StoredKeys(database).add(Key(made.id, name, Scope(scope), made.digest, _now()))
    return made.token


def every_key(url: str | None) -> list[Key]:
    """All keys, revoked ones too."""
    with _database(url) as database:
        return StoredKeys(database).every()


def key_document(key: Key) -> dict[str, str | None]:
    """A key for people: without its digest."""
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope.value,
        "created_at": iso_from_ms(key.created_at),
        "last_used_at": None if key.last_used_at is None else iso_from_ms(key.last_used_at),
        "revoked_at": None if key.revoked_at is None else iso_from_ms(key.revoked_at),
    }


def revoke_key(url: str | None, key_id: str) -> None:
    """End a key's validity."""
    with _database(url) as database:
        if not StoredKeys(database).revoke(key_id, _now()):
            raise UsageError(f"there is no valid key with the id {key_id!r}: `karttime keys list` shows them")


def every_circuit(url: str | None) -> Sequence[Circuit]:
    """The stored circuits by name."""
    with _database(url) as database:
        return asyncio.run(StoredCircuits(database).all_or_raise())


def add_circuit(url: str | None, circuit: Circuit, labels: Iterable[str]) -> Circuit:
    """Keep a new circuit; without an id it gets one from its name."""
    now = _now()
    checked = _checked(replace(circuit, created_at=now, updated_at=now), labels)
    with _database(url) as database:
        store = StoredCircuits(database)
        taken = {known.id for known in asyncio.run(store.all_or_raise())}
        checked = replace(checked, id=unused(slug(checked.name), taken))
        asyncio.run(StoredCircuits(database).add(checked))
    return checked


def edit_circuit(url: str | None, circuit_id: str, changes: dict[str, str | None], labels: Iterable[str]) -> Circuit:
    """Change what is not None of a circuit."""
    with _database(url) as database:
        before = _known(database, circuit_id)
        given = {name: value for name, value in changes.items() if value is not None}
        given.setdefault("feed", feed_after(given.get("url", before.url).strip(), before.url, before.feed))
        after = _checked(replace(before, updated_at=_now(), **given), labels)  # type: ignore[arg-type]  # all are texts
        asyncio.run(StoredCircuits(database).replace(after))
    return after


def propose_mapping(
    url: str | None, circuit_id: str, recordings: Sequence[Path], *, apply: bool
) -> tuple[str, list[Difference]]:
    """The layout of the last session of a recording, and its labels against those of a circuit.

    With `apply` columns without a label get the proposed one; what a person chose stays.

    Raises:
        UsageError: there is no such circuit, or no board in the recording.
    """
    with _database(url) as database:
        circuit = _known(database, circuit_id)
    sessions = [session for session in analyze(read_frames(recordings)).logbook.sessions if session.columns]
    if not sessions:
        raise UsageError("the recording shows no board: there are no columns to label")
    columns = sessions[-1].columns
    proposed = propose(columns)
    differences = compare(circuit.column_labels, proposed)
    if apply:
        labels = merged(circuit.column_labels, proposed)
        edit_circuit(url, circuit_id, {}, [f"{column}={label}" for column, label in labels.items()])
    return layout_key(columns), differences


def remove_circuit(url: str | None, circuit_id: str) -> None:
    """Forget a circuit; what ran there stays."""
    with _database(url) as database:
        _known(database, circuit_id)
        asyncio.run(StoredCircuits(database).remove(circuit_id))


def _known(database: Database, circuit_id: str) -> Circuit:
    for circuit in asyncio.run(StoredCircuits(database).all_or_raise()):
        if circuit.id == circuit_id:
            return circuit
    raise UsageError(f"there is no circuit {circuit_id!r}: `karttime circuits list` shows those that are stored")


def _checked(circuit: Circuit, labels: Iterable[str]) -> Circuit:
    url = check_url(circuit.url)
    feed = circuit.feed or feed_of(url)
    if feed not in FORMATS:
        raise UsageError(f"there is no feed {feed!r}: known are {', '.join(sorted(FORMATS))}")
    mappings: dict[str, str | None] = {}
    for label in labels:
        column, separator, text = label.partition("=")
        if not separator:
            raise UsageError(f"{label!r} is not COLUMN=LABEL; for example: --label C2=Kart")
        mappings[column.strip().upper()] = text
    return replace(
        circuit,
        name=check_name(circuit.name),
        url=url,
        feed=feed,
        live_timing_url=check_page(circuit.live_timing_url),
        column_labels=edited(circuit.column_labels, mappings, {}),
    )
