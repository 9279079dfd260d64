"""Bodies are bounded, whether they say how large they are or not."""

from collections.abc import AsyncIterator

from karttime.api.body import MAX_BODY

from .conftest import Venue
from .test_rest import detail


async def chunks(size: int) -> AsyncIterator[bytes]:
    """A body of unknown length."""
    for _ in range(size // 1024):
        yield b" " * 1024


async def test_a_large_body_is_413(venue: Venue) -> None:
    """By what it announces."""
    answer = await venue.http.post("/circuits", content=b" " * (MAX_BODY + 1))
    assert "256 KiB" in detail(answer, 413)


async def test_a_large_body_of_unknown_length_is_413(venue: Venue) -> None:
    """As soon as it exceeds the bound."""
    answer = await venue.http.post(
        "/circuits", content=chunks(MAX_BODY + 2048), headers={"content-type": "application/json"}
    )
    assert "256 KiB" in detail(answer, 413)


async def test_a_body_within_the_bound_is_read(venue: Venue) -> None:
    """Blanks are no JSON, which is another error."""
    headers = {"content-type": "application/json"}
    assert (await venue.http.post("/circuits", content=b" " * MAX_BODY, headers=headers)).status_code == 422
    assert (await venue.http.post("/circuits", content=chunks(MAX_BODY), headers=headers)).status_code == 422


async def test_a_call_that_needs_no_body_ignores_a_small_one(venue: Venue) -> None:
    """The app's POSTs have a content type and nothing else; others send `{}`."""
    for content in (b"", b"{}", b"no json"):
        answer = await venue.http.post(
            "/circuits/dale/start-timing", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200
