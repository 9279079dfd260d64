"""Analysis in a process of its own."""

import pytest

from karttime.engine.analyst import AnalysisFailed, analyse
from karttime.feeds.frame import Frame
from tests.analysis import synthetic


async def test_the_answer_is_that_of_the_command_line() -> None:
    """Fields, spec and columns; binary frames and frames that were sent come along."""
    frames = [*synthetic.make(8).frames, Frame(0, None, b"\x00\xff"), Frame(0, "hello", None, "out")]
    found = await analyse(frames)
    assert found["spec"]["karttime_spec"] == 1
    assert {"role": "last_lap"}.items() <= next(c for c in found["columns"] if c["role"] == "last_lap").items()


async def test_it_is_ended_when_it_takes_too_long() -> None:
    """And said so in one sentence."""
    with pytest.raises(AnalysisFailed, match="not analysed within"):
        await analyse(synthetic.make(8).frames, timeout_s=0.001)
