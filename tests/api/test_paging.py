"""Every list is bounded, and its pages hold each row once."""

import re
from pathlib import Path

import pytest

from karttime.api.paging import decode, encode
from karttime.errors import UsageError

from .conftest import START, Venue, lap, opening, serving, until
from .test_rest import detail
from .test_views_of_sessions import race, timed

LISTS = ("/circuits", "/circuits/hill/laps", "/circuits/hill/drivers", "/circuits/hill/sessions", "/circuits/hill/logs")


def identity(row: dict[str, object]) -> tuple[object, ...]:
    """What tells rows of a list apart."""
    return tuple(row.get(name) for name in ("id", "session_id", "competitor_id", "number"))


async def pages(venue: Venue, address: str, limit: int) -> list[tuple[object, ...]]:
    """Every row of a list, page by page."""
    seen: list[tuple[object, ...]] = []
    following: str | None = f"{address}?limit={limit}"
    while following:
        answer = await venue.http.get(following)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) <= limit
        seen += [identity(row) for row in answer.json()]
        following = answer.links["next"]["url"] if "next" in answer.links else None
    return seen


async def filled(venue: Venue) -> None:
    await race(venue)
    archive = venue.service.archive
    assert archive is not None
    for number in range(2, 5):
        await venue.publish(*opening(at=START + number * 100_000, session=str(number)))
    for name in ("24089", "24090"):  # in one moment: only the competitor tells them apart
        for number in range(4):
            await venue.publish(timed(START + 500_000, name, 60_000 + number))
    await venue.service.gate.settled()
    await until(lambda: not archive.status().queued)


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_are_the_whole_list_in_memory_and_stored(tmp_path: Path, limit: int) -> None:
    """Each row once, in the order of the whole list; also after a restart, when rows come from the database."""
    async with serving(tmp_path) as venue:
        await filled(venue)
        for address in LISTS:
            whole = [identity(row) for row in (await venue.http.get(address)).json()]
            assert len(whole) >= 2, address
            assert await pages(venue, address, limit) == whole, address
    async with serving(tmp_path) as venue:
        for address in LISTS[1:4]:
            whole = [identity(row) for row in (await venue.http.get(address)).json()]
            assert len(whole) >= 2, address
            assert await pages(venue, address, limit) == whole, address


@pytest.mark.parametrize("address", ["data", "laps", "drivers", "sessions", "logs"])
async def test_rows_that_come_while_somebody_turns_pages_disturb_nobody(venue: Venue, address: str) -> None:
    """What was there at the first page comes once, in its order, though rows, laps and a whole session are new."""
    await filled(venue)
    path = f"/circuits/hill/{address}"
    whole = [identity(row) for row in (await venue.http.get(path)).json()]
    seen: list[tuple[object, ...]] = []
    following: str | None = f"{path}?limit=1"
    number = 0
    while following:
        answer = await venue.http.get(following)
        seen += [identity(row) for row in answer.json()]
        following = answer.links["next"]["url"] if "next" in answer.links else None
        number += 1
        if number == 1:
            await venue.publish(*opening(at=START + 700_000, session="9"))
        await venue.publish(*lap(START + 800_000 + number, f"1:0{number % 7}.131", 61_000 + number))
    assert len(whole) >= 2
    assert [row for row in seen if row in whole] == whole
    assert len(set(seen)) == len(seen)


async def test_filters_are_kept_from_page_to_page(venue: Venue) -> None:
    """The link carries them along, encoded."""
    await race(venue)
    answer = await venue.http.get("/circuits/hill/laps?limit=2&competitor=24089")
    link = answer.headers["link"]
    assert re.fullmatch(
        r'</circuits/hill/laps\?limit=2&competitor=24089&cursor=[\w-]+&session=20260101T120000Z-1>; rel="next"', link
    )
    [last] = (await venue.http.get(answer.links["next"]["url"])).json()
    assert (last["competitor_id"], last["number"]) == ("24089", 1)


async def test_a_cursor_of_nobody_is_422(venue: Venue) -> None:
    """Whatever is in it: text, a list of other values, numbers that no database holds."""
    for address in (*LISTS, "/circuits/hill/data"):
        for cursor in ("!", "A", "bnVsbA", "WzEuNV0", "W10", "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ", "%00"):
            assert "cursor" in detail(await venue.http.get(f"{address}?cursor={cursor}"), 422), (address, cursor)


async def test_no_list_is_unbounded(venue: Venue) -> None:
    """1 to 1000."""
    for address in (*LISTS, "/circuits/hill/data"):
        for limit in ("0", "-1", "1001", "x", "1e3", "NaN"):
            assert "limit" in detail(await venue.http.get(f"{address}?limit={limit}"), 422), (address, limit)


def test_what_is_encoded_is_decoded() -> None:
    """Also names of anybody's choice."""
    key = (-5, 'é"/?&\u3000', 2**62)
    assert decode(encode(*key), int, str, int) == list(key)
    assert decode(None, int) is None
    with pytest.raises(UsageError, match="Link header"):
        decode(encode(*key), int, str)


async def test_names_that_nobody_has_do_not_reach_the_database(venue: Venue) -> None:
    """422, not a database error."""
    for address in ("/circuits/dale/laps", "/circuits/hill/data", "/circuits/hill/classification"):
        for name in ("a\x00b", "a\x1bb", "x" * 200):
            detail(await venue.http.get(address, params={"session": name}), 422)
