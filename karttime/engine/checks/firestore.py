"""The circuits in Firestore: whether the key lets us in, the rules let us read, how long that takes, and the clock."""

from typing import Final

from karttime.circuits.firestore_documents import Fault, circuit_of
from karttime.circuits.firestore_remote import FirestoreOptions, Remote
from karttime.engine.checks.finding import Figures, Finding, Grade
from karttime.engine.checks.machine import clock
from karttime.engine.clock import Clock
from karttime.errors import KarttimeError, UsageError

SLOW_MS: Final = 2000
MAX_NAMED: Final = 5
_AREA: Final = "firestore"


def circuits(options: FirestoreOptions, time: Clock | None = None) -> list[Finding]:
    """Read every circuit once, as the service does when it connects. Nothing is written. Blocks for seconds at most.

    Whether writing is allowed is not tried: a key that reads as a service account writes as one.
    """
    time = time or Clock()
    try:
        remote = Remote(options)
    except UsageError as error:
        return [Finding(_AREA, Grade.FAILURE, str(error), "Put the key there, or set CIRCUITS_SOURCE=database.")]
    try:
        asked = time.wall_ms()
        documents = remote.all()
        took = time.wall_ms() - asked
        asked = time.wall_ms()
        told = remote.server_time()
        skew = ((asked + time.wall_ms()) / 2 - told) / 1000
    except KarttimeError as error:
        advice = "Circuits are those that were known last. The network, the key and the project's settings: see above."
        return [Finding(_AREA, Grade.FAILURE, str(error), advice)]
    finally:
        remote.close()
    faults = [fault for document in documents for fault in circuit_of(document)[1]]
    figures: Figures = {"documents": len(documents), "took_ms": took, "faults": len(faults)}
    said = f"{options.project}: circuits {len(documents)}, read in {took} ms"
    slow = took > SLOW_MS
    grade, advice = (Grade.WARNING, "The network is slow: changes in the app come late.") if slow else (Grade.OK, "")
    return [Finding(_AREA, grade, said, advice, figures), *_faults(faults), clock("Firestore", skew)]


def _faults(faults: list[Fault]) -> list[Finding]:
    if not faults:
        return []
    named = "; ".join(f"{fault.id}: {fault.text}" for fault in faults[:MAX_NAMED])
    more = f" and {len(faults) - MAX_NAMED} more" if len(faults) > MAX_NAMED else ""
    skipped = sum(fault.skipped for fault in faults)
    said = f"documents that are no good: {len(faults)}, left out: {skipped}. {named}{more}"
    return [Finding(_AREA, Grade.WARNING, said, "Correct them in the app.")]
