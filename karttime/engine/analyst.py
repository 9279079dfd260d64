"""Analysis of a sample beside the service: in a process of its own, bounded in time, memory and priority.

The event loop and the live clients notice nothing, whatever the sample holds. The process reads the frames as one JSON
document from its standard input and writes its answer to its standard output.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from karttime.errors import KarttimeError
from karttime.feeds.frame import Frame

TIMEOUT_S: Final = 60.0
_MEMORY: Final = 1 << 30
_LIMIT: Final = 64 << 20


class AnalysisFailed(KarttimeError):  # noqa: N818 - it says what is wrong, and is raised to be told
    """A sample could not be analysed in the time and memory that it may take."""


async def analyse(frames: Sequence[Frame], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """What the frames are: format, findings, spec, and the columns of the board that they show.

    Raises:
        AnalysisFailed: it took too long, or too much memory.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "karttime.engine.analyst"), stdin=pipe, stdout=pipe, limit=_LIMIT
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await process.communicate(_packed(frames))
    except TimeoutError as error:
        raise AnalysisFailed(f"the sample was not analysed within {timeout_s:.0f} s: it is no timing feed") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise AnalysisFailed("the sample could not be analysed: it takes more memory or time than a timing feed does")
    result: dict[str, Any] = json.loads(out)
    return result


def _packed(frames: Sequence[Frame]) -> bytes:
    rows = [
        (frame.at, frame.text, None if frame.data is None else base64.b64encode(frame.data).decode(), frame.direction)
        for frame in frames
    ]
    return json.dumps(rows).encode()


def _unpacked(data: bytes) -> list[Frame]:
    rows = json.loads(data)
    return [
        Frame(at, text, None if packed is None else base64.b64decode(packed), direction)
        for at, text, packed, direction in rows
    ]


def answer(frames: Sequence[Frame]) -> dict[str, Any]:
    """The analysis of frames as plain data."""
    from karttime.analysis.document import document, session_document
    from karttime.analysis.report import analyze

    report = analyze(frames)
    found = document(report, [], source="")
    sessions = report.logbook.sessions
    columns = session_document(sessions[-1])["columns"] if sessions else []
    del found["sessions"]
    return {**found, "columns": columns}


def main() -> None:
    """Answer one question and end."""
    import resource

    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(TIMEOUT_S), int(TIMEOUT_S)))
    sys.stdout.write(json.dumps(answer(_unpacked(sys.stdin.buffer.read()))))


if __name__ == "__main__":
    main()
