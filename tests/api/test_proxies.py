"""Whose a connection is, behind proxies and behind those who only say so."""

import pytest

from karttime.api.proxies import LOOPBACK, client_address, networks

FARM = networks(["10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48"])
PEER = ("10.0.0.7", 5000)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (("192.0.2.7", 5000), None, "192.0.2.7"),
        (("192.0.2.7", 5000), "198.51.100.1", "192.0.2.7"),  # anybody can say so
        (("127.0.0.1", 5000), "203.0.113.5, 198.51.100.1", "198.51.100.1"),  # what the proxy itself saw
        (("::1", 5000, 0, 0), "198.51.100.1", "198.51.100.1"),
        (("127.0.0.1", 5000), None, "127.0.0.1"),
        (("127.0.0.1", 5000), "127.0.0.1", "127.0.0.1"),
        (("127.0.0.1", 5000), "nonsense", ""),
        (("10.0.0.7", 5000), "198.51.100.1", "10.0.0.7"),  # a proxy elsewhere is not trusted by itself
        (("2001:db8:1:2:3::4", 5000, 0, 0), None, "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 5000, 0, 2), None, "fe80::/64"),
        (("::ffff:192.0.2.7", 5000, 0, 0), None, "192.0.2.7"),
        (None, None, ""),
        (None, "198.51.100.1", ""),
    ],
)
def test_a_client_is_known_by_its_address(peer: tuple[object, ...] | None, forwarded: str | None, address: str) -> None:
    """A proxy on this machine is believed; one household of IPv6 is one."""
    assert client_address(peer, {} if forwarded is None else {"x-forwarded-for": forwarded}, LOOPBACK) == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("10.0.0.9, 198.51.100.1", "198.51.100.1"),  # the client claims to be a proxy
        ("203.0.113.5, 198.51.100.1, 192.0.2.1, 10.1.1.1", "198.51.100.1"),  # two proxies behind the first
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),  # one of the farm asks itself
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:db8:ffff::1, 2001:db8:1:2::9, 2001:db8:ffff::2", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("unknown", ""),
        ("198.51.100.1, _hidden, 10.0.0.8", ""),
        ("198.51.100.1, ", ""),
        (", " * 5000 + "198.51.100.1", "198.51.100.1"),
    ],
)
def test_proxies_elsewhere_are_believed_where_they_are_trusted(forwarded: str, address: str) -> None:
    """From the end, as long as trusted ones speak."""
    assert client_address(PEER, {"x-forwarded-for": forwarded}, FARM) == address
