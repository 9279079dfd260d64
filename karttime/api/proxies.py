"""Whose a connection is, also behind reverse proxies: only what a trusted one says is believed."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

Network = IPv4Network | IPv6Network

LOOPBACK: Final[tuple[Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_MAX_HOPS: Final = 20
_WITH_PORT: Final = re.compile(r"(?:(\d+\.\d+\.\d+\.\d+)|\[([^\]]+)\])(?::\d{1,5})?", re.ASCII)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks of addresses such as `10.0.0.7` and `fd00::/8`. Raises `ValueError`."""
    return tuple(ip_network(text) for text in texts)


def client_address(peer: tuple[Any, ...] | None, headers: Mapping[str, str], trusted: Iterable[Network]) -> str:
    """Who a client is, for limits: its address; of IPv6 the network, which is one household.

    `X-Forwarded-For` is read from its end, where the proxy next to us wrote, for as long as trusted proxies speak: the
    first address that is none of theirs is the client's, whatever it claims before that. Empty where a trusted proxy
    says nothing that can be understood: such clients are one to the limits.
    """
    trusted = tuple(trusted)
    try:
        address = _address(str(peer[0])) if peer else None
        if address is not None and "x-forwarded-for" in headers:
            hops = headers["x-forwarded-for"].split(",")[-_MAX_HOPS:]
            while hops and any(address in network for network in trusted):
                address = _address(hops.pop().strip())
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address or "")


def _address(text: str) -> IPv4Address | IPv6Address:
    """An address, with a port or a zone perhaps; of IPv4 in IPv6 what is inside."""
    if (found := _WITH_PORT.fullmatch(text)) is not None:
        text = found[1] or found[2]
    address = ip_address(text.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
