"""How often one may call: by address, by key, and behind proxies."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from karttime.api.policy import Policy
from karttime.api.rates import Rates

from .conftest import Venue, serving


async def calls(venue: Venue, count: int, path: str = "/circuits", **headers: str) -> Counter[int]:
    """So many calls as fast as they go; the answers by status."""
    return Counter([(await venue.http.get(path, headers=headers)).status_code for _ in range(count)])


def test_a_rate_holds_for_each_caller_and_forgets_who_is_gone() -> None:
    """Five seconds' worth at once, then so many a second; the number of callers that are known is bounded."""
    rates = Rates(2.0, most=2)
    assert [rates.take("a", 1.0) for _ in range(11)] == [True] * 10 + [False]
    assert rates.take("b", 1.0)
    assert [rates.take("a", 1.5), rates.take("a", 1.5)] == [True, False]
    for other in ("c", "d"):
        rates.take(other, 2.0)
    assert len(rates._buckets) == 2


async def test_a_flood_of_calls_is_answered_with_429(tmp_path: Path) -> None:
    """A problem that says when to come again; whether the service is well, and pages, are always told."""
    async with serving(tmp_path, rate_limit=1.0, origins=("https://app.example",)) as venue:
        answers = await calls(venue, 40)
        assert answers[200] >= 5
        assert answers[429] >= 30
        assert answers.keys() == {200, 429}
        last = await venue.http.get("/circuits", headers={"origin": "https://app.example"})
        assert (last.status_code, last.headers["retry-after"]) == (429, "1")
        assert last.json()["type"].endswith("too-many-calls")
        assert last.headers["access-control-allow-origin"] == "https://app.example", "a page sees why"
        assert await calls(venue, 20, "/health") == {200: 20}
        assert await calls(venue, 20, "/static/page.js") == {200: 20}
        assert venue.service.refused["rate"] == answers[429] + 1


async def test_callers_behind_a_proxy_are_told_apart_and_others_cannot_pretend(tmp_path: Path) -> None:
    """What a trusted proxy says counts, of several addresses the last; what comes before it does not."""
    async with serving(tmp_path, rate_limit=1.0) as venue:
        assert (await calls(venue, 30, **{"x-forwarded-for": "198.51.100.1"}))[429] > 20
        assert await calls(venue, 3, **{"x-forwarded-for": "198.51.100.2"}) == {200: 3}
        pretended = Counter[int]()
        for n in range(30):
            pretended += await calls(venue, 1, **{"x-forwarded-for": f"203.0.113.{n}, 198.51.100.3"})
        assert pretended[429] > 20


async def test_a_key_has_one_rate_wherever_it_is_used(tmp_path: Path) -> None:
    """From many addresses together; made-up tokens fill no table, and open nothing."""
    async with serving(tmp_path, rate_limit=1.0, policy=Policy.ALL) as venue:
        key: Mapping[str, str] = venue.key("read")
        answers = Counter[int]()
        for n in range(30):
            answers += await calls(venue, 1, **{**key, "x-forwarded-for": f"198.51.100.{n}"})
        assert answers[429] > 20
        assert await calls(venue, 2, **{"x-forwarded-for": "203.0.113.1", "authorization": "Bearer x"}) == {401: 2}
        assert venue.service.refused["key"] == 2


@pytest.mark.parametrize("size", [4096, 4097])
async def test_a_query_is_bounded(venue: Venue, size: int) -> None:
    """414 beyond 4 KiB, before anything looks at it."""
    answer = await venue.http.get("/circuits?" + "x" * size)
    assert answer.status_code == (200 if size == 4096 else 414)
    assert venue.service.refused["query"] == (size == 4097)


async def test_a_worker_says_whose_call_it_hands_on(tmp_path: Path) -> None:
    """Over its Unix socket nobody has an address; what it appends is believed."""
    from karttime.api.app import create_app

    async with serving(tmp_path, rate_limit=1.0) as venue:
        app = create_app(venue.service)
        transport = httpx.ASGITransport(app, client=("", 0))
        async with httpx.AsyncClient(transport=transport, base_url="http://collector") as worker:
            both = [
                [(await worker.get("/circuits", headers={"x-forwarded-for": who})).status_code for _ in range(8)]
                for who in ("198.51.100.1", "198.51.100.2")
            ]
        await asyncio.sleep(0)
    assert both == [[200] * 5 + [429] * 3] * 2
