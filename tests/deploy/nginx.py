"""nginx with the configuration that is shipped, on free ports and with its files in a folder of a test."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"


def free_ports(count: int) -> list[int]:
    """Ports that nobody has."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [it.getsockname()[1] for it in sockets]
    for it in sockets:
        it.close()
    return ports


@dataclass(frozen=True)
class Nginx:
    """A configuration that was filled in."""

    folder: Path
    program: str
    http: int
    https: int

    @property
    def main(self) -> Path:
        """The main file."""
        return self.folder / "nginx.conf"

    def logs(self) -> str:
        """Everything that it logged."""
        return "".join(path.read_text() for path in self.folder.glob("*.log"))

    def trust(self) -> ssl.SSLContext:
        """For clients, who believe its certificate."""
        return ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))

    @contextmanager
    def running(self) -> Iterator["Nginx"]:
        """While it runs."""
        command = [self.program, "-c", str(self.main), "-p", str(self.folder), "-g", "daemon off;"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                self._wait()
                yield self
            finally:
                process.terminate()

    def _wait(self) -> None:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.https), 1):
                return
            time.sleep(0.02)
        raise RuntimeError(self.logs())


def filled_in(folder: Path, upstream: str, connections: int = 600) -> Nginx:
    """The shipped files with a test's ports, and with a certificate of its own."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("openssl") is None:
        pytest.skip("nginx and openssl are not installed: apt install nginx-light openssl")
    http, https = free_ports(2)
    values = {
        "KARTTIME_UPSTREAM": upstream,
        "KARTTIME_SERVER_NAME": "localhost",
        "KARTTIME_HTTP_PORT": f"127.0.0.1:{http}",
        "KARTTIME_HTTPS_PORT": f"127.0.0.1:{https}",
        "KARTTIME_CERTIFICATES": str(folder),
        "KARTTIME_CONNECTIONS": str(connections),
    }
    site = re.sub(r"\$\{(KARTTIME_\w+)\}", lambda it: values[it[1]], (SHIPPED / "karttime.conf.template").read_text())
    main = (SHIPPED / "nginx.conf").read_text().replace("/tmp/", f"{folder}/")  # noqa: S108 - that of a container
    main = main.replace("/etc/nginx/conf.d/*.conf", str(folder / "site.conf"))
    for name, text in (("site.conf", site), ("nginx.conf", main)):
        here = text.replace("/dev/stdout", f"{folder}/access.log").replace("/dev/stderr", f"{folder}/error.log")
        (folder / name).write_text(here)
    certify = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2"
    more = "-keyout privkey.pem -out fullchain.pem -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(["openssl", *certify.split(), *more.split()], cwd=folder, check=True, capture_output=True)
    return Nginx(folder, program, http, https)
