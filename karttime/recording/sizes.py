"""Sizes as people type them: `500k`, `50M`, `1.5G`, or plain bytes."""

import re
from typing import Final

from karttime.errors import UsageError

_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,3})?)([kmgt]?)(?:i?b)?", re.ASCII)
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parse_size(text: str) -> int:
    """Bytes of a size; units are decimal.

    Raises:
        UsageError: it is none, or not above zero; the text shows the notations.
    """
    found = _SIZE.fullmatch(text.strip().lower().replace(" ", ""))
    size = 0 if found is None else round(float(found[1]) * _UNITS[found[2]])
    if size < 1:
        raise UsageError(f"{text[:40]!r} is not a size: write it like 500k, 50M or 2G")
    return size
