"""Which recorder wrote a file: a table of importers, each recognising its own by the first lines.

The first importer of the table that recognises the head reads the file. Importers of JSON come before those of text,
and bare lines, which can be anything, come last. What is surely no recording is refused before that.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from karttime.errors import RecordingError
from karttime.feeds.frame import Frame
from karttime.recording import documents, json_lines, text_lines
from karttime.recording.format import RecordingHeader
from karttime.recording.reading import Head, Reading


@dataclass(frozen=True, slots=True)
class Importer:
    """One recorder's format.

    Attributes:
        name: as shown to people.
        sniff: the header if the head is of this format, else None; raises RecordingError for a version too new.
        read: the frames, lazily; marks and problems go to the reading.
        open: reads a header that does not stand at the head.
    """

    name: str
    sniff: Callable[[Head], RecordingHeader | None]
    read: Callable[[Reading], Iterator[Frame]]
    open: Callable[[Reading], RecordingHeader] | None = None


IMPORTERS: Final = (
    Importer("karttime-1", json_lines.sniff_karttime, json_lines.read_karttime),
    Importer("apex-msg", json_lines.sniff_msg, json_lines.read_msg),
    Importer("apex-raw", json_lines.sniff_raw, json_lines.read_raw),
    Importer("apex-payload", json_lines.sniff_payload, json_lines.read_payload),
    Importer("apex-timestamp", json_lines.sniff_timestamp, json_lines.read_timestamp),
    Importer("json-data", json_lines.sniff_data, json_lines.read_data),
    Importer("har", documents.sniff_har, documents.read_har, documents.open_har),
    Importer("json-document", documents.sniff_document, documents.read_document),
    Importer("xml", documents.sniff_xml, documents.read_xml),
    Importer("text-time-blocks", text_lines.sniff_blocks, text_lines.read_blocks),
    Importer("text-ms", text_lines.sniff_ms, text_lines.read_ms),
    Importer("text-iso", text_lines.sniff_iso, text_lines.read_iso),
    Importer("text-lines", text_lines.sniff_lines, text_lines.read_lines),
)

_PAGE: Final = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_HEADER: Final = b'{"karttime"'
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\r\x1b") | {127})
# Feeds may use a control character as separator; more of them than this is not text.
_CONTROL_SHARE: Final = 0.1


def recognise(head: Head) -> tuple[Importer, RecordingHeader]:
    """The importer for a file.

    Raises:
        RecordingError: no recorder writes this.
    """
    _refuse(head)
    for importer in IMPORTERS:
        header = importer.sniff(head)
        if header is not None:
            return importer, header
    raise RecordingError(f"{head.name} is not a recording: its first lines do not look like those of any timing system")


def _refuse(head: Head) -> None:
    sample = head.data[:65536]
    if not sample.strip():
        raise RecordingError(f"{head.name} is empty: nothing was recorded in it")
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RecordingError(f"{head.name} is UTF-16 text: save it as UTF-8")
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    if b"\0" in sample or controls > _CONTROL_SHARE * len(sample):
        raise RecordingError(f"{head.name} is binary, not a recording: recordings are text or JSON, or .gz/.zst of it")
    if _PAGE.match(sample) and documents.sniff_xml(head) is None:
        raise RecordingError(f"{head.name} is a web page or XML, not a recording")
    if head.whole and not head.records and (_HEADER.startswith(sample) or sample.startswith(_HEADER)):
        raise RecordingError(f"{head.name} ends inside its header: nothing can be read from it")
