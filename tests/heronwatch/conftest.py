"""Fixtures of the ground's tests: the two web servers, and the logs."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from heronwatch import logs
from tests.fakes.web import SERVERS, Server
from tests.fakes.web_client import Served
from tests.fakes.web_place import Place


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two servers, for a test to start."""
    started: Server = SERVERS[request.param]
    return started


@pytest.fixture(scope="module", params=SERVERS)
def shared(request: pytest.FixtureRequest) -> Iterator[Served]:
    """Each of the two servers, running; no test changes it."""
    with SERVERS[request.param]() as served:
        yield served


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder for a web config and its certificates."""
    return Place(tmp_path)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Where the logs go while the test runs."""
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    logs.configure(stream=io.StringIO())
