"""What competitors do: states, pits, stops, penalties, flags; and fields that their names alone tell."""

from collections.abc import Sequence
from typing import Final

from karttime.analysis.roles.counters import rises
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.view import Claim, View
from karttime.feeds.declared.spec import FieldRole, Unit
from karttime.feeds.declared.values import FLAGS, STATES, read_count, read_text, read_truth

_SEVERAL: Final = 3
_LAPS_ON: Final = 2


def are_states(view: View, shape: Shape) -> bool:
    """States of competitors and flags: words of small vocabularies."""
    known = len(shape.folded & STATES.keys()) / max(len(shape.folded), 1)
    flags = len(shape.folded & FLAGS.keys()) / max(len(shape.folded), 1)
    named_flag, named_state = shape.named(FieldRole.FLAG), shape.named(FieldRole.STATUS, FieldRole.IN_PIT)
    if named_flag and flags and len(shape.folded) <= 12 and shape.clocks < 0.5:
        view.claim(shape, Claim(FieldRole.FLAG, 0.75, why="few words, some of flags, called so"))
        return True
    if flags >= 0.6 and (named_flag or (flags > known and len(shape.folded) >= 2)):
        view.claim(shape, Claim(FieldRole.FLAG, 0.85 if named_flag else 0.7, why="words of flags"))
        return True
    if known >= 0.6 and (named_state or len(shape.folded) >= 2):
        view.claim(shape, Claim(FieldRole.STATUS, 0.85 if named_state else 0.7, why="words of states"))
        return True
    if named_state and not shape.named(FieldRole.DRIVER, FieldRole.TEAM) and len(shape.folded) <= 20:
        view.claim(shape, Claim(FieldRole.STATUS, 0.7, why="few words, called so"))
        return True
    return False


def claim_states(view: View) -> None:
    """Claim pits, stops, penalties, speeds and other fields that names and small values tell."""
    for shape in view.shapes.values():
        named_in = shape.named(FieldRole.IN_PIT)
        truth = sum(read_truth(value) is not None for value in shape.values) / len(shape.values)
        boolean = shape.truths >= 0.9 or (truth >= 0.95 and shape.distinct <= {"0", "1", "true", "false", "Y", "N"})
        if boolean and _only_rises(view, shape) and shape.named(FieldRole.PIT_STOPS, FieldRole.IN_PIT):
            view.claim(shape, Claim(FieldRole.PIT_STOPS, 0.7, why="who has a 1 drives on and never has a 0 again"))
        elif boolean and named_in and shape.named(FieldRole.PIT_STOPS) <= named_in:
            moves = shape.restless > 0
            view.claim(shape, Claim(FieldRole.IN_PIT, 0.85 if moves else 0.7, why="true and false, called so"))
        elif boolean and shape.named(FieldRole.STATUS):
            view.claim(shape, Claim(FieldRole.STATUS, 0.65, why="true and false, called so"))
        elif (shape.counts >= 0.9 and not boolean) or shape.distinct <= {"0", "1"}:
            _stops(view, shape)
        if shape.named(FieldRole.PENALTY) and shape.truths < 0.5:
            view.claim(shape, Claim(FieldRole.PENALTY, 0.7, why="its name says so"))
        _by_name_only(view, shape)


def _only_rises(view: View, shape: Shape) -> bool:
    """Whether several went from 0 to 1, drove on and never came back to 0: of stops one, not somebody in the pits."""
    laps = view.holder(FieldRole.LAPS)
    if laps is None or not shape.distinct <= {"0", "1"}:
        return False
    drove_on = 0
    for key, changes in shape.column.changes.items():
        values = [read_text(change.value) for change in changes]
        if "0" in values[1:]:
            return False
        later = laps.column.changes.get(key, ()) if values[1:] == ["1"] else ()
        drove_on += sum(change.at > changes[1].at for change in later) >= _LAPS_ON
    return drove_on >= _SEVERAL


def _stops(view: View, shape: Shape) -> None:
    named = shape.named(FieldRole.PIT_STOPS)
    most = max((read_count(value) or 0 for value in shape.values), default=0)
    if most > 90:
        return
    laps = view.holder(FieldRole.LAPS)
    if laps is shape:
        return
    rising = rises(shape)
    slow = laps is None or shape.restless <= 0.35 * laps.restless
    if named:
        view.claim(shape, Claim(FieldRole.PIT_STOPS, 0.85 if rising and slow else 0.7, why="small counts, called so"))
    elif rising >= 0.9 and slow and shape.restless > 0:
        view.claim(shape, Claim(FieldRole.PIT_STOPS, 0.5, why="it counts up now and then"))


_NAME_ONLY: Final[Sequence[tuple[FieldRole, float]]] = (
    (FieldRole.SPEED, 0.7),
    (FieldRole.COLOUR, 0.7),
    (FieldRole.TRANSPONDER, 0.7),
    (FieldRole.CLASS_POSITION, 0.7),
    (FieldRole.BEST_LAP_NUMBER, 0.65),
    (FieldRole.FLAG, 0.55),
    (FieldRole.ID, 0.55),
)


def _by_name_only(view: View, shape: Shape) -> None:
    for role, confidence in _NAME_ONLY:
        if shape.named(role) >= 0.7 and (role is not FieldRole.SPEED or shape.numbers >= 0.7):
            view.claim(shape, Claim(role, confidence, why="its name says so"))
    if shape.named(FieldRole.PIT_TIME) and (shape.clocks >= 0.5 or shape.numbers >= 0.8):
        unit: Unit = "text" if shape.clocks >= 0.5 else "s"
        view.claim(shape, Claim(FieldRole.PIT_TIME, 0.65, unit, why="a time, called so"))
