"""Inference with a check: a spec from the first part of a recording is held against the rest, then all is used."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from karttime.analysis.inference.check import check_spec
from karttime.analysis.inference.findings import FieldFound, Findings
from karttime.analysis.inference.infer import MAX_TEXT, infer
from karttime.feeds.declared.spec import FieldRole
from karttime.feeds.frame import Frame

_FIRST_PART: Final = 0.7
_LEAST_FRAMES: Final = 8
_CHECKED_TEXT: Final = 1 << 20
UNSTABLE: Final = 0.6
"""What only one of two parts of a recording says is claimed with no more than this."""


def study(frames: Sequence[Frame], name: str = "unknown") -> Findings:
    """Find out what frames mean; never raises on what a feed sends.

    The spec of the first 70 % is checked on the rest. What is told, and the spec that is given, are of all frames;
    where the two differ in a role, its confidence is lowered. Of a long recording the beginning is looked at, and
    what follows is what the spec is checked on.
    """
    bounded = _bounded(frames, MAX_TEXT)
    if len(bounded) < _LEAST_FRAMES:
        found = infer(bounded, name)
        found.notes.append(f"{len(bounded)} frames are too few to check the parser on some that it was not made from")
        return found
    if len(bounded) < len(frames):  # what was not looked at is enough to check on
        found = infer(bounded, name)
        if found.spec is not None:
            found.check = check_spec(found.spec, bounded, _bounded(frames[len(bounded) :], _CHECKED_TEXT))
        found.notes.append(f"{len(bounded)} frames were looked at, the {len(frames) - len(bounded)} after them decoded")
        return found
    cut = int(len(bounded) * _FIRST_PART)
    first, found = infer(bounded[:cut], name), infer(bounded, name)
    if first.spec is not None and found.spec is not None:
        found.check = check_spec(first.spec, bounded[:cut], bounded[cut:])
        found.fields = _steady(found.fields, first.fields)
    return found


def _bounded(frames: Sequence[Frame], text: int) -> Sequence[Frame]:
    size = 0
    for number, frame in enumerate(frames):
        size += len(frame.text or "") + len(frame.data or b"")
        if size > text:
            return frames[: number + 1]
    return frames


def _steady(fields: Sequence[FieldFound], before: Sequence[FieldFound]) -> list[FieldFound]:
    """Lower the confidence in roles that the first part alone called otherwise."""
    roles = {found.path: found.role for found in before if found.role is not FieldRole.UNDECIDED}
    return [
        replace(found, confidence=min(found.confidence, UNSTABLE))
        if roles.get(found.path, found.role) is not found.role
        else found
        for found in fields
    ]
