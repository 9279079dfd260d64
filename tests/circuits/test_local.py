import pytest

from karttime.circuits.local import LocalCircuits, check_name, check_page, local_circuits, slug
from karttime.errors import UsageError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Hill Kart", "hill-kart"),
        ("  Circuit d'Été № 2 ", "circuit-d-ete-no-2"),
        ("../../etc", "etc"),
        ("日本", "circuit"),
        ("x" * 200, "x" * 60),
    ],
)
def test_ids_are_safe_in_a_path(name: str, expected: str) -> None:
    assert slug(name) == expected


async def test_circuits_come_from_arguments_ordered_by_name() -> None:
    source = local_circuits(["west=ws://b.example", "East=wss://a.example?q=1"])
    circuits = await source.list()
    assert [(c.id, c.name, c.url, c.feed) for c in circuits] == [
        ("east", "East", "wss://a.example?q=1", "apex"),
        ("west", "west", "ws://b.example", "apex"),
    ]
    assert await source.get("west") is circuits[1]
    assert await source.get("north") is None


async def test_equal_names_get_ids_of_their_own() -> None:
    source = local_circuits(["A=ws://1.example", "a=ws://2.example", "A 2=ws://3.example", "a!=ws://4.example"])
    assert sorted(c.id for c in await source.list()) == ["a", "a-2", "a-2-2", "a-3"]


@pytest.mark.parametrize(
    "argument",
    ["", "Hill Kart", "=ws://a.example", "  =ws://a.example", "ws://a.example/?x=1", "Hill\x1b=ws://a.example"],
)
def test_an_argument_that_is_no_circuit_is_refused_with_an_example(argument: str) -> None:
    with pytest.raises(UsageError) as error:
        local_circuits([argument])
    assert str(error.value).isprintable()


async def test_there_may_be_none() -> None:
    assert await LocalCircuits().list() == ()


@pytest.mark.parametrize("url", ["", " https://hill.example/live?x=1 ", "http://hill.example:8080"])
def test_addresses_of_pages_are_accepted(url: str) -> None:
    """Also none."""
    assert check_page(url) == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "hill.example",
        "https://",
        "https://[::1",
        "https://a b",
        "https://a:0/",
        "ftp://hill.example",
        "https://hill.example/" + "x" * 2000,
        "https://a/\x1b",
    ],
)
def test_what_a_browser_should_not_open_is_refused(url: str) -> None:
    """The address becomes a link on people's screens."""
    with pytest.raises(UsageError, match="https://"):
        check_page(url)


@pytest.mark.parametrize("name", ["", "  ", "a\x07b", "x" * 201, "a\u202eb"])
def test_names_are_printable_and_bounded(name: str) -> None:
    """They stand in terminals and tables."""
    with pytest.raises(UsageError, match="name"):
        check_name(name)
    assert check_name(" Été 7 ") == "Été 7"
