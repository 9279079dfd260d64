import asyncio
import socket
import subprocess
import sys

import pytest

from karttime.engine.names import resolve


async def test_addresses_come_once_each_in_the_systems_order(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(0, 0, 0, "", (address, 80)) for address in ("::1", "127.0.0.1", "::1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert await resolve("timing.example", 80) == ["::1", "127.0.0.1"]


async def test_numbers_are_addresses_already() -> None:
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "nowhere.invalid"])
async def test_a_failed_lookup_raises_what_the_system_said(host: str) -> None:
    with pytest.raises((socket.gaierror, UnicodeError)):
        await resolve(host, 80)


async def test_a_lookup_that_nobody_waits_for_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def slow(*_: object, **__: object) -> list[object]:
        loop.call_soon_threadsafe(over.set)
        raise socket.gaierror(-2, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await resolve("timing.example", 80)
    await over.wait()
    await asyncio.sleep(0.01)


def test_a_resolver_that_hangs_does_not_hold_up_the_end_of_the_program() -> None:
    code = (
        "import asyncio, socket, time\n"
        "from karttime.engine.names import resolve\n"
        "socket.getaddrinfo = lambda *a, **k: time.sleep(30)\n"
        "async def main():\n"
        "    async with asyncio.timeout(0.1): await resolve('slow.example', 80)\n"
        "try: asyncio.run(main())\n"
        "except TimeoutError: print('ended')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=10)
    assert (done.stdout, done.stderr) == ("ended\n", "")
