"""Analysis of a sample beside the service: in a process of its own, bounded in time, memory and priority.

The event loop and the live clients notice nothing, whatever the sample holds. The process reads a question and the
frames as lines of JSON from its standard input, and writes its answer to its standard output. One process at a time
works for an engine: circuits that are looked at wait for each other, not for the live data.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from karttime.circuits.parser import SPEC, Parser
from karttime.errors import KarttimeError
from karttime.feeds.frame import Frame

TIMEOUT_S: Final = 60.0
_MEMORY: Final = 1 << 30
_PIECE: Final = 64 * 1024  # bytes that are packed before others have their turn
_ANSWER: Final = 32 << 20


class AnalysisFailed(KarttimeError):  # noqa: N818 - it says what is wrong, and is raised to be told
    """A sample could not be analysed in the time and memory that it may take."""


class Analyst:
    """Analyses samples, one after the other."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._turn = asyncio.Semaphore(1)

    async def analyse(self, frames: Sequence[Frame], using: Parser | None = None) -> dict[str, Any]:
        """What the frames are: format, findings, spec, verdict, and the columns of the board that they show.

        Args:
            frames: the sample.
            using: a parser that is in use: the answer says in `fits` whether it reads the sample.

        Raises:
            AnalysisFailed: it took too long, or too much memory.
        """
        async with self._turn:
            return await analyse(frames, using, self._timeout_s)


async def analyse(frames: Sequence[Frame], using: Parser | None = None, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """The same, at once."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "karttime.engine.analyst"), stdin=pipe, stdout=pipe
    )
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            asking = group.create_task(_ask(process, frames, using))
            out = await _read(process)
            await process.wait()
            asking.cancel()
    except TimeoutError as error:
        raise AnalysisFailed(f"the sample was not analysed within {timeout_s:.0f} s: it is no timing feed") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or out is None:
        raise AnalysisFailed("the sample could not be analysed: it takes more memory or time than a timing feed does")
    result: dict[str, Any] = json.loads(out)
    return result


async def _ask(process: asyncio.subprocess.Process, frames: Sequence[Frame], using: Parser | None) -> None:
    """Write the question in pieces; a process that ended does not want to hear the rest."""
    assert process.stdin is not None  # noqa: S101 - it was asked for
    try:
        for piece in _pieces(_lines(frames, using)):
            process.stdin.write(piece)
            await process.stdin.drain()
            await asyncio.sleep(0)
        process.stdin.close()
        await process.stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        return


async def _read(process: asyncio.subprocess.Process) -> bytes | None:
    """The answer; None for one without end."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    out = bytearray()
    while piece := await process.stdout.read(_PIECE):
        out += piece
        if len(out) > _ANSWER:
            process.kill()
            return None
    return bytes(out)


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _lines(frames: Iterable[Frame], using: Parser | None) -> Iterator[bytes]:
    """The parser in use on the first line, then a frame a line; ASCII, so that half a surrogate pair passes, too."""
    from karttime.feeds.declared.spec import dump_spec

    spec = None if using is None or using.spec is None else dump_spec(using.spec)
    yield _line(None if using is None else {"feed": using.feed, "spec": spec})
    for frame in frames:
        data = None if frame.data is None else base64.b64encode(frame.data).decode()
        yield _line((frame.at, frame.text, data, frame.direction))


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _asked(lines: Iterable[bytes]) -> tuple[dict[str, Any] | None, list[Frame]]:
    """What `_lines` wrote."""
    first, *rest = map(json.loads, lines)
    return first, [
        Frame(at, text, None if packed is None else base64.b64decode(packed), direction)
        for at, text, packed, direction in rest
    ]


def answer(frames: Sequence[Frame], using: dict[str, Any] | None = None) -> dict[str, Any]:
    """The analysis of frames as plain data; with a parser in use also `fits`, whether it reads them."""
    from karttime.analysis.document import document, session_document
    from karttime.analysis.report import analyze
    from karttime.analysis.verdict import still_read, verdict
    from karttime.feeds.declared.spec import load_spec

    report = analyze(frames)
    found = document(report, [], source="")
    sessions = report.logbook.sessions
    columns = session_document(sessions[-1])["columns"] if sessions else []
    del found["sessions"]
    if "beside" in found:
        del found["beside"]["sessions"]
    found |= {"columns": columns, "verdict": verdict(report).document()}
    if using is None:
        return found
    name = report.detection.name
    fits = name == using["feed"] if using["feed"] != SPEC else still_read(load_spec(using["spec"]), frames)
    return found | {"fits": fits}


def main() -> None:
    """Answer one question and end."""
    import resource

    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(TIMEOUT_S), int(TIMEOUT_S)))
    using, frames = _asked(sys.stdin.buffer)
    sys.stdout.write(json.dumps(answer(frames, using)))


if __name__ == "__main__":
    main()
