"""`karttime circuits sync`: what is detected and not in Firestore yet, and why."""

from collections.abc import Iterator
from typing import NamedTuple

from karttime.api.shared import StoredCopy
from karttime.circuits.firestore_documents import mapping_of
from karttime.circuits.firestore_mapping import Detected, Verdict, app_labels, decide, differing
from karttime.cli.catalogue import Catalogue
from karttime.errors import UsageError
from karttime.storage import analyses


class Synced(NamedTuple):
    """One circuit: what becomes of its detected mapping, and how that differs from what is stored."""

    circuit_id: str
    verdict: Verdict
    difference: str


def sync(known: Catalogue, *, dry_run: bool) -> Iterator[Synced]:
    """Judge every detected mapping by the documents as they are now; without `dry_run` write those that may be.

    Raises:
        UsageError: circuits do not come from Firestore.
        CircuitsUnavailable: it does not answer.
    """
    if known.shared is None:
        raise UsageError(
            "circuits come from the database: there is nothing to sync. "
            "FIREBASE_CREDENTIALS_PATH makes Firestore their source"
        )
    documents = known.shared.known.documents
    for row in _detected(known, known.shared.status().project):
        document = documents.get(row.circuit_id)
        if document is None:
            continue
        stored = mapping_of(document)
        verdict = decide(stored, row.labels, row.written)
        if verdict is Verdict.WRITE and not dry_run:
            verdict = known.write(row)
        yield Synced(row.circuit_id, verdict, differing(stored.labels, row.labels))


def _detected(known: Catalogue, project: str) -> Iterator[Detected]:
    """What the boards showed; for circuits whose board was not seen, what an analysis of the feed proposed."""
    rows = {row.circuit_id: row for row in StoredCopy(known.database, project).detected()}
    with known.database.reading() as connection:
        for circuit in known.all():
            row, analysis = rows.get(circuit.id), analyses.get(connection, circuit.id)
            if row is not None:
                yield row
            elif analysis is not None:
                proposed = analysis.result.get("mapping", {}).get("proposed", {})
                yield Detected(circuit.id, app_labels(proposed), analysis.at)
