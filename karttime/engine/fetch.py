"""One small document over HTTP, from a server that may be hostile: bounded in size and time, without detours.

Redirects are not followed, proxies of the environment are not used, only addresses that `resolve` returns are
connected to, and a compressed answer is neither asked for nor taken: what is small on the wire may be large unpacked.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import httpx

from karttime import __version__
from karttime.domain.display import clean
from karttime.engine.reasons import OPENING_ERRORS, explain
from karttime.engine.reconnecting import LinkOptions, first_that_opens
from karttime.errors import SourceError

_HEADERS: Final = {"User-Agent": f"karttime/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of each request; we tell what became of it


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Unreachable(OSError):  # noqa: N818 - it says what is wrong
    """An address that leads on to the next one; its text is the reason."""


async def fetch(
    url: str, query: Mapping[str, str], options: LinkOptions, *, largest: int, token: str | None = None
) -> Answer:
    """GET an address.

    Args:
        url: `http://` or `https://`, checked.
        query: its parameters.
        options: how long it may take, and how the host is looked up.
        largest: bytes of the body.
        token: sent as `Authorization: Bearer`, None for none.

    Raises:
        SourceError: there was no answer, or one that is too large, too slow or compressed.
    """
    try:
        async with asyncio.timeout(options.open_timeout_s):
            headers = _HEADERS | ({"Authorization": f"Bearer {token}"} if token else {})
            return await _fetch(httpx.URL(url, params=query), options, largest, headers)
    except httpx.HTTPError as error:
        raise SourceError(_explained(error)) from error
    except _Unreachable as error:
        raise SourceError(str(error)) from error
    except OPENING_ERRORS as error:
        raise SourceError(explain(error)) from error


async def _fetch(url: httpx.URL, options: LinkOptions, largest: int, headers: Mapping[str, str]) -> Answer:
    port = url.port or (443 if url.scheme == "https" else 80)

    async def ask(address: str) -> Answer:
        async with httpx.AsyncClient(verify=_trust(), trust_env=False, timeout=options.open_timeout_s) as client:
            request = client.build_request(
                "GET",
                url.copy_with(host=address, port=port),
                headers={**headers, "Host": url.netloc.decode()},
                extensions={"sni_hostname": url.host},
            )
            try:
                response = await client.send(request, stream=True, follow_redirects=False)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise _Unreachable(_explained(error)) from error
            return Answer(response.status_code, dict(response.headers), await _body(response, largest))

    _, answer = await first_that_opens(url.host, port, options, ask)
    return answer


@cache
def _trust() -> ssl.SSLContext:
    """Made once: reading the certificates takes tens of milliseconds, in which no feed is read."""
    return ssl.create_default_context()


async def _body(response: httpx.Response, largest: int) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise SourceError("the answer is compressed, which was not asked for")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > largest:
            raise SourceError("the answer is larger than allowed")
    return bytes(body)


def _explained(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "the server did not answer in time"
    if isinstance(error, httpx.ProtocolError | httpx.ReadError):
        return "the server does not speak HTTP at this address, or broke off"
    below: BaseException | None = error
    while below is not None and not isinstance(below, OSError):
        below = below.__cause__ or below.__context__
    while isinstance(below, OSError) and not below.errno and isinstance(below.__cause__, OSError):
        below = below.__cause__  # the library's own one around what the system said
    return explain(below) if isinstance(below, OSError) else clean(str(error), 120) or type(error).__name__
