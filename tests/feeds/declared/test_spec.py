"""Specs: read, written, refused."""

import json

import pytest

from karttime.feeds.declared.spec import SpecError, load_spec, parse_spec, write_spec

GOOD = {
    "karttime_spec": 1,
    "tables": [{"rows": "runs[]", "key": "no", "fields": [{"path": "p", "role": "position"}]}],
}


def test_a_spec_survives_writing_and_reading() -> None:
    """What is as by default is left out of the text."""
    spec = load_spec(GOOD)
    text = write_spec(spec)
    assert parse_spec(text) == spec
    assert "framing" not in text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("[]", "no spec"),
        ("{", "no JSON"),
        ('{"karttime_spec": 2}', "version"),
        (json.dumps(GOOD | {"eval": "x"}), "eval"),
        (json.dumps(GOOD | {"tables": [{"rows": "a[", "key": "k", "fields": []}]}), "tables.0.rows"),
        (json.dumps(GOOD | {"tables": [{"key": "k", "fields": [{"path": "p", "role": "boss"}]}]}), "role"),
        ("[" * 100_000, "no JSON"),
        (" " * (2 << 20), "larger"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(data: str, says: str) -> None:
    """And where it is wrong."""
    with pytest.raises(SpecError, match=says) as caught:
        parse_spec(data)
    assert "\n" not in str(caught.value)
