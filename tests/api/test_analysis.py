"""Analysis of a circuit's feed on request: in a process of its own, kept, never overwriting a person's choice."""

from karttime.feeds.frame import Frame

from .conftest import START, Venue, opening


async def test_nothing_received_is_told(venue: Venue) -> None:
    """Before anything came there is nothing to analyse, and no result."""
    venue.service.analysis_s = 0
    refused = await venue.http.post("/circuits/hill/analyze-format")
    assert refused.status_code == 409
    assert "nothing was received" in refused.json()["detail"]
    assert (await venue.http.get("/circuits/hill/analysis")).status_code == 404
    assert (await venue.http.post("/circuits/nowhere/analyze-format")).status_code == 404


async def test_what_was_received_is_analysed_and_kept(venue: Venue) -> None:
    """The answer is what GET gives afterwards; labels are proposed, not changed."""
    collector = await venue.service.engine.ensure("hill")
    for number in range(30):
        collector._recent.add(20, Frame(START + 1000 * number, f"r{number % 4}c5|tn|1:0{number % 9}.123\n"))
    venue.service.analysis_s = 0
    made = await venue.http.post("/circuits/hill/analyze-format", timeout=50)
    assert made.status_code == 200, made.text
    result = made.json()["result"]
    assert result["format"]["name"] == "apex"
    assert "differences" in result["mapping"]
    assert result["mapping"]["proposed"] == {}, "no board was sent"
    kept = await venue.http.get("/circuits/hill/analysis")
    assert kept.json() == made.json()


async def test_columns_are_those_of_the_board_that_is_shown(venue: Venue) -> None:
    """A board is sent once, long before the latest messages: what it said counts."""
    await venue.publish(*opening())
    collector = await venue.service.engine.ensure("hill")
    collector._recent.add(20, Frame(START, "r1c5|tn|1:02.123\n"))
    venue.service.analysis_s = 0
    mapping = (await venue.http.post("/circuits/hill/analyze-format", timeout=50)).json()["result"]["mapping"]
    assert "Kart" in mapping["proposed"].values()
    assert {name for name, label in mapping["proposed"].items() if label} == set(mapping["confidence"])
