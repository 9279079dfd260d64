"""Commit before publish: what clients may see waits here until it is in the journal.

`submit` takes what a publication puts into the journal, and what to do once it stands there; `after` takes what depends
on everything submitted so far, such as the snapshot for a newcomer, made already. Both are done in their order.
Everything that is submitted in one turn of the event loop is one commit; while one is under way, the next gathers.

A journal whose disk fails, or does not answer for `STALLED_S`, does not end the live data. What was held back is
dropped and every member starts over in a new epoch, which the journal does not know: so no position is ever given away
twice. Nothing is held back from then on, rows wait in memory, and once a second the journal is tried. When it is back,
members begin a new epoch once more.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from karttime.api.latency import Latency
from karttime.engine.supervisor import shielded
from karttime.storage.archive import Archive
from karttime.storage.extract import Batch
from karttime.storage.journal import Journal
from karttime.storage.journal_file import Entry
from karttime.storage.packing import Packet, pack

log = logging.getLogger(__name__)

STALLED_S: Final = 2.0
PROBE_S: Final = 1.0

Action = Callable[[], None]


class Member(Protocol):
    """A channel, as far as it matters here."""

    def forget_rows(self) -> None:
        """Rows were lost: say everything again with the next ones."""
        ...

    def start_over(self) -> None:
        """What was held back is lost: a new epoch, and the whole state to everybody."""
        ...

    def new_epoch(self) -> None:
        """The journal is back: a new epoch from the next message on."""
        ...


class Record(NamedTuple):
    """What one publication puts into the journal: a message of the stream, or none, and rows for the database."""

    member: Member
    circuit_id: str
    epoch: str
    seq: int
    batch: Batch
    message: bytes = b""
    base: bytes = b""


@dataclass(frozen=True, slots=True)
class GateStatus:
    """The gate as it is now.

    Attributes:
        state: `off` without a journal, `ok`, or `failing`: what is published is not in the journal first.
        error: why it fails.
        held: what waits for a commit.
        held_ms: how long the oldest of it has waited.
        failures: how often the journal failed.
    """

    state: str
    error: str
    held: int
    held_ms: int
    failures: int


class _Held(NamedTuple):
    commit: int  # after which it may happen
    since: float
    record: Record | None
    action: Action
    instead: Action


class Gate:
    """Holds back what is not committed; used on the event loop's thread only.

    Attributes:
        latency: from a publication until it was handed to clients.
    """

    def __init__(self, archive: Archive | None = None) -> None:
        self.latency = Latency()
        self._archive = archive
        self._journal: Journal | None = None if archive is None else archive.journal
        self._loop = asyncio.get_running_loop()
        self._held: deque[_Held] = deque()
        self._fresh: list[Record] = []
        self._commit = 0  # number of the commit that gathers now
        self._life = 0  # grows when the journal fails or comes back: answers from before mean nothing
        self._error = ""
        self._failures = 0
        self._members: set[Member] = set()
        self._watch: asyncio.TimerHandle | None = None

    @property
    def journalled(self) -> bool:
        """Whether what is published is in the journal first."""
        return self._journal is not None and not self._error

    def add(self, member: Member) -> None:
        """Tell a member when the journal fails and comes back."""
        self._members.add(member)

    def discard(self, member: Member) -> None:
        """A member is gone."""
        self._members.discard(member)

    def submit(self, record: Record, action: Action) -> None:
        """Put a record into the journal, then do what follows from it; an empty one waits for those before it."""
        if not record.message and not len(record.batch):
            self.after(action, _nothing)
            return
        if not self.journalled:
            self._keep(record)
            action()
            self.latency.add(0.0)
            return
        if not self._fresh:
            self._loop.call_soon(self._flush)
        self._fresh.append(record)
        self._hold(record, action, _nothing)

    def after(self, action: Action, instead: Action | None = None) -> None:
        """Do something once everything submitted so far is in the journal: at once, if it is.

        Args:
            action: what.
            instead: what to do when the journal fails; the same, if not given.
        """
        if self._held:
            self._hold(None, action, instead or action)
        else:
            action()

    async def settled(self) -> None:
        """Wait until everything submitted so far is in the journal."""
        if self._held:
            done = asyncio.Event()
            self.after(done.set)
            await done.wait()

    def status(self) -> GateStatus:
        """As it is now."""
        state = "off" if self._journal is None else "failing" if self._error else "ok"
        waited = round((self._loop.time() - self._held[0].since) * 1000) if self._held else 0
        return GateStatus(state, self._error, len(self._held), waited, self._failures)

    def close(self) -> None:
        """No more timers."""
        if self._watch is not None:
            self._watch.cancel()

    def _hold(self, record: Record | None, action: Action, instead: Action) -> None:
        commit = self._commit if self._fresh else self._commit - 1
        self._held.append(_Held(commit, self._loop.time(), record, action, instead))
        if self._watch is None:
            self._watch = self._loop.call_later(STALLED_S, self._look)

    def _look(self) -> None:
        """Whether the disk answers at all."""
        self._watch = None
        if not self._held:
            return
        left = self._held[0].since + STALLED_S - self._loop.time()
        if left <= 0:
            self._fail("the disk does not answer")
        else:
            self._watch = self._loop.call_later(left, self._look)

    def _flush(self) -> None:
        """One commit with everything of this turn."""
        fresh, self._fresh = self._fresh, []
        if not fresh or self._journal is None:  # the journal failed in between
            return
        entries = [_entry(record) for record in fresh]
        commit, life = self._commit, self._life
        self._commit += 1

        def done(error: str) -> None:
            try:
                self._loop.call_soon_threadsafe(self._committed, commit, life, error)
            except RuntimeError:  # the loop is closed: nobody waits any more
                log.debug("a commit came after the end")

        self._journal.append(entries, done)

    def _committed(self, commit: int, life: int, error: str) -> None:
        if life != self._life:
            return
        if error:
            self._fail(error)
            return
        while self._held and self._held[0].commit <= commit:
            held = self._held.popleft()
            shielded(_do, held.action)
            if held.record is not None and held.record.message:
                self.latency.add(self._loop.time() - held.since)

    def _fail(self, error: str) -> None:
        self._life += 1
        self._failures += 1
        self._error = error
        log.error("What is published is not in the journal any more, live data goes on: %s", error)
        held, self._held = self._held, deque()
        self._fresh.clear()
        for item in held:
            if item.record is not None:
                self._keep(item.record)
        for member in tuple(self._members):
            shielded(_do, member.start_over)
        for item in held:
            shielded(_do, item.instead)
        self._loop.call_later(PROBE_S, self._probe, self._life)

    def _probe(self, life: int) -> None:
        if life != self._life or self._journal is None:
            return

        def done(error: str) -> None:
            try:
                self._loop.call_soon_threadsafe(self._probed, life, error)
            except RuntimeError:
                log.debug("an answer of the journal came after the end")

        self._journal.append((), done)

    def _probed(self, life: int, error: str) -> None:
        if life != self._life:
            return
        if error:
            self._error = error
            self._loop.call_later(PROBE_S, self._probe, life)
            return
        self._life += 1
        self._error = ""
        log.warning("The journal is back: what is published is in it first")
        for member in tuple(self._members):
            shielded(_do, member.new_epoch)

    def _keep(self, record: Record) -> None:
        """Without a journal, rows go to the archive's memory."""
        if self._archive is not None and not self._archive.take(record.batch):
            record.member.forget_rows()


def _nothing() -> None:
    """What was to be sent is in the snapshot that everybody gets instead."""


def _do(action: Action) -> None:
    action()


def _entry(record: Record) -> Entry:
    packets: tuple[Packet, ...] = ()
    try:
        packets = tuple(pack(record.batch))
    except TypeError:
        log.exception("%d rows of %s cannot be kept", len(record.batch), record.circuit_id)
    return Entry(record.circuit_id, record.epoch, record.seq, record.message, record.base, packets)
