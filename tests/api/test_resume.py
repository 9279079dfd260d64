"""Coming back to `karttime.v1`: exactly what was missed, or an explicit no; whatever happens in between."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from karttime.api.ring import Ring, RingLimits
from karttime.api.v1 import Position, Step, V1Stream
from karttime.client.fold import State, fold
from karttime.domain.flags import Flag
from karttime.domain.logbook import Logbook
from karttime.domain.updates import Cell, CellsChanged, FlagChanged, PositionsChanged, SessionEnded, Update
from karttime.storage.journal_file import Stored

from .conftest import START, kart, lap, opening
from .stage import Stage, shown

# -- the ring ----------------------------------------------------------------------------------------------------


def ring(limits: RingLimits, sizes: Sequence[int] = (), *, step: float = 1.0) -> Ring:
    """A ring that was given messages of these sizes, one each `step` seconds; each holds its own number."""
    kept = Ring(limits)
    for number, size in enumerate(sizes, 1):
        kept.add(number * step, str(number).encode().ljust(size))
    return kept


@pytest.mark.parametrize(
    ("limits", "floor"),
    [(RingLimits(), 0), (RingLimits(messages=3), 7), (RingLimits(size=45), 6), (RingLimits(age=2.5), 7)],
)
def test_each_bound_lets_the_oldest_go(limits: RingLimits, floor: int) -> None:
    """By number, by bytes, by age; what is left follows the floor without a hole."""
    kept = ring(limits, [10] * 10)
    assert (kept.floor, kept.top, len(kept), kept.size) == (floor, 10, 10 - floor, 10 * (10 - floor))
    assert [int(message) for message in kept.after(floor) or ()] == list(range(floor + 1, 11))


def test_who_is_below_the_floor_or_above_the_top_is_refused() -> None:
    """One below has missed a message that is gone; one above has never been there."""
    kept = ring(RingLimits(messages=3), [1] * 5)
    assert [kept.after(number) is not None for number in range(7)] == [False, False, True, True, True, True, False]
    assert kept.after(-1) is None
    assert kept.after(5) == []


def test_a_message_beyond_all_bounds_empties_the_ring() -> None:
    """Its number is spent nonetheless."""
    kept = ring(RingLimits(size=10), [5, 11])
    assert (kept.floor, kept.top, kept.after(1), kept.after(2)) == (2, 2, None, [])


# -- everything, in any order ------------------------------------------------------------------------------------

LIMITS = RingLimits(messages=5, size=3000, age=20.0)
KARTS = ("24089", "24090", "24091")
_who = st.sampled_from(KARTS)
_TEXTS = st.sampled_from(["", "0.5", "1 Tour"])
_frames: st.SearchStrategy[tuple[Update, ...]] = st.one_of(
    st.builds(lambda name, ms: lap(START, f"0:{ms / 1000:06.3f}", ms, name), _who, st.integers(1, 59_999)),
    st.builds(lambda name, text: (CellsChanged(START, {kart(name): {7: Cell("", text)}}),), _who, _TEXTS),
    st.builds(lambda name, place: (PositionsChanged(START, {kart(name): place}),), _who, st.integers(0, 3)),
    st.builds(lambda flag: (FlagChanged(START, flag, ""),), st.sampled_from([Flag.GREEN, Flag.RED])),
    st.builds(lambda names: opening(names)[1:2], st.lists(_who, min_size=1, unique=True)),
    st.builds(lambda number: opening(KARTS[:2], session=str(number)), st.integers(1, 3)),
    st.just((SessionEnded(START),)),
)


class Viewer:
    """A client: what it knows, and what is under way to it."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.under_way: deque[bytes] = deque()


