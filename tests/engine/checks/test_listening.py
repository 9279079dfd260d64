"""Listening for some seconds to feeds that open, stay silent, drop us, or never open."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from karttime.engine.checks.finding import Grade
from karttime.engine.checks.listening import listen, opening
from karttime.engine.source import Connected, Connecting, Ended, Flooding, GaveUp, Lost, Retrying, SourceItem
from karttime.feeds.frame import Frame


class Script:
    """A source that yields this, and then nothing more."""

    def __init__(self, *items: SourceItem, ends: bool = False) -> None:
        self.items: Sequence[SourceItem] = items
        self.ends = ends
        self.closed = False

    async def __aiter__(self) -> AsyncGenerator[SourceItem, None]:
        try:
            for item in self.items:
                yield item
            if not self.ends:
                await asyncio.Event().wait()
        finally:
            self.closed = True


FRAME = Frame(1_767_268_800_000, "init|x")


async def test_what_came_is_kept_in_order() -> None:
    """With when the first message came; the source is closed."""
    script = Script(Connecting(1), Connected(), FRAME, Frame(FRAME.at + 1, "y"))
    heard = await listen(script, 0.02)
    assert [frame.text for frame in heard.frames] == ["init|x", "y"]
    assert heard.opened
    assert script.closed
    assert heard.seconds >= 0.02
    assert opening("feed", heard).grade is Grade.OK


@pytest.mark.parametrize(
    ("items", "grade", "says"),
    [
        ((Connecting(1), Lost("the server says 404"), GaveUp(1)), Grade.FAILURE, "404"),
        ((Connecting(1), Ended()), Grade.FAILURE, "not connected"),
        ((Connected(), FRAME, Lost("closed the connection"), Retrying(1000, 2)), Grade.FAILURE, "lost after"),
        ((Connected(), FRAME, Flooding("more than 1000 messages a second")), Grade.WARNING, "flooding"),
        ((Connected(),), Grade.WARNING, "no message"),
    ],
)
async def test_what_is_said_of_a_feed(items: Sequence[SourceItem], grade: Grade, says: str) -> None:
    """Each way of not being well, with advice."""
    finding = opening("feed", await listen(Script(*items, ends=isinstance(items[-1], Ended)), 0.02))
    assert finding.grade is grade
    assert says in finding.said
    assert finding.advice


async def test_a_feed_that_never_opens_is_given_up() -> None:
    """After a while of its own."""
    heard = await listen(Script(Connecting(1)), 60, opening_s=0.02)
    assert "did not open" in opening("feed", heard).said
