"""One server of each kind for the whole folder, off at the beginning of each test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers.serving import KINDS, Server, faults


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """What serves."""
    return str(request.param)


@pytest.fixture(scope="session")
def running(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop, served."""
    server = Server(kind, tmp_path_factory.mktemp(kind))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The shop, served, off; nothing may go wrong there unless the test says so."""
    running.say("off")
    # By a write, since reads alone would be served all along after a test of read-only.
    running.wait_for_code(200, method="POST")
    running.new_output()
    running.expects_faults = False
    yield running
    running.say("off")
    if not running.expects_faults:
        assert faults(running.new_output()) == []


@pytest.fixture
def name() -> str:
    """What a connection is called in the journal."""
    return secrets.token_hex(4)


Serve = Callable[..., Server]


@pytest.fixture
def serve(kind: str, tmp_path: Path) -> Iterator[Serve]:
    """Starts further servers of the kind; whatever happens, they are ended."""
    if kind.startswith("hypercorn") and "ALL_SERVERS" not in os.environ:
        pytest.skip("hypercorn is slow to start: `make servers` starts it for these tests, too")
    with ExitStack() as ending:

        def begin(
            app: str = "app",
            *arguments: str,
            says: str = "off",
            start: bool = True,
            **more: dict[str, str],
        ) -> Server:
            server = Server(kind, tmp_path / app, app, *arguments, **more)
            ending.callback(server.stop)
            server.say(says)
            if start:
                server.start()
            return server

        yield begin
