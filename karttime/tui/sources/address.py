"""Addresses of servers."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from karttime.circuits.urls import shown
from karttime.errors import UsageError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: `http` for its calls, `ws` for its streams, both without a slash at the end."""

    http: str
    ws: str

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that a person typed; a host and port is enough.

        Raises:
            UsageError: it is none.
        """
        plain = text.strip()
        if "://" not in plain:
            plain = f"http://{plain}"
        try:
            parts = urlsplit(plain)
            port = parts.port
        except ValueError:
            raise UsageError(
                f"{shown(text)!r} is no address of a server: give one such as http://timing.example:8000"
            ) from None
        secure = {"http": False, "https": True, "ws": False, "wss": True}.get(parts.scheme)
        if secure is None or not parts.hostname or parts.username is not None or port == 0:
            raise UsageError(f"{shown(text)!r} is no address of a server: give one such as http://timing.example:8000")
        rest = parts.netloc + parts.path.rstrip("/")
        return cls(f"http{'s' if secure else ''}://{rest}", f"ws{'s' if secure else ''}://{rest}")
