"""Clocks that are wrong or jump: the live data goes on, numbers of the stream grow, ages and time limits stay sane.

The service runs below libfaketime, whose clock a test sets while it runs; its monotonic clock is left alone, as a
system's is when somebody sets the time.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.server import Server, serve

from tests.chaos.test_bad_disk import Feed, check_after, serving, until

LIBRARIES = (Path("/usr/lib/x86_64-linux-gnu/faketime"), Path("/usr/lib/aarch64-linux-gnu/faketime"))


@pytest.fixture
def feed() -> Iterator[tuple[Feed, Server]]:
    """A timing system, with a right clock."""
    feed = Feed()
    with serve(feed.talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield feed, server
        feed.over.set()
        server.shutdown()
        thread.join()


def faked(clock: Path) -> dict[str, str]:
    """The environment of a program whose clock stands in a file."""
    library = next((it / "libfaketimeMT.so.1" for it in LIBRARIES if it.exists()), None)
    if library is None:
        pytest.skip("libfaketime is not installed: apt install faketime")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def set_to(clock: Path, text: str) -> None:
    """Set it, at once."""
    part = clock.with_suffix(".new")
    part.write_text(f"{text}\n")
    os.replace(part, clock)
    time.sleep(1.2)  # the library looks once a second


def test_a_clock_that_is_wrong_and_jumps(tmp_path: Path, feed: tuple[Feed, Server], long: bool) -> None:
    """1970, as without a battery; ten days ahead, an hour back and sixty times as fast: viewers get every number."""
    assert sys.platform == "linux"
    clock = tmp_path / "clock"
    set_to(clock, "@1970-01-02 00:00:00")
    with serving(tmp_path, feed, **faked(clock)) as it:
        assert it.http.get("/health").json()["timestamp"].startswith("1970-01-0")
        for jump in ("+10d", "-1h x60", *(("-3650d", "+3650d", "-1h", "+0") if long else ())):
            set_to(clock, jump)
            it.goes_on()
            [circuit] = it.http.get("/health/ready").json()["circuits"]
            assert circuit["state"] == "live", jump
            assert 0 <= circuit["data_age_ms"] < 10_000, jump
        until(lambda: it.health() == "healthy")
        numbers = [seq for _, seq in it.viewer.positions]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "a number is missing, or came twice"
        assert len({epoch for epoch, _ in it.viewer.positions}) == 1
    check_after(tmp_path, it)
