"""The way to a feed, step by step: its address, its name, TCP, TLS. What comes after that is `listening`'s."""

import asyncio
import ssl
from dataclasses import dataclass
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from karttime.circuits.urls import RACE, check_url, port_of, shown
from karttime.engine.addresses import AddressPolicy, RefusedAddress
from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.names import Resolve, resolve
from karttime.engine.reasons import OPENING_ERRORS, explain
from karttime.errors import KarttimeError, SourceError

STEP_S: Final = 5.0
SLOW_MS: Final = 1500


@dataclass(frozen=True, slots=True)
class Way:
    """What is known of the way to a feed, and whether it is worth going on."""

    findings: list[Finding]
    open: bool


async def way_to(area: str, url: str, policy: AddressPolicy, lookup: Resolve = resolve) -> Way:
    """Look a feed's host up, connect to each of its addresses, and shake hands by TLS where that is wanted.

    Args:
        area: what the findings are of.
        url: the feed's address.
        policy: where feeds may be.
        lookup: finds the addresses of a host.
    """
    try:
        check_url(url)
        policy.check(url)
    except RefusedAddress as error:
        advice = "A venue's computer in your own network is allowed by ALLOW_PRIVATE=true; anything else: correct it."
        return Way([Finding(area, Grade.FAILURE, str(error), advice)], open=False)
    except KarttimeError as error:
        return Way([Finding(area, Grade.FAILURE, str(error), "Correct the address.")], open=False)
    parts = urlsplit(url)
    if parts.scheme == RACE:
        return Way([Finding(area, Grade.OK, f"{url}: Race Monitor is asked where it is")], open=True)
    host, port = parts.hostname or "", port_of(parts)
    try:
        async with asyncio.timeout(STEP_S):
            addresses = await policy.resolver(url, lookup)(host, port)
    except SourceError as error:
        return Way([Finding(area, Grade.FAILURE, f"{shown(url)}: {error}", "Is this the right address?")], open=False)
    except OPENING_ERRORS as error:
        said = f"the name {host} cannot be looked up: {explain(error)}"
        return Way([Finding(area, Grade.FAILURE, said, "Check the name, and this machine's network and DNS.")], False)
    tried = [await _try(area, address, port, host if parts.scheme == "wss" else "") for address in addresses[:4]]
    if any(finding.grade is Grade.OK for finding in tried):  # one that does not answer costs a moment, no more
        tried = [_milder(finding) for finding in tried]
    return Way(tried, any(finding.grade is not Grade.FAILURE for finding in tried))


async def _try(area: str, address: str, port: int, tls: str) -> Finding:
    """Connect to one address."""
    secure = ssl.create_default_context() if tls else None
    began = perf_counter()
    try:
        async with asyncio.timeout(STEP_S):
            _, writer = await asyncio.open_connection(address, port, ssl=secure, server_hostname=tls or None)
    except OPENING_ERRORS as error:
        said = f"{address} port {port}: {explain(error)}"
        return Finding(area, Grade.FAILURE, said, _advice(error))
    writer.transport.abort()
    took = round((perf_counter() - began) * 1000)
    said = f"{address} port {port} answers{' by TLS' if tls else ''} after {took} ms"
    if took > SLOW_MS:
        return Finding(area, Grade.WARNING, said, "The network is slow.", {"connect_ms": took})
    return Finding(area, Grade.OK, said, "", {"connect_ms": took})


def _advice(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "Its certificate is not good, or somebody is in between: a log-in page of the network? The clock?"
    if isinstance(error, ssl.SSLError):
        return "It speaks no TLS at this port: try ws:// instead of wss://, or another port."
    if isinstance(error, ConnectionRefusedError):
        return "Nothing listens there: is the timing system on, and the port right?"
    return "Check this machine's network and firewall; the venue's server may be off."


def _milder(finding: Finding) -> Finding:
    if finding.grade is not Grade.FAILURE:
        return finding
    return Finding(finding.area, Grade.WARNING, finding.said, "The other addresses work.", finding.figures)
