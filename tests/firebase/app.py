"""The app as a client of Firestore: Google's JavaScript client library in a process of its own."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, Self

from .emulator import missing

MODULES: Final = "KARTTIME_TEST_NODE_MODULES"
HOW: Final = (
    "needs Google's JavaScript client: npm install --prefix FOLDER @firebase/app @firebase/firestore, "
    f"and {MODULES}=FOLDER/node_modules"
)


class NodeApp:
    """Plays the app; every method returns when Firestore has taken the write."""

    def __init__(self) -> None:
        modules, node = os.environ.get(MODULES, ""), shutil.which("node")
        if node is None or not Path(modules, "@firebase", "firestore").is_dir():
            missing(HOW)
        self._process = subprocess.Popen(
            [node, str(Path(__file__).with_name("app.js"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "NODE_PATH": modules},
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def call(self, call: str, project: str, port: int, **values: Any) -> Any:
        """One command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": call, "project": project, "port": port, **values}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer["answer"]

    async def ask(self, call: str, project: str, port: int, **values: Any) -> Any:
        """The same, while the event loop goes on."""
        return await asyncio.to_thread(self.call, call, project, port, **values)
