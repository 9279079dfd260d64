import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from karttime.errors import RecordingError
from karttime.recording.importers import IMPORTERS
from karttime.recording.reader import open_recording

MakeFile = Callable[[str, bytes | str], Path]


def test_names_are_unique_because_people_see_them() -> None:
    names = [importer.name for importer in IMPORTERS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x7fELF\x02\x01\x01" + bytes(100), "is binary, not a recording"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13), "is binary, not a recording"),
        (bytes(range(1, 32)) * 4, "is binary, not a recording"),
        ("$A,1\n".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        (b"<!DOCTYPE html><html></html>", "is a web page or XML"),
        (b"\n <?xml version='1.0'?>", "is a web page or XML"),
        (b"\n\r\n\n", "is empty: nothing was recorded"),
        (b"Dear timekeeper,\nthe results are attached.\n", "do not look like those of any timing system"),
        (b'{"karttime":"recording","version":1,"crea', "ends inside its header"),
        (b'{"karttime":"recording","version":7}\n', "newer karttime"),
        (b'{"karttime":"recording","version":"x"}\n', "damaged header"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_reason(make_file: MakeFile, content: bytes, sentence: str) -> None:
    for name in ("a", "a.gz", "a.zst"):
        with pytest.raises(RecordingError, match=sentence) as caught:
            open_recording(make_file(name, content))
        assert "\n" not in str(caught.value)


def test_the_first_line_may_be_long_and_the_format_is_still_seen(make_file: MakeFile) -> None:
    line = '{"t":1,"raw":"' + "x" * 1_000_000 + '"}\n'
    assert open_recording(make_file("a", line * 2)).format == "apex-raw"


def test_a_file_of_one_endless_line_is_looked_at_in_bounded_memory(make_file: MakeFile) -> None:
    with pytest.raises(RecordingError, match="not a recording"):
        open_recording(make_file("a", b"x" * 20_000_000))


@pytest.mark.parametrize("control", [b"\x02", b"\x1e", b"\x03"])
def test_a_feed_may_use_control_characters_as_separators(make_file: MakeFile, control: bytes) -> None:
    assert (
        open_recording(make_file("a", control.join([b"12345678901", b"kart", b"7654321|x\n"]) * 9)).format
        == "text-lines"
    )


@pytest.mark.parametrize(
    ("content", "frames"),
    [
        ("<?xml version='1.0'?>\n<live>\n <r n='7'/>\n <r n='9'/>\n</live>\n", 1),
        ("<live><r n='7'/></live>\n<live><r n='9'/></live>\n<flag c='g'/>\n", 3),
        ("<?xml version='1.0'?>\n<live>\n<r n='7'/>\n</live>\n<?xml version='1.0'?>\n<live>\n<r n='9'/>\n</live>\n", 2),
    ],
)
def test_documents_of_xml_are_a_recording(make_file: MakeFile, content: str, frames: int) -> None:
    """One on each line, or several lines each; a web page is none."""
    recording = open_recording(make_file("a", content))
    assert recording.format == "xml"
    assert len([*recording]) == frames
