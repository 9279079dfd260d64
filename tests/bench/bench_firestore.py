"""How long Firestore takes, on Google's emulator: another's write until we know of it, and a write of our own.

`python -m tests.bench.bench_firestore`
"""

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import Sequence

from karttime.api.shared import StoredCopy
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_remote import FirestoreOptions
from karttime.circuits.local import LocalCircuits
from karttime.storage.database import Database
from tests.firebase import emulator
from tests.firebase.rest import Rest

ROUNDS = 100


def told(name: str, seconds: Sequence[float]) -> None:
    ms = sorted(1000 * one for one in seconds)
    print(f"{name:28} median {statistics.median(ms):6.1f} ms   worst of {len(ms)} {ms[-1]:6.1f} ms")  # noqa: T201


async def measure(port: int, folder: str) -> None:
    project = f"demo-{uuid.uuid4().hex[:8]}"
    database = Database(f"sqlite:///{folder}/a.db")
    options = FirestoreOptions(project, emulator=f"127.0.0.1:{port}")
    circuits = FirestoreCircuits(options, StoredCopy(database, project), LocalCircuits())
    rest = Rest(project, port)
    rest.put("circuits/hill", nom="0", wssUrl="wss://hill.example/")
    following = asyncio.create_task(circuits.run())
    while "hill" not in circuits.known.circuits:
        circuits.changed.clear()
        await circuits.changed.wait()
    heard: list[float] = []
    written: list[float] = []
    for number in range(1, ROUNDS + 1):
        circuits.changed.clear()
        began = time.perf_counter()
        await asyncio.to_thread(rest.change, "circuits/hill", nom=str(number))
        while circuits.known.circuits["hill"].name != str(number):
            await circuits.changed.wait()
            circuits.changed.clear()
        heard.append(time.perf_counter() - began)
    for number in range(ROUNDS):
        hill = circuits.known.circuits["hill"]
        began = time.perf_counter()
        await circuits.replace(type(hill)(hill.id, f"w{number}", hill.url, hill.feed))
        written.append(time.perf_counter() - began)
    told("another's write, known here", heard)
    told("our write and read back", written)
    following.cancel()
    circuits.close()
    database.close()


def main() -> None:
    port = emulator.free_port()
    process = emulator.start(port)
    try:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(measure(port, folder))
    finally:
        emulator.stop(process.pid)


if __name__ == "__main__":
    main()
