"""What the benches share: the C programs, the two cores, and what a process costs."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TOOLS: Final = Path(__file__).parents[3] / "shared" / "tools" / "wsload"
SERVER_CORE, LOAD_CORE = "0", "1"
_MARK: Final = ('"\\"t_ns\\":", 7', '"t_ns ", 5', "m + 7", "m + 5")


def build(folder: Path, *, mark_in_text: bool = False) -> Path:
    """The C programs, built beside their sources' copies.

    Args:
        folder: where.
        mark_in_text: the load client finds the time of sending as `t_ns 123` in any text, such as a name, and not as a
            number by that key.
    """
    if not TOOLS.is_dir():
        sys.exit(f"{TOOLS} is not there: the C programs are no part of this repository")
    tools = folder / ("wsload-text" if mark_in_text else "wsload")
    shutil.copytree(TOOLS, tools)
    if mark_in_text:
        source = (tools / "wsload.c").read_text()
        key, text, skip, skip_text = _MARK
        assert source.count(key) == source.count(skip) == 1
        (tools / "wsload.c").write_text(source.replace(key, text).replace(skip, skip_text))
    subprocess.run(["make", "-s", "-B", "-C", str(tools)], check=True)
    return tools


def on_core(core: str, command: Sequence[str]) -> list[str]:
    """The command, on one core; without one, on any."""
    return ["taskset", "-c", core, *command] if core else list(command)


def cpu_s(pid: int) -> float:
    """CPU time of a process so far."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def rss_kib(pid: int) -> int:
    """Memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def open_files(pid: int) -> int:
    """Descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@dataclass
class Load:
    """The load client, connected; `result` waits for its end."""

    process: "subprocess.Popen[str]"

    def result(self) -> dict[str, Any]:
        """What it counted."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.read())
        return found


@contextmanager
def load(tools: Path, port: int, clients: int, *options: str) -> Iterator[Load]:
    """Clients on the second core, connected when the block begins."""
    command = [str(tools / "wsload"), "-p", str(port), "-n", str(clients), *options]
    with subprocess.Popen(
        on_core(LOAD_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        try:
            if not said.startswith("READY"):
                raise RuntimeError(f"the load client says: {said}{process.stderr.read()}")
            yield Load(process)
        finally:
            process.kill()
