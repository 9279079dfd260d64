"""Rows of declared tables: what messages change."""

from karttime.domain.updates import LapCompleted, PositionsChanged
from karttime.feeds.declared.decoder import DeclaredDecoder
from karttime.feeds.declared.spec import FeedSpec, load_spec
from karttime.feeds.declared.tables import Rows
from karttime.feeds.frame import Frame


def spec(**more: object) -> FeedSpec:
    fields = [
        {"path": "pos", "role": "position"},
        {"path": "no", "role": "number"},
        {"path": "last", "role": "last_lap", "unit": "text"},
    ]
    table = {"kind": "init", "rows": "cars[]", "key": "no", "fields": fields, **more}
    framing = {"envelope": "field", "kind": "type"}
    return load_spec({"karttime_spec": 1, "framing": framing, "tables": [table], "laps": {"by": "change"}})


ALSO = [{"kind": "car", "key": "no"}, {"kind": "cars", "rows": "by.*", "key": "@key"}]


def test_rows_are_sent_at_several_places() -> None:
    """All at first; then parts, each under its own kind and with its own key, change the same rows."""
    rows = Rows(spec(also=ALSO).tables[0])
    changes, others = rows.take({"cars": [{"no": "7", "pos": 1}, {"no": "9", "pos": 2}]})
    assert (len(changes), others) == (2, True)
    assert rows.take({"no": "9", "pos": 1}, 1) == ([("9", {0: 1})], False)
    assert rows.take({"by": {"7": {"pos": 2, "last": "58.6"}}}, 2) == ([("7", {0: 2, 2: "58.6"})], False)
    assert rows.values("7") == {0: 2, 1: "7", 2: "58.6"}
    changes, others = rows.take({"cars": [{"no": "9", "pos": 1}]})
    assert others
    assert [*rows.keys] == ["9"]


def test_the_decoder_reads_every_place() -> None:
    """A lap that only an update tells is a lap; the standing is of the last thing said."""
    decoder = DeclaredDecoder(spec(also=ALSO))
    texts = [
        '{"type":"init","cars":[{"no":"7","pos":1,"last":"59.1"},{"no":"9","pos":2,"last":"59.4"}]}',
        '{"type":"car","no":"9","pos":1,"last":"58.2"}',
        '{"type":"cars","by":{"7":{"pos":2}}}',
    ]
    found = [update for at, text in enumerate(texts) for update in decoder.feed(Frame(1000 * at, text))]
    laps = [update for update in found if isinstance(update, LapCompleted)]
    assert [(lap.competitor_id, lap.time_ms) for lap in laps] == [("9", 58_200)]
    positions = [update.positions for update in found if isinstance(update, PositionsChanged)]
    assert positions[-1] == {"7": 2}
    assert not decoder.refused
