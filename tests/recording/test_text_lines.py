from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.feeds.frame import Frame
from karttime.recording.format import Mark
from karttime.recording.reader import Recording

ReadAll = Callable[[Path], tuple[Recording, list[Frame]]]
MakeFile = Callable[[str, bytes | str], Path]

BEGIN = 1_779_004_800_000


def texts(frames: list[Frame]) -> list[str | None]:
    return [frame.text for frame in frames]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r\n\r\n"])
def test_bare_lines_are_one_frame_each_however_they_end(make_file: MakeFile, read_all: ReadAll, end: str) -> None:
    recording, frames = read_all(make_file("a.txt", end.join(["r7c9|ti|26.138", "r8c2|in|", "msg||"])))
    assert (recording.format, recording.header.clock, recording.header.created_at) == ("text-lines", "none", None)
    assert frames == [Frame(0, "r7c9|ti|26.138\n"), Frame(100, "r8c2|in|\n"), Frame(200, "msg||\n")]


def test_a_short_header_before_bare_lines_is_skipped_and_counted(make_file: MakeFile, read_all: ReadAll) -> None:
    header = "-----\r\nsome words\r\n-----\r\n"
    recording, frames = read_all(make_file("a.dat", header + '$RMDTL,""\r\n$H,1,"9",0,"x"\r\n' * 6 + "broken\r\n"))
    assert len(frames) == 13
    assert recording.problems == {"header-line": 3}
    assert frames[-1].text == "broken\n"


def test_a_line_unlike_the_rest_stays_where_no_header_is(make_file: MakeFile, read_all: ReadAll) -> None:
    assert len(read_all(make_file("a.txt", "init|r|\n" + "r7c9|ti|26.138\n" * 50))[1]) == 51
    assert len(read_all(make_file("b.txt", "x|1\n" * 5 + "$A,1,2\n" * 5))[1]) == 10


def test_windows_1252_next_to_utf_8(make_file: MakeFile, read_all: ReadAll) -> None:
    content = '1 $B,1,"März"\n'.encode() + '2 $B,1,"März"\n'.encode("cp1252") + b'3 $B,1,"\x81"\n'
    recording, frames = read_all(make_file("a.txt", content))
    assert texts(frames) == ['$B,1,"März"\n', '$B,1,"März"\n', '$B,1,"\x81"\n']
    assert recording.problems == {"not-utf-8": 2}


def test_milliseconds_since_the_start(make_file: MakeFile, read_all: ReadAll) -> None:
    recording, frames = read_all(make_file("a.txt", "0 $F,0\n974 $F,1\nno time\n973 $F,2\n"))
    assert (recording.format, recording.header.clock) == ("text-ms", "since-start")
    assert frames == [
        Frame(0, "$F,0\n", offset=0),
        Frame(974, "$F,1\n", offset=974),
        Frame(973, "$F,2\n", offset=973),
    ]
    assert recording.problems == {"bad-line": 1, "time-goes-back": 1}


def test_iso_times_with_comments_and_annotations(make_file: MakeFile, read_all: ReadAll) -> None:
    recording, frames = read_all(
        make_file(
            "a.log",
            "# rMonitor capture started at 2026-05-17T08:00:00.000Z\n"
            "# Feed: 192.0.2.28:50000\n"
            '2026-05-17T08:00:00.326Z $H,1,"9",0\n'
            "# ANNOTATION [2026-05-17T08:00:01.000Z]: RACE\n"
            "# ANNOTATION [soon]: x\n"
            "rubbish\n"
            '2026-05-17T08:00:02Z $H,2,"8",0\n'
            '2026-99-17T08:00:02Z $H,2,"8",0\n',
        )
    )
    assert (recording.format, recording.header.source) == ("text-iso", "192.0.2.28:50000")
    assert recording.header.created_at == BEGIN + 326
    assert frames == [Frame(BEGIN + 326, '$H,1,"9",0\n'), Frame(BEGIN + 2000, '$H,2,"8",0\n')]
    assert recording.marks == [Mark(BEGIN + 1000, "RACE")]
    assert recording.problems == {"comment": 3, "bad-line": 2}


def test_time_blocks_are_one_frame_each(make_file: MakeFile, read_all: ReadAll) -> None:
    recording, frames = read_all(
        make_file(
            "a.txt",
            b'\xef\xbb\xbf##2026-05-17 08:00:00.279\r\n$I, "00:00:00"\r\r\n$A,"7"\r\r\n\r\n'
            b'##2026-05-17 08:00:01.000|flags\n[{"f":1}]\n\n##2026-05-17 08:00:00\n$B,1\n',
        )
    )
    assert (recording.format, recording.header.created_at) == ("text-time-blocks", BEGIN + 279)
    assert frames == [
        Frame(BEGIN + 279, '$I, "00:00:00"\n$A,"7"\n'),
        Frame(BEGIN + 1000, '[{"f":1}]\n'),
        Frame(BEGIN, "$B,1\n"),
    ]
    assert recording.problems == {"time-goes-back": 1}


def test_lines_before_the_first_block_are_a_header(make_file: MakeFile, read_all: ReadAll) -> None:
    recording, frames = read_all(make_file("a.txt", "a\nb\n##2026-05-17 08:00:00\n$B,1\n##2026-99-99 08:00:00\n$C\n"))
    assert frames == [Frame(BEGIN, "$B,1\n"), Frame(BEGIN, "$C\n")]
    assert recording.problems == {"header-line": 2, "bad-line": 1}


def test_a_block_without_end_is_handed_on_in_parts(make_file: MakeFile, read_all: ReadAll) -> None:
    line = "$A," + "x" * 1_000_000 + "\n"
    _, frames = read_all(make_file("a.txt", "##2026-05-17 08:00:00\n" + line * 40))
    assert 2 <= len(frames) <= 4
    assert "".join(frame.text or "" for frame in frames) == line * 40
