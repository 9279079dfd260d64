"""Column labels as they are edited: `mappings` by `C1`…`C99`, or `c1`…`c14` as the app stores them."""

import re
from collections.abc import Mapping
from typing import Final

from karttime.domain.display import clean
from karttime.errors import UsageError

UNUSED: Final = "Non utilisé"
"""What the app itself writes for a column without a label."""

APP_COLUMNS: Final = tuple(f"c{number}" for number in range(1, 15))

_COLUMN: Final = re.compile(r"C[1-9]\d?", re.ASCII)
_MAX_LABEL: Final = 100


def edited(
    labels: Mapping[str, str], mappings: Mapping[str, str | None] | None, columns: Mapping[str, str | None]
) -> dict[str, str]:
    """Labels after an edit, in column order; what is not mentioned stays, null or `Non utilisé` clears.

    Args:
        labels: as they are.
        mappings: by `C1`…`C99`.
        columns: by `c1`…`c14`.

    Raises:
        UsageError: a column has no such name, or is given twice with different labels.
    """
    wanted = {_column(name): _label(label) for name, label in (mappings or {}).items()}
    for name, text in columns.items():
        column, label = name.upper(), _label(text)
        if mappings is not None and wanted.get(column, "") != label:
            raise UsageError(f"mappings and c1…c14 disagree about {column}: send only one of them")
        wanted[column] = label
    merged = {column: label for column, label in (dict(labels) | wanted).items() if label}
    return dict(sorted(merged.items(), key=lambda item: int(item[0][1:])))


def _column(name: str) -> str:
    if not _COLUMN.fullmatch(name):
        raise UsageError(f"mappings: {clean(name, 20)!r} is no column: they are called C1 to C99")
    return name


def _label(text: str | None) -> str:
    text = clean(text or "", _MAX_LABEL).strip()
    return "" if text == UNUSED else text
