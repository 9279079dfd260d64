"""What `karttime keys` and `karttime circuits` do in the database, also while a service runs on it."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from karttime.analysis.report import analyze
from karttime.api.parsers import StoredParsers
from karttime.api.policy import Key, Scope
from karttime.api.stored import StoredKeys
from karttime.api.tokens import new_token
from karttime.circuits.circuit import Circuit
from karttime.circuits.labels import APP_COLUMNS, edited
from karttime.circuits.local import check_name, check_page, slug, unused
from karttime.circuits.mapping import Difference, compare, layout_key, merged, propose, role_confidence
from karttime.circuits.parser import AUTO, FEEDS, PARSED, SPEC, by_person
from karttime.circuits.urls import check_url, feed_after, feed_of
from karttime.cli.catalogue import catalogue
from karttime.cli.sampling import sample
from karttime.domain.times import iso_from_ms
from karttime.errors import UsageError
from karttime.feeds.declared.spec import FeedSpec, dump_spec, write_spec
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
    with catalogue(url, reading=True) as known:
        return known.all()


def add_circuit(url: str | None, circuit: Circuit, labels: Iterable[str], spec: FeedSpec | None = None) -> Circuit:
    """Keep a new circuit, with the spec that reads it; without an id it gets one from its name."""
    circuit = _declared(circuit, circuit.feed or None, spec)
    now = _now()
    checked = _checked(replace(circuit, created_at=now, updated_at=now), labels)
    if spec is not None:
        by_person(spec, now)  # refuses what is too large before anything is kept
    with catalogue(url) as known:
        taken = {other.id for other in known.all()}
        checked = replace(checked, id=unused(slug(checked.name), taken))
        known.add(checked)
        if spec is not None:
            StoredParsers(known.database).declared(checked.id, spec, now)
    return checked


def edit_circuit(
    url: str | None,
    circuit_id: str,
    changes: dict[str, str | None],
    labels: Iterable[str],
    spec: FeedSpec | None = None,
) -> Circuit:
    """Change what is not None of a circuit."""
    with catalogue(url) as known:
        before = known.get(circuit_id)
        given = {name: value for name, value in changes.items() if value is not None}
        given.setdefault("feed", feed_after(given.get("url", before.url).strip(), before.url, before.feed))
        after = replace(before, updated_at=max(_now(), before.updated_at + 1), **given)  # type: ignore[arg-type]  # all are texts
        after = _checked(_declared(after, changes.get("feed"), spec), labels)
        if after.feed == SPEC and before.feed != SPEC and spec is None:
            raise UsageError("a circuit that is read by a spec needs one: --spec FILE gives it")
        if spec is not None:
            StoredParsers(known.database).declared(circuit_id, spec, _now())
        known.replace(after)
    return after


def forget_spec(url: str | None, circuit_id: str) -> None:
    """Forget how the feed of a circuit is read: it is found out anew. A feed `spec` becomes `auto`."""
    with catalogue(url) as known:
        circuit = known.get(circuit_id)
        if not StoredParsers(known.database).remove(circuit_id) and circuit.feed != SPEC:
            raise UsageError(f"nothing is stored about how the feed of {circuit_id!r} is read")
        if circuit.feed == SPEC:
            edited_ = replace(circuit, feed=AUTO, updated_at=max(_now(), circuit.updated_at + 1))
            known.replace(edited_)


def stored_spec(url: str | None, circuit_id: str) -> str:
    """The spec that reads the feed of a circuit, as JSON text; of the command line's circuits, too."""
    with catalogue(url, reading=True) as known:
        parser = StoredParsers(known.database).now(circuit_id)
        if parser is None:
            known.get(circuit_id)
            raise UsageError(f"no spec is stored for {circuit_id!r}: feed auto finds one out, edit --spec gives one")
    if parser.spec is None:
        raise UsageError(f"the feed of {circuit_id!r} is {parser.feed}, which karttime speaks: it needs no spec")
    return write_spec(parser.spec)


def propose_mapping(
    url: str | None, circuit_id: str, recordings: Sequence[Path], seconds: float, *, apply: bool
) -> tuple[str, list[Difference], dict[str, float]]:
    """The layout of the last session of a recording or of the live feed, and its labels against those of a circuit.

    With `apply` columns without a label get the proposed one; what a person chose stays. A feed that is read by a spec
    is read by it here as well; how sure a proposal is comes by column.

    Raises:
        UsageError: there is no such circuit, or no board was shown.
        SourceError: the live feed sends nothing.
    """
    with catalogue(url, reading=not apply) as known:
        circuit = known.get(circuit_id)
        parser = StoredParsers(known.database).now(circuit_id) if circuit.feed in PARSED else None
    frames = read_frames(recordings) if recordings else sample(circuit, seconds, load())
    declared = parser is not None and parser.feed == SPEC and parser.reads(circuit)
    report = analyze(frames, spec=parser.spec if parser is not None and declared else None)
    sessions = [session for session in report.logbook.sessions if session.columns]
    if not sessions:
        raise UsageError("no board was shown: there are no columns to label; --seconds listens longer")
    columns = sessions[-1].columns
    proposed = propose(columns)
    if circuit.version:  # in Firestore, where the app has fewer columns than some boards
        proposed = {column: label for column, label in proposed.items() if column.lower() in APP_COLUMNS}
    differences = compare(circuit.column_labels, proposed)
    if apply:
        labels = merged(circuit.column_labels, proposed)
        edit_circuit(url, circuit_id, {}, [f"{column}={label}" for column, label in labels.items()])
    sure = role_confidence(None if report.spec is None else dump_spec(report.spec))
    told = {it.id: round(sure.get(it.role.value, 1.0), 2) for it in columns if proposed.get(it.id)}
    return layout_key(columns), differences, told


def remove_circuit(url: str | None, circuit_id: str) -> None:
    """Forget a circuit; what ran there stays."""
    with catalogue(url) as known:
        known.get(circuit_id)
        known.remove(circuit_id)


def _declared(circuit: Circuit, feed: str | None, spec: FeedSpec | None) -> Circuit:
    """The circuit with the feed that a spec brings."""
    if spec is None:
        return circuit
    if feed not in (None, SPEC):
        raise UsageError(f"--spec and --feed {feed} contradict each other: leave --feed out")
    return replace(circuit, feed=SPEC)


def _checked(circuit: Circuit, labels: Iterable[str]) -> Circuit:
    url = check_url(circuit.url)
    feed = circuit.feed or feed_of(url)
    if feed not in FEEDS:
        raise UsageError(f"there is no feed {feed!r}: known are {', '.join(FEEDS)}")
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
