"""Other servers with the same job, for comparison in the same run: those that are installed."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from shutil import which
from typing import Final

from tests.bench.machine import SERVER_CORE, on_core

Publish = Callable[[bytes], None]

_NCHAN: Final = "/usr/lib/nginx/modules/ngx_nchan_module.so"
_NGINX: Final = """
load_module {module};
user root; daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 12000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000;
    location /sub {{ nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest; }}
    location /pub {{ nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 10; }}
  }}
}}
"""
_MOSQUITTO: Final = """
user root
allow_anonymous true
max_queued_messages 100000
listener {port} 127.0.0.1
protocol websockets
listener {other} 127.0.0.1
protocol mqtt
"""
_NATS: Final = """
listen: 127.0.0.1:{other}
max_connections: 20000
websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}
"""


@dataclass(frozen=True)
class Rival:
    """One of them, running."""

    name: str
    pid: int
    port: int
    options: tuple[str, ...]
    publish: Publish


@contextmanager
def running(name: str, command: list[str], port: int, folder: Path) -> Iterator[int]:
    """Its process, on the server's core, once it listens."""
    with (folder / f"{name}.log").open("w") as log, subprocess.Popen(
        on_core(SERVER_CORE, command), stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                raise RuntimeError((folder / f"{name}.log").read_text())
            yield process.pid
        finally:
            process.terminate()


@contextmanager
def nchan(folder: Path, port: int) -> Iterator[Rival]:
    """nginx with nchan; published by a POST each, on one connection."""
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(module=_NCHAN, folder=folder, port=port))
    with running("nchan", ["nginx", "-p", str(folder), "-c", str(config)], port, folder) as pid:
        line = HTTPConnection("127.0.0.1", port)

        def publish(message: bytes) -> None:
            line.request("POST", "/pub", message, {"Content-Type": "text/plain"})
            line.getresponse().read()

        yield Rival("nginx + nchan", pid, port, ("-P", "/sub"), publish)
        line.close()


def _packet(kind: int, content: bytes) -> bytes:
    """One packet of MQTT 3.1.1."""
    length, left = bytearray(), len(content)
    while True:
        left, digit = left >> 7, left & 127
        length.append(digit | (128 if left else 0))
        if not left:
            return bytes([kind]) + bytes(length) + content


_CONNECT: Final = _packet(0x10, b"\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
_SUBSCRIBE: Final = _packet(0x82, b"\x00\x01\x00\x05bench\x00")


@contextmanager
def mosquitto(folder: Path, port: int) -> Iterator[Rival]:
    """mosquitto; clients over WebSocket, quality of service 0."""
    config = folder / "mosquitto.conf"
    config.write_text(_MOSQUITTO.format(port=port, other=port + 1))
    command = ["mosquitto", "-c", str(config)]
    with running("mosquitto", command, port + 1, folder) as pid, _line(port + 1) as line:
        line.sendall(_CONNECT)
        line.recv(4)
        options = "-P", "/mqtt", "-u", "mqtt", "-b", (_CONNECT + _SUBSCRIBE).hex()
        yield Rival("mosquitto", pid, port, options, lambda it: line.sendall(_packet(0x30, b"\x00\x05bench" + it)))


@contextmanager
def nats(folder: Path, port: int) -> Iterator[Rival]:
    """nats-server; clients over WebSocket."""
    config = folder / "nats.conf"
    config.write_text(_NATS.format(port=port, other=port + 1))
    with running("nats", ["nats-server", "-c", str(config)], port, folder) as pid, _line(port + 1) as line:
        line.recv(10_000)
        connect = b'CONNECT {"verbose":false}\r\n'
        line.sendall(connect)

        def publish(message: bytes) -> None:
            line.sendall(b"PUB bench %d\r\n%s\r\n" % (len(message), message))

        yield Rival("nats-server", pid, port, ("-b", (connect + b"SUB bench 1\r\n").hex()), publish)


def _line(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


Start = Callable[[Path, int], AbstractContextManager[Rival]]


def installed() -> dict[str, Start]:
    """Those that can run here."""
    found: dict[str, Start] = {}
    if which("nginx") and Path(_NCHAN).exists():
        found["nginx + nchan"] = nchan
    if which("mosquitto"):
        found["mosquitto"] = mosquitto
    if which("nats-server"):
        found["nats-server"] = nats
    return found
