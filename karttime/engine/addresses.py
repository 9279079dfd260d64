"""Where karttime may connect to: the rules that keep a circuit's address from reaching into our own network.

An address of a feed may come from a database or from somebody's request. Without rules it would be a way to reach
what only this machine can reach: a router's page, a cloud's metadata, a database.

* `check` refuses when a circuit is started: what is no address of a feed, has a user name, a port below 1024 other than
  80 and 443, or names an address that is not public.
* `resolver` refuses when it is connected: names are looked up once for each attempt, **every** address they have must
  be allowed, and only those addresses are connected to. A name that changes its address between a check and its use
  wins nothing. Redirects are not followed (`websocket.py`).
* Ports: venues' servers listen on any port from 1024 up (8092, 7733 and 8603 are real ones), so a narrow list would
  lock real feeds out. Mail, SSH and the other services that would misread a handshake are below 1024.
* `racemonitor:RACE_ID` names no host: the host that its lookup answers is held to the same rules (`racemonitor.py`).
* Private networks and loopback only with `allow_private`. Link-local, multicast, reserved and translated addresses
  (NAT64, 6to4, Teredo) are refused even then: cloud metadata is at a link-local one, and translators lead anywhere.
* `typed` holds the addresses that the operator typed on this command line. Those of them that are written as loopback
  (`127.0.0.1`, `[::1]`, `localhost`) are allowed without more ado: who types a command on a machine can reach its
  loopback anyway. The exception is for exactly those URLs, and only while they lead to loopback.
"""

import ipaddress
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from karttime.circuits.urls import RACE, check_url, port_of, shown
from karttime.engine.names import Resolve
from karttime.errors import SourceError, UsageError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
_PRIVATE: Final = (
    *_LOOPBACK,
    *_networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
)
_NEVER: Final = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local, cloud metadata
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",  # 6to4 relays
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "2001::/23",  # Teredo, benchmarking, ORCHID
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "3fff::/20",
)
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")  # leaves out ::/96, 64:ff9b::/96, fe80::/10, ff00::/8 and more
_LOCAL_NAMES: Final = frozenset({"localhost"})
_LOWEST_FREE_PORT: Final = 1024


class RefusedAddress(UsageError):  # noqa: N818 - it names what is wrong, as UnknownCircuit does
    """A circuit's address is not one that karttime may connect to; the text says why."""


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Where feeds may be.

    Attributes:
        allow_private: private networks and loopback too; an operator's decision.
        typed: addresses that the operator typed; see the module's docstring.
    """

    allow_private: bool = False
    typed: frozenset[str] = frozenset()

    def check(self, url: str) -> str:
        """The address of a feed without blanks around it, as far as it can be judged without looking up its name.

        Raises:
            UsageError: it is no address of a feed, or (`RefusedAddress`) one that is not allowed.
        """
        url = check_url(url)
        if self.is_own(url):
            return url
        parts = urlsplit(url)
        if parts.scheme == RACE:
            return url
        host, port, told = parts.hostname or "", port_of(parts), shown(url)
        if port not in {80, 443} and port < _LOWEST_FREE_PORT:
            raise RefusedAddress(f"{told!r}: port {port} is not one of a timing server (80, 443, or 1024 and above)")
        address = _literal(host)
        if address is None and _looks_like_a_number(host):
            raise RefusedAddress(f"{told!r}: write the address in the usual form, four decimal numbers or [IPv6]")
        if address is not None and (fault := self._fault(address)):
            raise RefusedAddress(f"{told!r} {_refusal(fault)}")
        return url

    def resolver(self, url: str, resolve: Resolve) -> Resolve:
        """A way to look up the host of this address that returns nothing but what may be connected to."""
        loopback_only = self.is_own(url)

        async def checked(host: str, port: int) -> Sequence[str]:
            addresses = await resolve(host, port)
            for text in addresses:
                address = _literal(text)
                if loopback_only:
                    fault = "" if address is not None and _within(address, _LOOPBACK) else "is not a loopback address"
                else:
                    fault = "is no address" if address is None else self._fault(address)
                if fault:
                    raise SourceError(f"not connected: {text} {_refusal(fault)}")
            return addresses

        return checked

    def is_own(self, url: str) -> bool:
        """Whether the operator typed it, with a host that is written as loopback."""
        return url in self.typed and is_loopback(urlsplit(url).hostname or "")

    def _fault(self, address: _Address) -> str:
        if _within(address, _PRIVATE):
            return "" if self.allow_private else "is in a private network"
        if _within(address, _NEVER) or not address.is_global or address.is_multicast:
            return "is not a public address"
        if address.version == 6 and address not in _GLOBAL_V6:
            return "is not a public address"
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host is written as one of this machine's own: nothing is looked up."""
    address = _literal(host)
    return host in _LOCAL_NAMES if address is None else _within(address, _LOOPBACK)


def _refusal(fault: str) -> str:
    hint = ", which has to be allowed with --allow-private" if fault == "is in a private network" else ""
    return f"{fault}{hint}"


def _literal(host: str) -> _Address | None:
    """A written address, None for a name; an IPv4 address inside an IPv6 one counts as what it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _looks_like_a_number(host: str) -> bool:
    """Whether the system would take it for an IPv4 address: `2130706433`, `0x7f.1`, `0177.0.0.1`, circled digits."""
    plain = unicodedata.normalize("NFKC", host).replace("\u3002", ".").rstrip(".").lower()
    last = plain.rpartition(".")[2]
    return last.isdecimal() or (last.startswith("0x") and all(digit in "0123456789abcdef" for digit in last[2:]))


def _within(address: _Address, networks: Sequence[_Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
