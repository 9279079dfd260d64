"""The `com||` line: the race-control list, sent whole each time, newest entry first.

```
com||<p><b>20:43</b><span data-flag="chequered"></span>Arrivée</p><p><b>20:41</b><span data-flag="green"></span>
Départ</p><p><b>20:12</b><span data-flag="penalty"></span><span class="com_no no8">20</span>…</p>
```

`<b>` is the venue's local wall clock. The list is diffed: only entries that were not there before are new.
"""

import re
from collections import Counter
from collections.abc import Sequence

from karttime.domain.updates import Note

MAX_NOTES, MAX_TEXT = 2000, 500
_FLAG = re.compile(r'data-flag="([a-z_-]{0,24})"')
_NUMBER = re.compile(r'<span class="com_no[^">]{0,40}">([^<]{0,16})</span>')
_TAG = re.compile(r"</?(?:p|b|span|br|i|div)(?: [^<>]{0,200})?/?>")


class NoteList:
    """The list as last sent; entries that stay are not parsed again."""

    def __init__(self) -> None:
        self.notes: tuple[Note, ...] = ()
        self._parsed: dict[str, Note] = {}

    def take(self, html: str) -> tuple[Note, ...]:
        """Take the whole list in; returns the entries that are new, oldest first."""
        pieces = html.split("<p>", MAX_NOTES + 1)[1 : MAX_NOTES + 1]
        known = self._parsed
        parsed = {piece: known.get(piece) or _parse(piece) for piece in pieces}
        before, self.notes, self._parsed = self.notes, tuple(parsed[piece] for piece in pieces), parsed
        return new_notes(before, self.notes)


def _parse(piece: str) -> Note:
    body = piece.partition("</p>")[0][: MAX_TEXT * 4]
    time, _, rest = body.partition("</b>")
    flag, number = _FLAG.search(rest), _NUMBER.search(rest)
    if number is not None:
        rest = rest.replace(number[0], "", 1)
    return Note(
        time.removeprefix("<b>").strip()[:16],
        flag[1] if flag else "",
        number[1].strip() if number else "",
        _TAG.sub("", rest).strip()[:MAX_TEXT],
    )


def new_notes(before: Sequence[Note], now: Sequence[Note]) -> tuple[Note, ...]:
    """Entries of `now` that `before` does not hold, oldest first; entries that merely moved are not new."""
    known = Counter(before)
    fresh: list[Note] = []
    for note in now:
        if known[note]:
            known[note] -= 1
        else:
            fresh.append(note)
    return tuple(reversed(fresh))
