"""What columns of a board could be called: as an analysis proposes it, or as follows from what they mean. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from karttime.circuits.mapping import propose
from karttime.domain.columns import Column, Role
from karttime.tui.model import Model

_ROLES: Final = {role.value: role for role in Role}


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a column could be called, and how sure that is: 0 to 1, None where nobody says."""

    label: str
    confidence: float | None = None


NOTHING: Final = Proposed("")


def proposals(told: Any) -> dict[str, Proposed]:
    """What an analysis proposes: `proposed` and `confidence` of `mapping` in its `result`; empty labels are none."""
    for key in ("result", "mapping"):
        told = told.get(key) if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(labels := told.get("proposed"), dict):
        return {}
    sure = told.get("confidence")
    return {
        name: Proposed(label, _confidence(sure.get(name) if isinstance(sure, dict) else None))
        for name, label in labels.items()
        if isinstance(label, str) and label
    }


def _confidence(told: object) -> float | None:
    return float(told) if isinstance(told, int | float) and 0 <= told <= 1 else None


def from_board(view: Model) -> dict[str, Proposed]:
    """What follows from the roles of the columns that are shown, in the words that apps offer."""
    columns = [
        Column(int(name[1:]), _ROLES.get(str(told.get("role")), Role.UNKNOWN), str(told.get("label") or ""), "")
        for told in (view.state.columns if view.state is not None else ())
        if (name := str(told.get("id")))[1:].isdecimal()
    ]
    return {name: Proposed(label) for name, label in propose(columns).items() if label}