class Comings(RuleBasedStateMachine):
    """Publishing, time that passes, drops with messages lost on the way, and coming back."""

    away: Bundle[Viewer] = Bundle("away")
    here: Bundle[Viewer] = Bundle("here")

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(LIMITS)
        self.connected: list[Viewer] = []
        self.truth: dict[tuple[str, int], Any] = {}
        self.sent: list[tuple[float, int]] = []  # when, and how large
        self.journal: list[Step] = []
        self.floor = 0  # what was sent up to this is in the journal only

    @initialize()
    def begin(self) -> None:
        self.stage.publish(*opening(KARTS[:2]))
        self.stage.join()
        self._remember()

    @rule(updates=_frames)
    def publish(self, updates: tuple[Update, ...]) -> None:
        stream = self.stage.stream
        epoch, seq = stream.epoch, stream.seq
        messages = self.stage.take(*updates)
        assert (stream.epoch, stream.seq) == (epoch, seq + len(messages)), "one number for each message"
        for message in messages:
            self.journal.append(self.stage.steps[-1])
            self.sent.append((self.stage.now, len(message)))
            for viewer in self.connected:
                viewer.under_way.append(message)
        if messages:
            self._remember()

    def _remember(self) -> None:
        self.truth[self.stage.stream.epoch, self.stage.stream.seq] = shown(self.stage.session)

    @rule()
    def restart(self) -> None:
        """The service is killed and begins anew; clients come back at once, whatever had not reached them."""
        if not self.journal:
            return
        old = self.stage.stream
        base = max(number for number, step in enumerate(self.journal) if step.base)
        after = [step.message for step in self.journal[base + 1 :]]
        self.stage.stream = V1Stream("hill", clock=self.stage.clock, limits=LIMITS)
        self.stage.logbook = Logbook()
        assert self.stage.stream.go_on(Stored(old.epoch, old.seq, self.journal[base].base, after))
        assert (self.stage.stream.epoch, self.stage.stream.seq) == (old.epoch, old.seq)
        self.floor = old.seq
        for viewer in self.connected:
            self._welcome(viewer, journal=True)

    @rule(seconds=st.sampled_from([1.0, 9.0, 21.0]))
    def wait(self, seconds: float) -> None:
        self.stage.now += seconds

    @rule(target=away)
    def arrive(self) -> Viewer:
        return Viewer()

    @rule(target=here, viewer=consumes(away), journal=st.booleans())
    def connect(self, viewer: Viewer, journal: bool) -> Viewer:
        self._welcome(viewer, journal=journal)
        self.connected.append(viewer)
        return viewer

    def _welcome(self, viewer: Viewer, *, journal: bool) -> None:
        stream, state, missed = self.stage.stream, viewer.state, None
        if state is not None:
            position = Position(state.epoch, state.seq)
            older = [step.message for step in self.journal[state.seq :]] if journal else []
            missed = stream.resume(position, [] if stream.has(position) else older)
            assert (missed is not None) == (journal or self._in_memory(state)), (
                "wherever that is possible, else refused"
            )
        viewer.under_way = deque(missed or [stream.snapshot({} if state is None else {"recovered": False})])

    def _in_memory(self, state: State) -> bool:
        missed = self.sent[state.seq :]
        return state.seq >= self.floor and (
            not missed
            or (
                len(missed) <= LIMITS.messages
                and sum(size for _, size in missed) <= LIMITS.size
                and self.stage.now - missed[0][0] <= LIMITS.age
            )
        )

    @rule(target=away, viewer=consumes(here), read=st.integers(0, 3))
    def drop(self, viewer: Viewer, read: int) -> Viewer:
        for _ in range(min(read, len(viewer.under_way))):
            self._read(viewer)
        viewer.under_way.clear()
        self.connected.remove(viewer)
        return viewer

    @rule(viewer=here)
    def read(self, viewer: Viewer) -> None:
        while viewer.under_way:
            self._read(viewer)
        assert viewer.state is not None
        assert (viewer.state.epoch, viewer.state.seq) == (self.stage.stream.epoch, self.stage.stream.seq)

    def _read(self, viewer: Viewer) -> None:
        viewer.state = fold(viewer.state, orjson.loads(viewer.under_way.popleft()))  # raises on a hole or a repetition
        state = viewer.state
        assert state is not None
        assert (state.session, dict(state.competitors)) == self.truth[state.epoch, state.seq]

    @invariant()
    def bounded(self) -> None:
        kept = self.stage.stream._ring
        assert len(kept) <= LIMITS.messages
        assert kept.size <= LIMITS.size


TestComings = Comings.TestCase
TestComings.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
