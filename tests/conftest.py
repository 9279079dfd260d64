"""Options of the whole suite."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`: tests that have a long form take it, and those that are long anyway run at all."""
    parser.addoption("--long", action="store_true", help="long forms: chaos, the Dockerfile's steps, a real browser")


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long form is wanted."""
    return bool(request.config.getoption("long"))
