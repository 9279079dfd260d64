"""How often one address, and one key, may call: a token bucket for each, however many proxies are in between.

A paddock behind one address of a mobile network is many people, so the burst is five seconds' worth. What says whether
the service is well is always answered, and so is what the pages are made of.
"""

from collections import OrderedDict
from math import ceil
from time import monotonic
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from karttime.api.limits import Bucket
from karttime.api.problems import problem
from karttime.api.proxies import client_address
from karttime.api.service import Service
from karttime.api.tokens import bearer, digest, well_formed

BURST_S: Final = 5.0
MAX_KNOWN: Final = 10_000  # addresses and keys; beyond them the one that was not heard of longest is forgotten
_ALWAYS: Final = ("/health", "/static/")
_UNIX: Final = ("127.0.0.1", 0)  # a worker of ours, which says whose call it hands on


class Rates:
    """A bucket for each caller; `rate` a second, 0 for any number."""

    def __init__(self, rate: float, most: int = MAX_KNOWN) -> None:
        self.rate = rate
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, who: str, now: float) -> bool:
        """Whether one more call is allowed now."""
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = Bucket(self.rate, max(1.0, BURST_S * self.rate))
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(who)
        return bucket.take(now)


class RateLimit:
    """Refuses calls beyond the rate with 429, and says when to come again."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._rates = Rates(service.rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._rates.rate or scope["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        headers, now = Headers(scope=scope), monotonic()
        forwarded = ", ".join(headers.getlist("x-forwarded-for"))
        peer = scope["client"] if scope.get("client") and scope["client"][0] else _UNIX
        told = {"x-forwarded-for": forwarded} if forwarded else {}
        allowed = self._rates.take(client_address(peer, told, self._service.limits.proxies), now)
        token = bearer(headers.get("authorization"))
        if allowed and token is not None and well_formed(token):
            allowed = self._rates.take(digest(token), now)
        if allowed:
            await self._app(scope, receive, send)
            return
        self._service.refused["rate"] += 1
        again = {"Retry-After": str(max(1, ceil(1 / self._rates.rate)))}
        detail = f"more than {self._rates.rate:g} calls a second from your address or key: wait, and ask less often"
        await problem(429, "too-many-calls", detail, again)(scope, receive, send)
