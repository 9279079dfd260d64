"""nginx as it is shipped: its own check, a linter, and a real one in front of a real service."""

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import orjson
import pytest
import websockets
from websockets.exceptions import InvalidStatus

from tests.api.conftest import opening, serving, until

from .nginx import Nginx, filled_in

CANARY = "canary-0f3c"


def test_nginx_takes_the_files_and_refuses_a_fault(tmp_path: Path) -> None:
    """`nginx -t`; and the same with a word that it does not know."""
    nginx = filled_in(tmp_path, "127.0.0.1:8000")
    check = [nginx.program, "-t", "-c", str(nginx.main), "-p", str(tmp_path)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    site = tmp_path / "site.conf"
    site.write_text(site.read_text().replace("limit_conn_status", "limit_con_status"))
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


def test_the_linter_of_configurations_finds_nothing_and_a_fault(tmp_path: Path) -> None:
    """gixy: no finding of any severity; a header that callers choose is one."""
    program = shutil.which("gixy", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("gixy-next is not installed")
    nginx = filled_in(tmp_path, "127.0.0.1:8000")
    assert subprocess.run([program, str(nginx.main)], capture_output=True, check=False).returncode == 0
    site = tmp_path / "site.conf"
    site.write_text(site.read_text().replace("Host $host", "Host $http_host"))
    assert subprocess.run([program, str(nginx.main)], capture_output=True, check=False).returncode != 0


async def test_a_stream_passes_with_its_upgrade_and_the_callers_address(tmp_path: Path) -> None:
    """The whole board and what comes after it; the service counts clients by their own addresses; HTTP leads to TLS."""
    async with serving(tmp_path, max_per_address=1) as venue:
        with filled_in(tmp_path, venue.address).running() as nginx:
            await venue.publish(*opening())
            url = f"wss://127.0.0.1:{nginx.https}/circuits/hill/live?format=karttime.v1"
            async with websockets.connect(url, ssl=nginx.trust()) as stream:
                assert orjson.loads(await stream.recv())["type"] == "snapshot"
                async with websockets.connect(url, ssl=nginx.trust()) as second:
                    await second.wait_closed()
                    assert second.close_code == 4429, "both are 127.0.0.1 to the service, though nginx is, too"
            async with httpx.AsyncClient(verify=nginx.trust(), base_url=f"https://127.0.0.1:{nginx.https}") as https:
                health = await https.get("/health")
                assert health.json()["status"] == "healthy"
                assert "max-age" in health.headers["strict-transport-security"]
                assert (await https.get("/metrics")).status_code == 404
                assert (await https.post("/circuits", content=b"x" * 70_000)).status_code == 413
                moved = await https.get(f"http://127.0.0.1:{nginx.http}/circuits?limit=3")
            assert (moved.status_code, moved.headers["location"]) == (308, "https://127.0.0.1/circuits?limit=3")


async def test_limits_are_answered_with_429_and_no_token_is_logged(tmp_path: Path) -> None:
    """Of streams from one address, and of calls; also when the service is gone the log holds paths alone."""
    async with serving(tmp_path) as venue:
        with filled_in(tmp_path, venue.address, connections=10).running() as nginx:
            url = f"wss://127.0.0.1:{nginx.https}/circuits/hill/live?token={CANARY}"
            streams = [await websockets.connect(url, ssl=nginx.trust()) for _ in range(10)]
            with pytest.raises(InvalidStatus) as refused:
                await websockets.connect(url, ssl=nginx.trust())
            assert refused.value.response.status_code == 429
            for stream in streams:
                await stream.close()
            await until(lambda: venue.service.clients == 0)
            async with httpx.AsyncClient(verify=nginx.trust(), base_url=f"https://127.0.0.1:{nginx.https}") as https:
                answers = [200]
                while answers[-1] == 200 and len(answers) < 2000:
                    answers.append((await https.get(f"/health/live?token={CANARY}")).status_code)
            assert answers[-1] == 429
            assert len(answers) > 100, "a hundred at once are allowed"
            log = nginx.logs()
            assert "/circuits/hill/live 101" in log
            assert "/health/live 429" in log
            assert CANARY not in log


async def test_a_service_that_is_gone_is_502_without_a_token_in_the_log(tmp_path: Path) -> None:
    """An error of the upstream would repeat the whole request at a lower level."""
    with filled_in(tmp_path, "127.0.0.1:9").running() as nginx:
        async with httpx.AsyncClient(verify=nginx.trust()) as https:
            answer = await https.get(f"https://127.0.0.1:{nginx.https}/circuits?token={CANARY}")
        assert answer.status_code == 502
        assert "/circuits 502" in nginx.logs()
        assert CANARY not in nginx.logs()


def _slow(nginx: Nginx, port: int, tls: bool) -> float:
    """Seconds until a connection is closed that sends a byte of its head now and then."""
    began = time.monotonic()
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        if tls:
            connection = stack.enter_context(nginx.trust().wrap_socket(connection, server_hostname="localhost"))
        connection.settimeout(0.5)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        while time.monotonic() - began < 15:
            try:
                if not connection.recv(1000):
                    break
            except TimeoutError:
                connection.sendall(b"X")
            except OSError:
                break
    return time.monotonic() - began


async def test_slow_headers_are_cut_at_five_seconds(tmp_path: Path) -> None:
    """However steadily their bytes drip, over HTTP and over TLS."""
    with filled_in(tmp_path, "127.0.0.1:9").running() as nginx:
        ways = ((nginx.http, False), (nginx.https, True))
        cut = await asyncio.gather(*(asyncio.to_thread(_slow, nginx, port, tls) for port, tls in ways))
    assert all(4.5 < seconds < 10 for seconds in cut), cut
