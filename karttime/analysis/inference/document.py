"""Findings as plain data for `--json` and the API; texts of the feed cleaned of control bytes."""

from typing import Any

from karttime.analysis.inference.findings import Findings
from karttime.domain.display import clean


def findings_document(found: Findings) -> dict[str, Any]:
    """Framing, kinds, frequency, fields and the check; the spec stands beside them."""
    check = found.check
    return {
        "framing": clean(found.framing),
        "kinds": [
            {
                "name": clean(kind.name),
                "count": kind.count,
                "share": kind.share,
                "period_ms": kind.period_ms,
                "update": kind.update,
            }
            for kind in found.kinds
        ],
        "frequency": {clean(name): rate for name, rate in found.frequency.items()},
        "fields": [
            {
                "path": clean(field.path),
                "role": field.role.value,
                "unit": field.unit,
                "confidence": field.confidence,
                "examples": [clean(example) for example in field.examples],
                "candidates": [role.value for role in field.candidates],
                "why": clean(field.why),
            }
            for field in found.fields
        ],
        "check": None
        if check is None
        else {
            "frames": check.frames,
            "understood": check.understood,
            "values": check.values,
            "readable": check.readable,
            "laps": check.laps,
            "laps_in_time": check.in_time,
            "contradictions": [clean(text, 400) for text in check.contradictions],
        },
    }
