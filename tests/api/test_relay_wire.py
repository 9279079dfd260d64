"""What the collector and its workers say to one another, as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karttime.api import relay_wire as wire
from karttime.api.handshake import Request
from karttime.api.relay_wire import Kind, Told

_told = st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=300)))


@given(_told, st.lists(st.integers(1, 400), min_size=1))
def test_messages_come_out_as_they_went_in(messages: list[tuple[Kind, int, bytes]], cuts: list[int]) -> None:
    """However the bytes are cut."""
    whole = b"".join(wire.message(*it) for it in messages)
    reader, found, at, turn = wire.Reader(), list[Told](), 0, 0
    while at < len(whole):
        step = cuts[turn % len(cuts)]
        found += reader.feed(whole[at : at + step])
        at, turn = at + step, turn + 1
    assert found == [Told(*it) for it in messages]


def test_what_is_no_message_is_refused() -> None:
    """An unknown kind, a length beyond all bounds."""
    for junk in (b"\xff" * 9, wire._HEAD.pack(1, 1, wire.MAX_PAYLOAD + 1)):
        with pytest.raises(ValueError, match=r"."):
            list(wire.Reader().feed(junk))


def test_a_visit_keeps_what_is_looked_at() -> None:
    """Path, query, subprotocols, origin; no cookies, no keys of the handshake."""
    headers = {"origin": "https://app.example", "host": "h", "authorization": "Bearer x", "cookie": "c"}
    request = Request("/circuits/é/live", {"format": "both", "epoch": ""}, headers, ("karttime.v1",))
    visit = wire.visit_of(wire.opened(wire.Visit(request, "10.0.0.1", True)))
    assert (visit.address, visit.deflate, visit.request.path) == ("10.0.0.1", True, request.path)
    assert (visit.request.query, visit.request.subprotocols) == (request.query, request.subprotocols)
    assert visit.request.headers == {name: headers[name] for name in ("origin", "host", "authorization")}


def test_begin_and_close_carry_their_parts() -> None:
    """Group and frames; code and reason."""
    [told] = wire.Reader().feed(wire.begin(7, 3, b"frames"))
    assert (told.kind, told.number, wire.begun(told.payload)) == (Kind.BEGIN, 7, (3, b"frames"))
    [told] = wire.Reader().feed(wire.close(7, 4004, "unknown é"))
    assert wire.closed(told.payload) == (4004, "unknown é")
