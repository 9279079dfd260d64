"""Tables that are told by column."""

from typing import Any

from karttime.feeds.declared.pivots import Pivoter, names_of
from karttime.feeds.declared.spec import Pivot

HEADS = Pivot(kind="data", rows="rows", names_kind="head", names="cols", name="n")


def test_names_come_once() -> None:
    """And name the cells of every list after that, until others come; before that rows stay lists."""
    pivoter = Pivoter(HEADS)
    body = {"rows": [[1, "7"], [2, "9"]], "left": 5}
    assert pivoter.apply("data", body) is body
    pivoter.learn("head", {"cols": [{"n": "pos"}, {"n": "no"}]})
    pivoter.learn("head", {"cols": "nothing"})
    assert pivoter.apply("data", body) == {"rows": [{"pos": 1, "no": "7"}, {"pos": 2, "no": "9"}], "left": 5}
    assert pivoter.apply("other", body) is body


def test_rows_by_index_are_named_too() -> None:
    """Of a board of cells only some are sent; what has no name keeps its number."""
    pivoter = Pivoter(HEADS.model_copy(update={"rows": ""}))
    pivoter.learn("head", {"cols": [{"n": "pos"}, {"n": ""}, {"n": "pos"}]})
    assert pivoter.apply("data", {"3": {"0": "1", "2": "x", "9": "y"}}) == {"3": {"pos": "1", "pos_2": "x", "9": "y"}}


def test_an_object_per_field() -> None:
    """Values by competitor become rows; a change of one field is a row with that field."""
    pivoter = Pivoter(Pivot(form="maps", rows="b", members=("pos", "gap")))
    whole = {"b": {"pos": {"7": 1, "9": 2}, "gap": {"7": "", "9": "+1"}, "flag": "green"}}
    rows = {"7": {"pos": 1, "gap": ""}, "9": {"pos": 2, "gap": "+1"}}
    assert pivoter.apply("", whole) == {"b": {"flag": "green", "@rows": rows}}
    assert pivoter.apply("", {"b": {"gap": {"9": "+2"}}}) == {"b": {"@rows": {"9": {"gap": "+2"}}}}


def test_a_list_per_field() -> None:
    """A competitor's place in the lists is the key."""
    pivoter = Pivoter(Pivot(form="maps", members=("pos", "no")))
    assert pivoter.apply("", {"pos": [2, 1], "no": ["7", "9"]}) == {
        "@rows": {"0": {"pos": 2, "no": "7"}, "1": {"pos": 1, "no": "9"}}
    }


def test_anything_may_stand_there() -> None:
    """Nothing is raised, whatever a feed sends instead."""
    odd: tuple[Any, ...] = (None, 3, "x", [], {}, {"rows": 3}, {"rows": {"x": 1}}, {"b": []}, [[1], {"0": 2}, "s"])
    for pivot in (HEADS, HEADS.model_copy(update={"rows": ""}), Pivot(kind="data", form="maps", members=("rows", "x"))):
        pivoter = Pivoter(pivot)
        pivoter.learn("head", {"cols": [{"n": "a"}, {"n": "b"}]})
        for body in odd:
            pivoter.learn("head", body)
            pivoter.apply("data", body)


def test_names_are_texts() -> None:
    """Numbers and single names are none; doubles are told apart."""
    assert names_of(["a", "b", "b", ""], ()) == ["a", "b", "b_2", "c_3"]
    assert names_of([1, 2, 3], ()) == names_of(["a"], ()) == names_of("ab", ()) == []
