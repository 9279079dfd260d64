"""Specs on disk: read, save, and show how one does on a recording."""

from pathlib import Path
from typing import TYPE_CHECKING

from karttime.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from karttime.analysis.inference.findings import Check, Findings
    from karttime.analysis.report import Report
    from karttime.feeds.declared.spec import FeedSpec

_SPEC_BYTES = 1 << 20
_EXAMPLES = 40
_UPDATES = {
    "snapshot": "the whole board", "merge": "what changed", "places": "what changed, by place",
    "facts": "about the session", "unread": "not understood",
}  # fmt: skip


def read_spec(path: Path) -> "FeedSpec":
    """The spec in a file.

    Raises:
        UsageError: it cannot be read, or is none; the text says why.
    """
    from karttime.feeds.declared.spec import SpecError, parse_spec

    try:
        with path.open("rb") as file:
            data = file.read(_SPEC_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; name a spec that `analyze --spec` saved") from error
    try:
        return parse_spec(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no spec: it is not UTF-8 text") from error
    except SpecError as error:
        raise UsageError(f"{path}: {error}") from error


def save_spec(path: Path, report: "Report") -> None:
    """Write the spec that decoded a recording.

    Raises:
        UsageError: there is none, or it cannot be written.
    """
    from karttime.feeds.declared.spec import write_spec

    if report.spec is None:
        name = report.detection.name
        why = "no standing was found in this feed" if name == "unknown" else f"karttime speaks {name} already"
        raise UsageError(f"there is no spec to save: {why}")
    try:
        path.write_text(write_spec(report.spec), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another file") from error


def show_findings(console: "Console", found: "Findings") -> None:
    """Print what inference found: framing, kinds, fields with their roles, the check."""
    from rich.table import Table
    from rich.text import Text

    from karttime.domain.display import clean

    def plain(value: object, limit: int = 100) -> Text:
        return Text(clean(str(value), limit))

    console.print(plain(f"framing: {found.framing}", 300))
    kinds = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("messages", "count", "share", "every", "update"):
        kinds.add_column(name, justify="left" if name in ("messages", "update") else "right", no_wrap=True)
    for kind in found.kinds[:_EXAMPLES]:
        every = "" if kind.period_ms is None else f"{kind.period_ms / 1000:.1f} s"
        kinds.add_row(
            plain(kind.name or "-", 40),
            plain(kind.count),
            plain(f"{kind.share:.0%}"),
            plain(every),
            plain(_UPDATES.get(kind.update, kind.update)),
        )
    console.print(kinds)
    fields = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("field", "role", "unit", "sure", "examples", "why, or what else it could be"):
        fields.add_column(name, overflow="ellipsis", no_wrap=True, max_width=44)
    for field in sorted(found.fields, key=lambda field: field.role.value == "undecided"):
        told = field.role.value != "undecided"
        if not told and not field.candidates:
            continue
        others = ", ".join(role.value for role in field.candidates if role is not field.role)
        note = field.why if told else f"perhaps {others}" if others else field.why
        fields.add_row(
            plain(field.path), plain(field.role.value), plain(field.unit), plain(f"{field.confidence:.2f}"),
            plain(" ".join(field.examples)), plain(note),
        )  # fmt: skip
    console.print(fields)
    silent = sum(1 for field in found.fields if field.role.value == "undecided" and not field.candidates)
    console.print(plain(f"{silent} more fields are undecided; --json lists them"))
    if found.check is not None:
        show_check(console, found.check)


def show_check(console: "Console", check: "Check") -> None:
    """Print how a spec does on frames."""
    from rich.text import Text

    from karttime.domain.display import clean

    timed = "" if check.in_time is None else f", {check.in_time:.0%} of them as long as what passed"
    lines = [
        f"checked on {check.frames} frames: {check.understood:.1%} understood,"
        f" {f'{check.readable:.2%} of {check.values}' if check.values else 'no'} values make sense,"
        f" {check.laps} laps{timed}",
        *(f"contradiction: {clean(text, 300)}" for text in check.contradictions),
    ]
    for line in lines:
        console.print(Text(line))
