"""A short look at a circuit's feed."""

import asyncio
from contextlib import aclosing, suppress

from karttime.circuits.circuit import Circuit
from karttime.engine.addresses import AddressPolicy
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.source import Lost
from karttime.engine.sources import SourceOptions, Sources
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import SourceError
from karttime.feeds.frame import Frame
from karttime.settings import Settings


def sample(circuit: Circuit, seconds: float, settings: Settings) -> list[Frame]:
    """What the feed sends within so many seconds.

    Raises:
        UsageError: its address is one that must not be connected to.
        SourceError: it sends nothing; the text says why.
    """
    policy = AddressPolicy(settings.allow_private)
    policy.check(circuit.url)
    options = SourceOptions(
        WebSocketOptions(max_attempts=1), LinkOptions(max_attempts=1), policy, settings.race_monitor_url
    )
    return asyncio.run(_listen(circuit, seconds, options))


async def _listen(circuit: Circuit, seconds: float, options: SourceOptions) -> list[Frame]:
    frames: list[Frame] = []
    reason = "it is silent: is a session on track?"
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(aiter(Sources(options)(circuit.url))) as items:
            async for item in items:
                if isinstance(item, Frame):
                    frames.append(item)
                elif isinstance(item, Lost):
                    reason = item.reason
    if not frames:
        raise SourceError(f"nothing was received of {circuit.id!r} within {seconds:.0f} s: {reason}")
    return frames
