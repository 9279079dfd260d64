"""Screen 7, Replay: the hand on a recording."""

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.segment import Segment
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from karttime.errors import UsageError
from karttime.recording.durations import parse_duration
from karttime.tui.log import GLYPHS
from karttime.tui.screens.page import Page
from karttime.tui.sources.base import Marker, Transport
from karttime.tui.text import clock_of, duration, safe
from karttime.tui.widgets.columns import Cell, Column, Row
from karttime.tui.widgets.dialogs import Answers, Field, Form
from karttime.tui.widgets.figures import Figures
from karttime.tui.widgets.grid import Grid

SPEEDS: Final[tuple[float | None, ...]] = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, None)
COLUMNS: Final = (
    Column("offset", "Offset", 8, 0, "right"),
    Column("at", "Time UTC", 8, 1),
    Column("kind", "What", 12, 0),
    Column("text", "", 20, 0, "left", 120),
)
_STYLES: Final = {
    "session": "strong",
    "flag": "yellow",
    "pit-in": "pit-in",
    "pit-out": "pit-out",
    "fastest": "overall-best",
    "penalty": "warn",
    "mark": "mark",
    "note": "",
}
BAR_KINDS: Final = (("session", "▶"), ("flag", "⚑"), ("pit-in", "▼"))
JUMPS: Final = frozenset({"session", "flag", "penalty", "mark", "pit-in", "pit-out"})


