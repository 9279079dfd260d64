"""The circuits in Firestore: whether the key lets us in, the rules let us read, how long that takes, and the clock."""

from typing import Final

from karttime.circuits.circuit import CircuitsUnavailable
from karttime.circuits.firestore_documents import Fault, circuit_of
from karttime.circuits.firestore_remote import FirestoreOptions, NotAsExpected, NotLetIn, Remote
from karttime.engine.checks.finding import Figures, Finding, Grade
from karttime.engine.checks.machine import clock
from karttime.engine.clock import Clock
from karttime.errors import KarttimeError, UsageError

SLOW_MS: Final = 2000
MAX_NAMED: Final = 5
_AREA: Final = "firestore"
_NOBODY: Final = "karttime-doctor-removes-what-is-not-there"


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
    return [Finding(_AREA, grade, said, advice, figures), *_faults(faults), rules(options), clock("Firestore", skew)]


def rules(options: FirestoreOptions) -> Finding:
    """Whether the project's rules keep out who is not signed in.

    It is tried: circuits are read without a key, and a circuit is removed that is not there. Nothing changes.
    """
    stranger = Remote(options, anonymous=True)
    may: list[str] = []
    try:
        for what, attempt in (("read", stranger.all), ("change", lambda: stranger.delete(_NOBODY))):
            try:
                attempt()
            except NotLetIn:
                continue
            except NotAsExpected:  # the rules had nothing against it
                pass
            may.append(what)
    except CircuitsUnavailable as error:
        return Finding(_AREA, Grade.UNCHECKED, f"the rules of {options.project} could not be tried: {error}")
    finally:
        stranger.close()
    if not may:
        return Finding(_AREA, Grade.OK, f"the rules of {options.project} keep out who is not signed in")
    said = f"anybody on the internet may {' and '.join(may)} the circuits of {options.project}, without signing in"
    return Finding(_AREA, Grade.WARNING, said, "Firebase console, Firestore Database, Rules: demand request.auth.")


def _faults(faults: list[Fault]) -> list[Finding]:
    if not faults:
        return []
    named = "; ".join(f"{fault.id}: {fault.text}" for fault in faults[:MAX_NAMED])
    more = f" and {len(faults) - MAX_NAMED} more" if len(faults) > MAX_NAMED else ""
    skipped = sum(fault.skipped for fault in faults)
    said = f"documents that are no good: {len(faults)}, left out: {skipped}. {named}{more}"
    return [Finding(_AREA, Grade.WARNING, said, "Correct them in the app.")]
