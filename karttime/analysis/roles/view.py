"""One table as the rules look at it: shapes, moments, and the claims that were made."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from karttime.analysis.inference.series import Series
from karttime.analysis.roles.context import most
from karttime.analysis.roles.shapes import Shape, is_nothing
from karttime.feeds.declared.paths import Path
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.values import read_count

_MAX_CELLS: Final = 3_000
CLAIMED: Final = 0.6
"""Confidence from which a role is claimed; below it is a candidate."""

Section = Mapping[str, Mapping[Path, Any]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A role for a field.

    Attributes:
        role: which.
        confidence: 0 to 1: above 0.9 behaviour proves it, about 0.8 shape and name agree, 0.6 the name says so.
        unit: of times.
        part: of a driver's name.
        why: in words.
    """

    role: FieldRole
    confidence: float
    unit: Unit = ""
    part: str = ""
    why: str = ""


@dataclass(slots=True)
class View:
    """A table with its shapes and claims.

    Attributes:
        series: the table over time.
        shapes: of its fields that show anything.
        claims: by path, strongest last.
        permuted: what was found of a field's being a permutation, by path.
    """

    series: Series
    shapes: dict[Path, Shape] = field(default_factory=dict)
    claims: dict[Path, list[Claim]] = field(default_factory=dict)
    permuted: dict[Path, float] = field(default_factory=dict)
    _cells: dict[Path, list[Any]] = field(default_factory=dict)
    _ordered: dict[Path, list[list[Mapping[Path, Any]]]] = field(default_factory=dict)

    @classmethod
    def of(cls, series: Series) -> "View":
        """Look at a table."""
        view = cls(series)
        for path, column in series.columns.items():
            shape = Shape(column)
            if shape.values:
                view.shapes[path] = shape
        return view

    def claim(self, shape: Shape, claim: Claim) -> None:
        """Claim a role for a field; where the field stands bounds how sure it can be."""
        sure = most(shape.path, claim.role, claim.confidence)
        if sure < claim.confidence:
            claim = replace(claim, confidence=sure, why="it is of one of several, or inside of something smaller")
        self.claims.setdefault(shape.path, []).append(claim)

    def cap(self, shape: Shape, roles: Collection[FieldRole], at_most: float, why: str) -> None:
        """Lower the claims of some roles for a field."""
        self.claims[shape.path] = [
            replace(claim, confidence=at_most, why=why) if claim.role in roles and claim.confidence > at_most else claim
            for claim in self.claims.get(shape.path, ())
        ]

    def best(self, path: Path) -> Claim | None:
        """The strongest claim for a field."""
        return max(self.claims.get(path, ()), key=lambda claim: claim.confidence, default=None)

    def holders(self, role: FieldRole, at_least: float = CLAIMED) -> list[Shape]:
        """The fields whose strongest claim is this role, strongest first."""
        found = []
        for path, shape in self.shapes.items():
            claim = self.best(path)
            if claim is not None and claim.role is role and claim.confidence >= at_least:
                found.append((claim.confidence, shape))
        return [shape for _, shape in sorted(found, key=lambda pair: -pair[0])]

    def holder(self, role: FieldRole) -> Shape | None:
        """The field that holds a role most surely."""
        return next(iter(self.holders(role)), None)

    def unit_of(self, shape: Shape) -> Unit:
        """The unit that was claimed for a field, else that of its shape."""
        claim = self.best(shape.path)
        return claim.unit if claim is not None and claim.unit else shape.unit or "text"

    @property
    def sections(self) -> Sequence[Section]:
        """The table at some moments: fewer of a large one."""
        every = self.series.sections
        most = max(_MAX_CELLS // max(self.series.competitors, 1), 3)
        step = -(-len(every) // most)
        return every[::-step][::-1] if step > 1 else every

    def cells(self, shape: Shape) -> list[Any]:
        """What a field shows in every row of every moment; None for nothing."""
        found = self._cells.get(shape.path)
        if found is None:
            every = [row.get(shape.path) for section in self.sections for row in section.values()]
            found = self._cells[shape.path] = [None if is_nothing(value) else value for value in every]
        return found

    def rows(self, *shapes: Shape) -> Iterator[tuple[Any, ...]]:
        """The values of several fields, row by row, of all moments; rows that lack one are left out."""
        for values in zip(*(self.cells(shape) for shape in shapes), strict=True):
            if None not in values:
                yield values

    def ordered(self, position: Shape) -> list[list[Mapping[Path, Any]]]:
        """The rows of each moment by position, without those that have none."""
        found = self._ordered.get(position.path)
        if found is None:
            found = self._ordered[position.path] = []
            for section in self.sections:
                placed = [(place, row) for row in section.values() if (place := read_count(row.get(position.path)))]
                if len({place for place, _ in placed}) == len(placed):
                    found.append([row for _, row in sorted(placed, key=lambda pair: pair[0])])
        return found