class Progress(Widget, can_focus=False):
    """Where the replay is, and below it where flags and pit stops are. A click goes there."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"progress--{name}" for name in ("played", "ahead", "green", "yellow", "red", "chequered", "pit", "session"))
    }

    def __init__(self) -> None:
        super().__init__()
        self.transport: Transport | None = None
        self._seen: tuple[object, ...] = ()

    def show(self, transport: Transport) -> None:
        """Bring it up to date."""
        self.transport = transport
        width = max(1, self.size.width)
        place = width * transport.position_ms // max(1, transport.length_ms)
        seen = (place, len(transport.markers), transport.length_ms, width)
        if seen != self._seen:
            self._seen = seen
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if self.transport is None or width < 1:
            return Strip.blank(width, base)
        length = max(1, self.transport.length_ms)
        if y == 0:
            done = min(width, width * self.transport.position_ms // length)
            played = base + self.get_component_rich_style("progress--played", partial=True)
            ahead = base + self.get_component_rich_style("progress--ahead", partial=True)
            return Strip([Segment("━" * done, played), Segment("─" * (width - done), ahead)])
        kind, sign = BAR_KINDS[min(y - 1, len(BAR_KINDS) - 1)]
        return self._marks(kind, sign, length)

    def _marks(self, kind: str, sign: str, length: int) -> Strip:
        assert self.transport is not None  # noqa: S101 - asked before
        width, base, began = self.size.width, self.rich_style, self.transport.began_at
        styles = ["" for _ in range(width)]
        for marker in self.transport.markers:
            if marker.kind == kind:
                place = min(width - 1, max(0, width * (marker.at - began) // length))
                styles[place] = _bar_style(marker)
        return Strip(
            [
                Segment(
                    sign if style else " ", base + self.get_component_rich_style(f"progress--{style}", partial=True)
                )
                if style
                else Segment(" ", base)
                for style in styles
            ]
        )

    def on_click(self, event: events.Click) -> None:
        if self.transport is not None:
            self.transport.seek(self.transport.length_ms * event.x // max(1, self.size.width))


class ReplayPage(Page):
    """The hand on a recording."""

    TITLE = "Replay"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "play", "Play/stop", id="replay.play"),
        Binding("full_stop", "step(1)", "Step", key_display=".", id="replay.step"),
        Binding("comma", "step(-1)", "Step back", key_display=",", id="replay.step-back"),
        Binding("plus,equals_sign", "speed(1)", "Faster", key_display="+", id="replay.faster"),
        Binding("minus", "speed(-1)", "Slower", key_display="-", id="replay.slower"),
        Binding("right,l", "skip(10)", "+10 s", show=False, id="replay.forward"),
        Binding("left,h", "skip(-10)", "-10 s", show=False, id="replay.back"),
        Binding("shift+right,L", "skip(60)", "+60 s", show=False, id="replay.forward-far"),
        Binding("shift+left,H", "skip(-60)", "-60 s", show=False, id="replay.back-far"),
        Binding("n", "event(1)", "Next event", id="replay.next"),
        Binding("b", "event(-1)", "Event before", id="replay.before"),
        Binding("t", "seek", "Go to time", id="replay.seek"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._drawn: tuple[object, ...] = ()

    def body(self) -> ComposeResult:
        yield Figures(id="transport")
        yield Progress()
        yield Grid(COLUMNS, id="markers")

    @property
    def transport(self) -> Transport | None:
        """The hand, None when no recording is played."""
        return self.dash.source.transport

    def draw(self) -> None:
        transport = self.transport
        figures = self.query_one("#transport", Figures)
        if transport is None:
            figures.say(["No recording is played", "karttime tui --replay FILE plays one"])
            return
        speed = "as fast as possible" if transport.speed is None else f"{transport.speed:g} times the recorded pace"
        state = transport.busy or ("▶ playing" if transport.playing else "‖ stopped")
        at = clock_of(transport.began_at + transport.position_ms)
        figures.say(
            [
                f"{state}   {at} UTC   {duration(transport.position_ms)} of {duration(transport.length_ms)}",
                f"{speed}   p play/stop  . , step  + - speed  ← → 10 s  n b event  t time  Enter goes to a row",
            ]
        )
        self.query_one(Progress).show(transport)
        grid = self.query_one("#markers", Grid)
        seen = (len(transport.markers), self.words)
        if seen != self._drawn:
            self._drawn = seen
            rows = (_row(number, it, transport.began_at) for number, it in enumerate(transport.markers))
            grid.show([row for row in rows if row.matches(self.words)])

    @on(Grid.Chosen, "#markers")
    def _chosen(self, event: Grid.Chosen) -> None:
        if self.transport is not None:
            self._to(self.transport.markers[int(event.key)])

    def _to(self, marker: Marker) -> None:
        if self.transport is not None:
            self.transport.seek(marker.at - self.transport.began_at)
            self.dash.tell(f"{clock_of(marker.at)} {marker.kind} {marker.text}")

    def action_play(self) -> None:
        if self.transport is not None:
            self.transport.toggle()
            self.redraw()

    def action_step(self, frames: int) -> None:
        if self.transport is not None:
            self.transport.step(frames)

    def action_speed(self, step: int) -> None:
        transport = self.transport
        if transport is not None:
            known = [float("inf") if speed is None else speed for speed in SPEEDS]
            now = float("inf") if transport.speed is None else transport.speed
            faster = [speed for speed in known if speed > now]
            slower = [speed for speed in known if speed < now]
            wanted = (faster[0] if faster else now) if step > 0 else (slower[-1] if slower else now)
            transport.set_speed(None if wanted == float("inf") else wanted)
            self.redraw()

    def action_skip(self, seconds: int) -> None:
        if self.transport is not None:
            self.transport.seek(self.transport.position_ms + seconds * 1000)

    def action_event(self, step: int) -> None:
        transport = self.transport
        if transport is None:
            return
        now = transport.began_at + transport.position_ms
        marker = _next(transport.markers, now, step)
        if marker is None:
            self.dash.tell("no further event is known" + ("" if step > 0 else " before this"))
        else:
            self._to(marker)

    def action_seek(self) -> None:
        transport = self.transport
        if transport is None:
            return

        def check(answers: Answers) -> None:
            _position(answers["time"], transport)

        def answered(answers: Answers | None) -> None:
            if answers is not None:
                transport.seek(_position(answers["time"], transport))

        field = Field("time", "Offset (90s, 10m, 1:30:00), or time of day in UTC (@14:05:00)", "", "10m")
        self.app.push_screen(Form("Go to", [field], check, "Go"), answered)


def _next(markers: Sequence[Marker], now: int, step: int) -> Marker | None:
    found = [it for it in markers if it.kind in JUMPS]
    if step > 0:
        return next((it for it in found if it.at > now + 500), None)
    return next((it for it in reversed(found) if it.at < now - 1500), None)


def _position(text: str, transport: Transport) -> int:
    """Milliseconds since the first frame. Raises `UsageError` where the text means none."""
    if not text.startswith("@"):
        return parse_duration(text)
    since_midnight = parse_duration(text[1:])
    day = transport.began_at - transport.began_at % 86_400_000
    at = day + since_midnight
    if at < transport.began_at:
        at += 86_400_000
    if at > transport.began_at + transport.length_ms:
        end = clock_of(transport.began_at + transport.length_ms)
        raise UsageError(f"the recording runs from {clock_of(transport.began_at)} to {end}")
    return at - transport.began_at


def _bar_style(marker: Marker) -> str:
    if marker.kind != "flag":
        return "pit" if marker.kind == "pit-in" else "session"
    return {"green": "green", "red": "red", "chequered": "chequered", "none": "ahead"}.get(marker.text, "yellow")


def _row(number: int, marker: Marker, began_at: int) -> Row:
    style = _STYLES.get(marker.kind, "")
    if marker.kind == "flag":
        style = {"green": "green", "red": "red", "chequered": "chequered", "none": "dim"}.get(marker.text, "yellow")
    cells: dict[str, Cell] = {
        "offset": (duration(marker.at - began_at), "dim"),
        "at": (clock_of(marker.at), "dim"),
        "kind": (f"{GLYPHS.get(marker.kind, ' ')} {marker.kind}", style),
        "text": safe(marker.text, 120),
    }
    return Row(str(number), cells)
