"""The circuits that a command works on: those of the database, or of Firestore where the settings say so."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from karttime.api.shared import StoredCopy
from karttime.api.stored import StoredCircuits
from karttime.circuits.circuit import Circuit, CircuitStore, CircuitsUnavailable
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_mapping import Detected, Verdict
from karttime.circuits.firestore_remote import EMULATOR, FirestoreOptions
from karttime.circuits.local import LocalCircuits
from karttime.errors import UsageError
from karttime.settings import Settings, load
from karttime.storage.database import Database


def firestore_options(settings: Settings) -> FirestoreOptions | None:
    """The project that circuits come from, None where they come from the database.

    Raises:
        UsageError: the key of the service account is wanted, and not there; or an emulator is named by accident.
    """
    if settings.circuits_from != "firestore":
        return None
    options = FirestoreOptions(settings.firebase_project_id, settings.firebase_credentials_path.expanduser())
    if options.emulator and not settings.firebase_allow_emulator:
        raise UsageError(
            f"{EMULATOR} is set: an emulator holds nobody's data. Unset it; for tests alone, "
            "FIREBASE_ALLOW_EMULATOR=true allows it"
        )
    if not options.emulator and not options.credentials.is_file():
        raise UsageError(
            f"FIREBASE_CREDENTIALS_PATH: there is no file {options.credentials}. Circuits come from Firestore with the "
            "key of a service account there; without, set CIRCUITS_SOURCE=database"
        )
    return options


class Catalogue:
    """Circuits for one command; every method blocks.

    Attributes:
        database: where what is not a circuit is.
        shared: Firestore's side, None where circuits come from the database.
    """

    def __init__(
        self, database: Database, stored: StoredCircuits, shared: FirestoreCircuits | None, runner: asyncio.Runner
    ) -> None:
        self.database, self.shared = database, shared
        self._stored, self._runner = stored, runner
        self._store: CircuitStore = shared or stored

    def all(self) -> Sequence[Circuit]:
        """Every circuit, by name. Raises `StorageError`."""
        if self.shared is not None:
            return self._runner.run(self.shared.list())
        return self._runner.run(self._stored.all_or_raise())

    def get(self, circuit_id: str) -> Circuit:
        """The circuit with this id. Raises `UsageError` where there is none."""
        for circuit in self.all():
            if circuit.id == circuit_id:
                return circuit
        raise UsageError(f"there is no circuit {circuit_id!r}: `karttime circuits list` shows those that are stored")

    def add(self, circuit: Circuit) -> None:
        """Keep a new circuit."""
        self._runner.run(self._store.add(circuit))

    def replace(self, circuit: Circuit) -> None:
        """Keep a circuit that is known already."""
        self._runner.run(self._store.replace(circuit))

    def remove(self, circuit_id: str) -> None:
        """Forget a circuit."""
        self._runner.run(self._store.remove(circuit_id))

    def write(self, detected: Detected) -> Verdict:
        """Write a detected mapping to Firestore, unless the document forbids it."""
        if self.shared is None:
            raise UsageError("circuits come from the database: there is nothing to write to Firestore")
        return self._runner.run(self.shared.writer.write(detected))


@contextmanager
def catalogue(url: str | None, *, reading: bool = False) -> Iterator[Catalogue]:
    """The circuits as they are now.

    Args:
        url: of the database, None for that of the settings.
        reading: nothing is to be changed: without Firestore those that were known last do, and it is said.
    """
    settings = load(database_url=url)
    options = firestore_options(settings)
    with closing(Database(settings.database_url)) as database, asyncio.Runner() as runner:
        stored = StoredCircuits(database)
        if options is None:
            yield Catalogue(database, stored, None, runner)
            return
        shared = FirestoreCircuits(options, StoredCopy(database, options.project), LocalCircuits())
        try:
            runner.run(shared.load())
            try:
                runner.run(shared.refresh())
            except CircuitsUnavailable as error:
                if not reading:
                    raise
                sys.stderr.write(f"{error}: these are the circuits as they were known last\n")
            yield Catalogue(database, stored, shared, runner)
        finally:
            shared.close()
