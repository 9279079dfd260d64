"""Blocking calls beside the event loop."""

import asyncio
import threading

import pytest

from karttime.circuits.beside import beside


async def test_the_answer_comes_while_the_loop_goes_on() -> None:
    """In a thread that the program's end does not wait for."""
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def call() -> tuple[str, bool]:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(5)
        return threading.current_thread().name, threading.current_thread().daemon

    waiting = asyncio.create_task(beside(call, "a name"))
    await begun.wait()
    go_on.set()
    assert await waiting == ("a name", True)


async def test_what_the_call_raises_is_raised() -> None:
    """Where the answer is waited for."""

    def call() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await beside(call, "fails")


async def test_nobody_has_to_wait_for_the_answer() -> None:
    """One who was cancelled is not told, and nothing is logged."""
    go_on, ended = threading.Event(), threading.Event()

    def call() -> None:
        go_on.wait(5)
        ended.set()

    waiting = asyncio.create_task(beside(call, "late"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    await asyncio.to_thread(ended.wait, 5)
    await asyncio.sleep(0.01)
