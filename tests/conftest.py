"""Options and services of the whole suite."""

import os
import uuid
from collections.abc import Iterator

import pytest

from .firebase.app import NodeApp
from .firebase.emulator import shared

LONG = {"KARTTIME_KILL_ROUNDS": "60", "KARTTIME_OUTAGE_S": "600"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`: tests that have a long form take it, and those that are long anyway run at all."""
    parser.addoption("--long", action="store_true", help="long forms: chaos, the Dockerfile's steps, a real browser")


def pytest_configure(config: pytest.Config) -> None:
    """Long forms of tests whose length is known when they are collected."""
    if config.getoption("long"):
        for name, value in LONG.items():
            os.environ.setdefault(name, value)


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether the long form is wanted."""
    return bool(request.config.getoption("long"))


@pytest.fixture(scope="session")
def firestore(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[int]:
    """The port of Google's Firestore emulator, one for all workers."""
    folder = tmp_path_factory.getbasetemp()
    with shared(folder if worker_id == "master" else folder.parent) as port:
        yield port


@pytest.fixture
def project() -> str:
    """A Firestore project that nobody else has."""
    return f"demo-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def node_app() -> Iterator[NodeApp]:
    """The app's side of Firestore."""
    with NodeApp() as app:
        yield app
