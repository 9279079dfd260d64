"""The source of an address by its scheme, for circuits and recordings alike."""

from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from karttime.circuits.urls import race_id, relay_of
from karttime.engine.addresses import AddressPolicy
from karttime.engine.budget import OWN_MACHINE
from karttime.engine.clock import Clock
from karttime.engine.lookup import BASE, Lookup
from karttime.engine.racemonitor import RaceMonitorSource, RelaySource
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.source import FrameSource
from karttime.engine.tcp import TcpSource
from karttime.engine.websocket import WebSocketOptions, WebSocketSource

_Options = TypeVar("_Options", bound=LinkOptions)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How feeds are connected.

    Attributes:
        websocket: settings of WebSockets, those of Race Monitor's relays too.
        tcp: settings of RMonitor over TCP.
        addresses: where feeds may be; None: wherever the person says who typed the address, while what others answer
            leads to public addresses only.
        race_monitor: address of Race Monitor's lookup.
    """

    websocket: WebSocketOptions = field(default_factory=WebSocketOptions)
    tcp: LinkOptions = field(default_factory=LinkOptions)
    addresses: AddressPolicy | None = None
    race_monitor: str = BASE


class Sources:
    """Makes sources; those of Race Monitor share a lookup, and so its limits.

    Raises:
        UsageError: the lookup's address is none.
    """

    def __init__(self, options: SourceOptions, *, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or Clock()
        self._lookup = Lookup(options.race_monitor, clock=self._clock)

    def __call__(self, url: str) -> FrameSource:
        """The source of an address that was checked."""
        options, policy = self._options, self._options.addresses
        match urlsplit(url).scheme:
            case "racemonitor":
                checked = policy or AddressPolicy()
                return RaceMonitorSource(race_id(url), self._lookup, checked, options.websocket, clock=self._clock)
            case "rmonitor":
                return TcpSource(url, _within(options.tcp, policy, url), clock=self._clock)
            case _:
                source = WebSocketSource if relay_of(url) is None else RelaySource
                return source(url, _within(options.websocket, policy, url), clock=self._clock)


def _within(options: _Options, policy: AddressPolicy | None, url: str) -> _Options:
    """The same options, connecting only where the policy allows; what is on this machine may be as fast as it likes."""
    if policy is None:
        return options
    options = replace(options, resolve=policy.resolver(url, options.resolve))
    return replace(options, budget=OWN_MACHINE) if policy.is_own(url) else options
