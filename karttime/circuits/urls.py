"""Addresses of feeds: which forms there are, what they lead to, and how one is shown.

| form | what is there | feed, unless said otherwise |
|---|---|---|
| `ws://host[:port][/path]`, `wss://…` | a timing server's WebSocket | `apex` |
| `wss://host/instance/INSTANCE/TOKEN` | a Race Monitor relay, as its lookup names it | `racemonitor` |
| `rmonitor://host[:port]` | RMonitor over TCP, port 50000 unless said otherwise | `rmonitor` |
| `racemonitor:RACE_ID` | a race of Race Monitor, whose relay is looked up | `racemonitor` |

On a command line any of them may be preceded by the feed, `rmonitor+ws://host`, where the address does not tell it.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from karttime.errors import UsageError

PORTS: Final[Mapping[str, int]] = {"ws": 80, "wss": 443, "rmonitor": 50000}
RACE: Final = "racemonitor"

_MAX_URL: Final = 2000
_ACCEPTED: Final = (
    "a feed's address is ws://host[:port][/path] or wss://…, rmonitor://host[:port] or racemonitor:RACE_ID"
)
_RACE_ID: Final = re.compile(r"[1-9]\d{0,11}", re.ASCII)
_FEED: Final = re.compile(r"([a-z][a-z0-9-]{0,31})\+(.*)", re.ASCII | re.DOTALL)
_RELAY: Final = re.compile(r"/instance/([A-Za-z0-9_.~-]{1,64})/([A-Za-z0-9_.~-]{8,200})/?", re.ASCII)
_USER: Final = re.compile(r"(://)[^?#]*@")
_RELAY_TOKEN: Final = re.compile(r"(/instance/[^/?#]*/)[^/?#]+")
_SECRET: Final = re.compile(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&#]*", re.IGNORECASE)


def check_url(url: str) -> str:
    """The address of a feed without blanks around it.

    Raises:
        UsageError: it is none; the text says what is wrong and what is accepted.
    """
    url = url.strip()
    if fault := _fault(url):
        raise UsageError(f"{fault}: {_ACCEPTED}")
    return url


def _fault(url: str) -> str:
    if len(url) > _MAX_URL or not url.isprintable() or " " in url:
        return "the address is too long or contains blanks or control characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return f"{shown(url)!r} is not an address, or its port is none"
    if parts.scheme == RACE:
        return _fault_of_race(url)
    if parts.scheme not in PORTS:
        return f"{shown(url)!r} does not begin with ws:// or wss://, rmonitor:// or racemonitor"
    return _fault_of_parts(url, parts, port)


def _fault_of_parts(url: str, parts: SplitResult, port: int | None) -> str:
    if parts.username is not None or parts.password is not None:
        return "an address with a user name or password is not accepted"
    if not parts.hostname:
        return f"{shown(url)!r} names no host"
    if port == 0 or parts.fragment:
        return f"{shown(url)!r} has port 0 or a #fragment"
    if parts.scheme == "rmonitor" and (parts.path not in {"", "/"} or parts.query):
        return f"{shown(url)!r} has a path, and RMonitor over TCP has none"
    return ""


def _fault_of_race(url: str) -> str:
    _, _, race_id = url.partition(":")
    if _RACE_ID.fullmatch(race_id):
        return ""
    return f"{shown(url)!r} names no race: its id is the number at the end of the race's page, as in racemonitor:37872"


def race_id(url: str) -> str:
    """The race of an address that was checked and begins with `racemonitor:`."""
    return url.partition(":")[2]


def port_of(parts: SplitResult) -> int:
    """The port of an address that was checked and has a host."""
    return parts.port or PORTS[parts.scheme]


class Relay(NamedTuple):
    """What the address of a Race Monitor relay holds beside the host."""

    instance: str
    token: str


def relay_of(url: str) -> Relay | None:
    """The instance and token in a WebSocket address of the form that Race Monitor's lookup leads to."""
    parts = urlsplit(url)
    found = _RELAY.fullmatch(parts.path) if parts.scheme in {"ws", "wss"} else None
    return None if found is None else Relay(found[1], found[2])


def feed_of(url: str) -> str:
    """The wire format that an address stands for, where nobody says another."""
    scheme = urlsplit(url).scheme
    if scheme in {"rmonitor", RACE}:
        return scheme
    return "apex" if relay_of(url) is None else RACE


def feed_after(url: str, before: str, feed: str) -> str:
    """The feed of a circuit whose address was `before`, and is now `url`: it stays unless the address alone told it."""
    return feed_of(url) if url != before and feed == feed_of(before) else feed


def split_feed(text: str) -> tuple[str, str]:
    """`rmonitor+ws://host` as (`rmonitor`, `ws://host`); without a feed in front, the one the address stands for."""
    found = _FEED.fullmatch(text.strip())
    if found is None:
        return feed_of(url := check_url(text)), url
    return found[1], check_url(found[2])


def shown(url: str) -> str:
    """An address for logs, recordings, databases and errors: without the token or password in it, also a broken one."""
    url = _USER.sub(r"\1***@", url)
    url = _RELAY_TOKEN.sub(r"\1***", url)
    return _SECRET.sub(r"\1***", url)
