"""What the values of one field look like, apart from all others."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any, Final

from karttime.analysis.inference.series import Change, Column
from karttime.analysis.roles.names import suggested
from karttime.domain.times import Gap
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.values import fold, read_count, read_gap, read_ms, read_text

LAP_MIN, LAP_MAX = 8_000, 1_200_000
"""Shortest and longest believable lap, ms: indoor karts on 200 m, the Nordschleife under yellow."""

_MAX_VALUES: Final = 20_000
_CLOCK: Final = re.compile(r"[+-]?(?:\d{1,4}[:hm'])?\d{1,3}[:m'.,]\d{1,2}(?:[.,\"]\d{1,7})?s?", re.ASCII)
_PERIOD: Final = re.compile(r"[+-]?PT(?=\d)[\dHM]{0,9}(?:\d{1,3}(?:[.,]\d{1,9})?S)?", re.ASCII)
_DECIMAL: Final = re.compile(r"[+-]?\d{0,6}[.,]\d{1,7}", re.ASCII)
_INT: Final = re.compile(r"-?\d{1,15}", re.ASCII)
_DASHES: Final = re.compile(r"[-\u2013\u2014.:\s]*")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d|\d\d[/.]\d\d[/.]\d{2,4}", re.ASCII)
_HEX: Final = re.compile(r"#?[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?", re.ASCII)
_UNITS: Final[Sequence[Unit]] = ("ms", "us", "100ns")


def is_nothing(value: Any) -> bool:
    """Whether a value shows nothing: null, empty, dashes."""
    return value is None or (isinstance(value, str) and _DASHES.fullmatch(value) is not None)


class Shape:
    """One column and what its values are.

    Attributes:
        column: where it is and how it changed.
        values: what was shown, each time it changed, without nothing.
        names: the roles that its name suggests.
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self.path = column.path
        self.names: Mapping[FieldRole, float] = suggested(column.path)
        every = [change.value for changes in column.changes.values() for change in changes]
        self.shown = len(every)
        step = max(len(every) // _MAX_VALUES, 1)
        self.values: list[Any] = [value for value in every[::step] if not is_nothing(value)]
        self._gaps: dict[Unit, dict[Any, Gap | None]] = {}
        self._ms: dict[Unit, dict[Any, int | None]] = {}

    def named(self, *roles: FieldRole) -> float:
        """How strongly the name suggests one of these roles."""
        return max((self.names.get(role, 0.0) for role in roles), default=0.0)

    @cached_property
    def texts(self) -> list[str]:
        """The values as texts."""
        return [read_text(value) for value in self.values]

    @cached_property
    def distinct(self) -> set[str]:
        """The different texts."""
        return set(self.texts)

    def _share(self, fits: Iterator[bool]) -> float:
        return sum(fits) / len(self.values) if self.values else 0.0

    @cached_property
    def truths(self) -> float:
        """Share of true and false."""
        return self._share(
            isinstance(v, bool) or (isinstance(v, str) and v.lower() in ("true", "false")) for v in self.values
        )

    @cached_property
    def counts(self) -> float:
        """Share of whole numbers that are not negative."""
        return self._share(read_count(value) is not None for value in self.values)

    @cached_property
    def numbers(self) -> float:
        """Share of numbers of any kind, also in texts without colons."""
        return self._share(
            (isinstance(v, int | float) and not isinstance(v, bool)) or bool(_INT.fullmatch(t) or _DECIMAL.fullmatch(t))
            for v, t in zip(self.values, self.texts, strict=True)
        )

    @cached_property
    def decimals(self) -> int:
        """Most decimals seen."""
        return max(
            (
                len(t.rpartition(".")[2])
                for t in self.texts[:2000]
                if _DECIMAL.fullmatch(t) or (_CLOCK.fullmatch(t) and "." in t)
            ),
            default=0,
        )

    @cached_property
    def clocks(self) -> float:
        """Share of texts that are times as displayed: with a colon, or seconds with decimals."""
        return self._share(
            bool(_CLOCK.fullmatch(text) or _DECIMAL.fullmatch(text) or _PERIOD.fullmatch(text))
            and isinstance(value, str)
            for value, text in zip(self.values, self.texts, strict=True)
        )

    @cached_property
    def letters(self) -> float:
        """Share of texts that hold letters."""
        return self._share(isinstance(v, str) and any(c.isalpha() for c in v) for v in self.values)

    @cached_property
    def dates(self) -> float:
        """Share of dates."""
        return self._share(bool(_DATE.match(text)) for text in self.texts)

    @cached_property
    def colours(self) -> float:
        """Share of colours in hexadecimal, which hold a letter now and then."""
        fits = self._share(bool(_HEX.fullmatch(text)) for text in self.texts)
        return fits if any(c in "abcdefABCDEF#" for text in self.distinct for c in text) else 0.0

    @cached_property
    def words(self) -> float:
        """Mean number of words."""
        return sum(len(text.split()) for text in self.texts[:2000]) / max(len(self.texts[:2000]), 1)

    @cached_property
    def folded(self) -> set[str]:
        """The different texts, folded."""
        return {fold(text) for text in [*self.distinct][:500]}

    @cached_property
    def unit(self) -> Unit | None:
        """The unit under which most values are lap-like times; None where none is."""
        if self._share(text[:1] in ("+", "-") for text in self.texts) > 0.3:
            return None  # a difference
        candidates: Sequence[Unit] = ("text",) if self.clocks >= 0.6 else ()
        if not candidates and self.numbers >= 0.8:
            whole = all(read_count(value) is not None for value in self.values[:500])
            candidates = _UNITS if whole else ("s",)
        for unit in candidates:
            times = [ms for ms in self.times(unit) if ms > 0]
            if len(times) >= 0.3 * len(self.values) and LAP_MIN <= (median(times) if times else 0) <= LAP_MAX:
                return unit
        return None

    def times(self, unit: Unit) -> list[int]:
        """The values as milliseconds under a unit."""
        return [ms for value in self.values if (ms := self.ms(value, unit)) is not None]

    def ms(self, value: Any, unit: Unit) -> int | None:
        """One value as milliseconds."""
        known = self._ms.setdefault(unit, {})
        try:
            if value in known:
                return known[value]
        except TypeError:
            return None
        known[value] = ms = read_ms(value, unit)
        return ms

    def gaps(self, unit: Unit) -> float:
        """Share of values that can be gaps."""
        return self._share(self.gap(value, unit) is not None for value in self.values)

    def gap(self, value: Any, unit: Unit) -> Gap | None:
        """One value as a gap."""
        known = self._gaps.setdefault(unit, {})
        try:
            if value not in known:
                known[value] = None if is_nothing(value) else read_gap(value, unit)
            return known[value]
        except TypeError:
            return None

    @property
    def resolution(self) -> int:
        """How far two times may differ for their decimals alone, ms."""
        return 1 + 10 ** max(3 - self.decimals, 0) if self.unit in ("text", "s") and self.decimals else 2

    def changes(self) -> Iterator[tuple[str, Sequence[Change]]]:
        """The changes by competitor."""
        yield from self.column.changes.items()

    @cached_property
    def steps(self) -> list[tuple[int, int]]:
        """Pairs of one count and the next, of all competitors."""
        found = []
        for changes in self.column.changes.values():
            counts = [count for change in changes if (count := read_count(change.value)) is not None]
            found += [*pairwise(counts)]
        return found

    @cached_property
    def restless(self) -> float:
        """Changes per competitor after the first value."""
        many = len(self.column.changes)
        return sum(len(changes) - 1 for changes in self.column.changes.values()) / many if many else 0.0
