"""The two lines at the top of every screen: how the data is to be taken, and what it is of."""

from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from karttime.client.stream import Health
from karttime.tui.facts import moment, whole
from karttime.tui.model import Model
from karttime.tui.sources.base import Mode, Transport
from karttime.tui.text import age, clock_of, duration, safe, size

Part = tuple[str, str]
"""A text and the name of its style."""

FLAGS: Final = {
    "green": ("⚑ GREEN", "green"),
    "yellow": ("⚑ YELLOW", "yellow"),
    "full-course-yellow": ("⚑ FULL COURSE YELLOW", "yellow"),
    "safety-car": ("⚑ SAFETY CAR", "yellow"),
    "red": ("⚑ RED", "red"),
    "chequered": ("⚑ CHEQUERED", "chequered"),
    "none": ("⚐ no flag", "dim"),
}


@dataclass(frozen=True, slots=True)
class Around:
    """What the model does not know: the age of the data now, a pause of the view, a filter, the hand on a recording."""

    data_age_ms: int | None = None
    paused: bool = False
    behind: int = 0
    filter: str = ""
    transport: Transport | None = None


def mode_of(model: Model) -> Part:
    """LIVE, REPLAY, DEMO or LOST."""
    if model.server_lost or model.health is Health.LOST:
        return "✖ LOST server" if model.mode is not Mode.REPLAY else "✖ LOST", "lost"
    if model.health is Health.STALE:
        return "✖ LOST feed", "lost"
    circuit = model.circuit
    demo = model.mode is Mode.DEMO or (circuit is not None and circuit.url.startswith("demo:"))
    mode = Mode.DEMO if demo and model.mode is Mode.LIVE else model.mode
    return {Mode.LIVE: "● LIVE", Mode.DEMO: "◌ DEMO", Mode.REPLAY: "▶ REPLAY"}[mode], mode.lower()


def session_clock(model: Model) -> str:
    """The session's clock as it is now."""
    session = model.session
    mode, ms = session.get("clock_mode"), whole(session.get("clock_ms"))
    if mode == "text":
        return safe(session.get("clock_text") or "", 20)
    if ms is None or mode not in {"countdown", "count-up"}:
        return ""
    passed = max(0, model.now() - moment(session.get("clock_at"))) if not session.get("ended_at") else 0
    return duration(max(0, ms - passed)) + " left" if mode == "countdown" else duration(ms + passed)


def first_line(model: Model, width: int) -> list[Part]:
    """Mode, circuit, session, flag, clock; the session's title gets the room that the others leave."""
    text, style = mode_of(model)
    circuit, session = model.circuit, model.session
    name = safe(circuit.name, 28 if width >= 100 else 16) if circuit is not None else model.circuit_id or "no circuit"
    head: list[Part] = [(f" {text} ", style), (" ", ""), (name, "strong"), ("  ", "")]
    flag, flag_style = FLAGS.get(str(session.get("flag", "none")), ("", ""))
    flag = flag or f"⚑ {safe(session.get('flag_text') or 'unknown flag', 20)}"
    tail: list[Part] = [("  ", ""), (f" {flag} ", flag_style)]
    if clock := session_clock(model):
        tail += [("  ", ""), (clock, "strong")]
    if session.get("ended_at"):
        tail.append(("  ended", "dim"))
    kind = f" [{session['kind']}]" if session.get("kind") in {"race", "practice", "qualifying"} else ""
    room = width - sum(cell_len(part) for part, _ in (*head, *tail)) - len(kind)
    event, title = safe(session.get("event") or "", 40), safe(session.get("title") or "", 40)
    told = f"{event} {title}".strip() or ("no session" if model.state else "…")
    if cell_len(told) > room and title:
        told = title
    return [*head, (safe(told, max(4, room)), ""), (kind, "dim"), *tail]


def second_line(model: Model, around: Around, width: int) -> list[Part]:
    """Why it is lost, data age, competitors, clients, recording, refusals, pause and filter; the address if it fits."""
    head: list[Part] = []
    if around.paused:
        head.append((f" ‖ VIEW PAUSED, {around.behind} changes behind ", "lost"))
    if around.filter:
        head.append((f" filter: {safe(around.filter, 30)} ", "warn"))
    tail = [(f" {transport_line(around.transport)}", "strong")] if around.transport is not None else []
    tail = tail or [(f" data {age(around.data_age_ms)}", "")]
    tail.append((f" · {len(model.competitors)} competitors", ""))
    if (circuit := model.circuit) is not None:
        if model.mode is not Mode.REPLAY:
            tail.append((f" · {circuit.clients} client{'s' if circuit.clients != 1 else ''}", ""))
        tail.append(_recording(model))
        refused = sum(circuit.refused.values())
        tail.append((f" · {refused} refused", "warn" if refused else "dim"))
    if reason := model.server_lost or (model.reason if model.health is not Health.LIVE else ""):
        room = width - sum(cell_len(text) for text, _ in (*head, *tail)) - 2
        head.append((f" {safe(reason, max(24, room))} ", "warn"))
    parts = [*head, *tail, (f" · {model.where}", "dim")]
    for long, short in ((f" · {model.where}", ""), (" competitors", " karts"), (" · not recorded", " · no rec")):
        if sum(cell_len(text) for text, _ in parts) > width:
            parts = [(text.replace(long, short), style) for text, style in parts]
    return parts


def transport_line(transport: Transport) -> str:
    """Where a replay is and how fast it goes."""
    speed = "max" if transport.speed is None else f"x{transport.speed:g}"
    state = transport.busy or ("▶" if transport.playing else "‖ stopped")
    at = clock_of(transport.began_at + transport.position_ms)
    return f"{state} {at}  {duration(transport.position_ms)} / {duration(transport.length_ms)}  {speed}"


def _recording(model: Model) -> Part:
    circuit = model.circuit
    told = circuit.recording if circuit is not None else {}
    if not told:
        return " · not recorded" if model.mode is not Mode.REPLAY else "", "dim"
    if told.get("error"):
        return f" · recording FAILS: {safe(told['error'], 40)}", "warn"
    amount = size(whole(told.get("bytes"))) if "bytes" in told else f"{told.get('frames')} frames"
    return f" · {'rec' if model.mode is not Mode.REPLAY else 'file'} {amount}", ""


class TopBar(Widget, can_focus=False):
    """The widget; `show` redraws it when something in it changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"topbar--{name}"
        for name in ("live", "replay", "demo", "lost", "strong", "dim", "warn", "green", "yellow", "red", "chequered")
    }

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[list[Part]] = [[], []]

    @property
    def text(self) -> str:
        """What it says."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, model: Model, around: Around) -> None:
        """Say how things are."""
        lines = [first_line(model, self.size.width), second_line(model, around, self.size.width)]
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        segments = [
            Segment(text, base + self.get_component_rich_style(f"topbar--{style}", partial=True) if style else base)
            for text, style in self._lines[y]
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base)
