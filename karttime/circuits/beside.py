"""Blocking calls beside the event loop, without holding up the end of the program.

The event loop's own threads must end before the program can, and a call into a dead network takes as long as its
time-out. Here each call has a daemon thread, which the program leaves behind.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

_T = TypeVar("_T")


async def beside(call: Callable[[], _T], name: str) -> _T:
    """What the call returns, or raises; `name` is that of its thread."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not done.done():  # somebody still waits
            outcome()

    def run() -> None:
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - not swallowed: it surfaces where the answer is waited for
            told = error
            tell(lambda: done.set_exception(told))
        else:
            tell(lambda: done.set_result(result))

    def tell(outcome: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    Thread(target=run, name=name, daemon=True).start()
    return await done
