"""Viewers that come and go for long: no number is missing, memory and descriptors stay what they were."""

import asyncio
import threading
from pathlib import Path

import pytest

from tests.bench.served import HZ, serving
from tests.bench.soak_churn import soak

WARM_S = 300.0  # the last 5,000 messages and 2,000 frames are kept, which takes so long at 20 a second


@pytest.mark.timeout(900)
def test_a_soak(tmp_path: Path, long: bool) -> None:
    """200 viewers for ten minutes and 1 % a second of them leave, or in short 30 for three seconds and a tenth."""
    seconds, clients, churn = (600.0, 200, 1.0) if long else (3.0, 30, 10.0)
    with serving(tmp_path, core="") as it:
        threading.Thread(target=it.feed.send, args=(10**9, HZ), daemon=True).start()
        totals, grown, left = asyncio.run(soak(it.port, it.process.pid, seconds, clients, churn, WARM_S))
        it.process.terminate()
        assert it.process.wait(20) == 0
    assert totals.messages > clients * seconds
    assert totals.left > 0
    assert totals.wrong == 0
    assert grown < 1, "MB a minute, once everything that is bounded is full"
    assert left <= 3, "descriptors"
