"""From the facts of `karttime.v1`, which are JSON, to the laps and stops of the domain."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from karttime.client.fold import Fields
from karttime.domain.competitor import Lap
from karttime.domain.updates import LapFlag, Provenance

_FLAGS = {flag.value: flag for flag in LapFlag}


def moment(text: object) -> int:
    """Milliseconds UTC of an ISO 8601 moment; 0 when it is none."""
    if not isinstance(text, str):
        return 0
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def whole(value: object) -> int | None:
    """A whole number, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def lap_of(fact: Fields) -> Lap | None:
    """The lap that a fact tells of, None where it has no number or no time."""
    number, time_ms = whole(fact.get("number")), whole(fact.get("time_ms"))
    if number is None or time_ms is None:
        return None
    told: Mapping[str, Any] = fact.get("provenance") or {}
    provenance = Provenance(tuple(told.get("frames", ())), str(told.get("rule", "")), str(told.get("note", "")))
    sectors = tuple(whole(ms) for ms in fact.get("sectors_ms") or ())
    flags = frozenset(_FLAGS[name] for name in fact.get("flags") or () if name in _FLAGS)
    at = moment(fact.get("at") or fact.get("timestamp"))
    return Lap(number, time_ms, at, provenance, sectors, flags, str(fact.get("driver") or ""))


def lap_fact(competitor_id: str, lap: Lap, at: str) -> dict[str, Any]:
    """A lap as a fact; `at` in ISO 8601."""
    return {
        "competitor_id": competitor_id,
        "number": lap.number,
        "time_ms": lap.time_ms,
        "at": at,
        "sectors_ms": list(lap.sectors),
        "flags": sorted(flag.value for flag in lap.flags),
        "driver": lap.driver,
        "revised": False,
        "provenance": {
            "frames": list(lap.provenance.frames),
            "rule": lap.provenance.rule,
            "note": lap.provenance.note,
        },
    }
