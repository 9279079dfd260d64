"""Lines out of frames, however those were cut."""

import pytest

from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.lines import MAX_LINES, LineBuffer

G, J = '$G,1,"9",14,"00:12:48.075"', '$J,"9","00:00:54.249","00:12:48.075"'


def lines(*texts: str | bytes, step: int = 10) -> tuple[list[str], list[str]]:
    """The lines, and the reasons of what was refused."""
    refused: list[str] = []
    buffer = LineBuffer(lambda reason, _line: refused.append(reason))
    found: list[str] = []
    for number, text in enumerate(texts):
        data = text if isinstance(text, bytes) else None
        found += buffer.take(Frame(number * step, None if isinstance(text, bytes) else text, data))
    return [line.strip("\r") for line in found if line.strip("\r")], refused


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r\n\r\n"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("kind", [str, bytes])
def test_reads_end_anywhere(end: str, size: int, kind: type) -> None:
    """Text or bytes, whatever ends a line."""
    whole = end.join([G, J, G, ""])
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert lines(*(piece.encode() if kind is bytes else piece for piece in pieces)) == ([G, J, G], [])


def test_text_and_bytes_mix() -> None:
    """Within one line."""
    assert lines(G[:9], G[9:].encode() + b"\n" + J[:5].encode(), J[5:] + "\n") == ([G, J], [])


def test_messages_without_line_ends() -> None:
    """The first waits for the second; then each is read at once."""
    assert lines(G, J)[0] == [G, J]
    assert lines(G)[0] == []
    assert lines(f"{G}\r\n{J}", f"{J}\r\n{G}", G)[0] == [G, J, J, G, G]


def test_a_dollar_within_a_name_ends_no_line() -> None:
    """Where reads were seen to end within lines."""
    entry = '$A,"9","9",1,"Big ","$ Racing","",1'
    assert lines(G[:5], G[5:] + "\n" + entry[:18], entry[18:] + "\n")[0] == [G, entry]


def test_a_line_that_lost_its_end_with_its_connection() -> None:
    """Long ago: the next one is not spoilt."""
    assert lines(G + "\n" + J[:12], J[12:] + "\n" + G[:9], J + "\n", step=2000)[0] == [G, J, G[:9], J]


@pytest.mark.parametrize("kind", [str, bytes])
def test_a_line_without_end_is_dropped(kind: type) -> None:
    """Refused once, held by nobody; what follows is read."""
    pieces = ["x" * 700, "x" * 700, "x" * 700 + "\n" + G + "\n"]
    assert lines(*(piece.encode() if kind is bytes else piece for piece in pieces)) == ([G], ["too-long"])


def test_too_many_lines() -> None:
    """The rest of the frame is refused."""
    found, refused = lines("x\n" * (MAX_LINES + 5))
    assert (len(found), refused) == (MAX_LINES, ["too-many-lines"])


def test_encodings() -> None:
    """UTF-8, else Windows-1252, else Latin-1."""
    assert lines("Zoë\n".encode(), b"Zo\xeb\n", b"\x81\n")[0] == ["Zoë", "Zoë", "\x81"]
