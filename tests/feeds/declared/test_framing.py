"""From texts to messages, in every framing that a spec can declare."""

import base64
import json
import zlib
from typing import Any

import pytest

from karttime.feeds.declared.framing import Unreadable, Unwrapper
from karttime.feeds.declared.spec import Framing
from karttime.feeds.declared.transport import MAX_INFLATED, inflate

ROW = {"no": "7", "lap": 3}


def packed(value: object) -> str:
    packer = zlib.compressobj(wbits=-15)
    return base64.b64encode(packer.compress(json.dumps(value).encode()) + packer.flush()).decode()


@pytest.mark.parametrize(
    ("framing", "text", "messages"),
    [
        ({}, '{"no": "7", "lap": 3}', [("", ROW)]),
        ({"split": "lines"}, '{"a": 1}\r\n{"a": 2}\n', [("", {"a": 1}), ("", {"a": 2})]),
        ({"split": "records"}, '{"a": 1}\x1e{"a": 2}\x1e', [("", {"a": 1}), ("", {"a": 2})]),
        ({"prefix": "engine.io", "envelope": "tagged"}, '42/hall,7["board",{"no":"7","lap":3}]', [("board", ROW)]),
        ({"prefix": "engine.io", "envelope": "tagged"}, "2", []),
        ({"envelope": "tagged"}, '[["board",{"no":"7","lap":3}]]', [("board", ROW)]),
        ({"prefix": "sockjs"}, 'a["{\\"a\\":1}"]', [("", {"a": 1})]),
        ({"prefix": "sockjs"}, "h", []),
        ({"prefix": "sse"}, 'event: x\ndata: {"a":1}\n\n', [("", {"a": 1})]),
        ({"prefix": "jsonp"}, 'callback({"a":1});', [("", {"a": 1})]),
        (
            {"envelope": "signalr"},
            '{"C":"d","M":[{"H":"h","M":"feed","A":["board",{"no":"7","lap":3},"utc"]}]}',
            [("board", ROW)],
        ),
        ({"envelope": "signalr"}, "{}", []),
        ({"envelope": "signalr-core", "split": "records"}, '{"type":6}\x1e', []),
        (
            {"envelope": "signalr-core", "split": "records"},
            '{"type":1,"target":"Push","arguments":[{"no":"7","lap":3}]}\x1e',
            [("Push", ROW)],
        ),
        (
            {"envelope": "ddp"},
            '{"msg":"changed","collection":"cars","id":"x","fields":{"p":1}}',
            [("cars", {"x": {"p": 1}})],
        ),
        ({"envelope": "phoenix"}, '[null,null,"topic","board",{"no":"7","lap":3}]', [("board", ROW)]),
        ({"envelope": "field", "kind": "type", "body": "d"}, '{"type":"b","d":{"no":"7","lap":3}}', [("b", ROW)]),
        (
            {"syntax": "fields", "separator": ";", "split": "lines", "tagged": True},
            "R;7;3\nS;1",
            [("R", ["R", "7", "3"]), ("S", ["S", "1"])],
        ),
        ({"syntax": "fields"}, '1,"Doe, Jo",3', [("", ["1", "Doe, Jo", "3"])]),
        ({"syntax": "pairs", "separator": ";"}, "no=7; lap=3", [("", {"no": "7", "lap": "3"})]),
        ({"syntax": "xml"}, '<t><r no="7"><lap>3</lap></r></t>', [("", {"t": [{"r": [{"no": "7", "lap": "3"}]}]})]),
        (
            {"syntax": "html"},
            "<table><tr><th>no</th><th>lap</th></tr><tr data-id=r1><td>7</td><td><b>3</b></td></tr></table>",
            [("", {"tables": [[{"@id": "r1", "no": "7", "lap": "3"}]]})],
        ),
        ({"embedded": [{"path": "d", "codec": "json"}]}, json.dumps({"d": json.dumps(ROW)}), [("", {"d": ROW})]),
        ({"embedded": [{"path": "d[]", "codec": "base64"}]}, json.dumps({"d": [packed(ROW)]}), [("", {"d": [ROW]})]),
        (
            {"embedded": [{"path": "d.*", "codec": "fields", "separator": ";"}]},
            '{"d":{"7":"1;a;2"}}',
            [("", {"d": {"7": ["1", "a", "2"]}})],
        ),
        (
            {"patches": [{"path": "path", "value": "value"}]},
            '[{"op":"replace","path":"/cars/7/gap","value":"1.2"}]',
            [("", {"cars": {"7": {"gap": "1.2"}}})],
        ),
        (
            {"patches": [{"path": "@key", "separator": "."}]},
            '{"cars.7.gap":"1.2"}',
            [("", {"cars": {"7": {"gap": "1.2"}}})],
        ),
        ({"patches": [{"value": "2"}]}, '[[0,3,"a"],[1,3,"b",1]]', [("", {"0": {"3": "a"}, "1": {"3": "b"}})]),
    ],
)  # fmt: skip
def test_messages(framing: dict[str, Any], text: str, messages: list[tuple[str, Any]]) -> None:
    """Kind and payload of each; keep-alives are none."""
    assert [tuple(message) for message in Unwrapper(Framing.model_validate(framing)).messages(text)] == messages


@pytest.mark.parametrize(
    ("framing", "text"),
    [
        ({}, "no json"),
        ({}, "[" * 200_000),
        ({"syntax": "xml"}, '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        ({"syntax": "xml"}, "<a>" * 1000),
        ({"syntax": "fields"}, "," * 5_000),
        ({"syntax": "html"}, "<p>no table</p>"),
    ],
)
def test_another_framing_is_refused(framing: dict[str, Any], text: str) -> None:
    """With a reason to count it by, also what is hostile."""
    with pytest.raises(Unreadable):
        Unwrapper(Framing.model_validate(framing)).messages(text)


def test_a_decompression_bomb_gives_nothing() -> None:
    """What grows beyond the limit is not held."""
    assert inflate(zlib.compress(bytes(20 * MAX_INFLATED))) is None
