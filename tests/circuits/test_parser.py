"""How a feed is read where its name does not say it."""

from dataclasses import replace

import pytest

from karttime.circuits.circuit import Circuit
from karttime.circuits.parser import FEEDS, MAX_STORED_SPEC, Parser, by_person, is_other_feed
from karttime.errors import UsageError
from karttime.feeds.apex.decoder import ApexDecoder
from karttime.feeds.declared.decoder import DeclaredDecoder
from karttime.feeds.declared.spec import FeedSpec

HILL = Circuit("hill", "Hill", "wss://hill.example/?token=abc", "auto")


def test_feeds_are_formats_and_what_is_read_by_a_parser() -> None:
    assert FEEDS == ("apex", "racemonitor", "rmonitor", "auto", "spec")


def test_what_was_found_counts_for_its_address_and_what_a_person_said_for_any() -> None:
    """The address is compared without its secrets, which may change."""
    found = Parser("apex", None, "detection", 1, "wss://hill.example/?token=***")
    assert found.reads(HILL)
    assert found.reads(replace(HILL, url="wss://hill.example/?token=other"))
    assert not found.reads(replace(HILL, url="wss://dale.example/"))
    assert not found.reads(replace(HILL, feed="spec"))
    assert by_person(FeedSpec(), 1).reads(replace(HILL, url="wss://dale.example/", feed="spec"))
    assert not replace(found, feed="telepathy").reads(HILL)


def test_a_parser_makes_decoders() -> None:
    assert isinstance(Parser("apex", None, "detection", 1).decoder(), ApexDecoder)
    assert isinstance(by_person(FeedSpec(name="x"), 1).decoder(), DeclaredDecoder)
    assert by_person(FeedSpec(name="x"), 1).name == "spec 'x'"


def test_a_spec_that_is_too_large_is_refused() -> None:
    with pytest.raises(UsageError, match="at most 192 KiB are kept"):
        by_person(FeedSpec(notes=("x" * MAX_STORED_SPEC,)), 1)


def test_from_auto_to_spec_is_the_same_feed() -> None:
    assert not is_other_feed(HILL, replace(HILL, feed="spec", name="New"))
    assert is_other_feed(HILL, replace(HILL, feed="apex"))
    assert is_other_feed(HILL, replace(HILL, url="wss://dale.example/"))
