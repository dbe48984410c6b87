"""How a server starts and ends is as without the gate, during maintenance too."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from websockets.exceptions import InvalidStatus

from tests.servers.conftest import Serve
from tests.servers.serving import PATIENCE, Clock, Server, faults

Record = Callable[[str, object], None]

WITHOUT_LIFESPAN = {"uvicorn": ["--lifespan", "off"], "granian": ["--interface", "asginl"]}

BRIEF = {
    "uvicorn": ["--timeout-graceful-shutdown", "1"],
    "hypercorn": ["--graceful-timeout", "1"],
    "hypercorn-trio": ["--graceful-timeout", "1"],
    "granian": ["--workers-kill-timeout", "2"],
}
"""How long a server waits for connections that are open when it ends."""


def both(serve: Serve, apps: tuple[str, str], *arguments: str) -> list[Server]:
    """A shop without the gate and one with it, which start at the same time."""
    servers = [serve(app, *arguments, start=False) for app in apps]
    for server in servers:
        server.spawn()
    return servers


def test_a_start_that_fails_fails_as_without_the_gate(serve: Serve) -> None:
    codes, raised = [], []
    for server in both(serve, ("bare_failing", "failing")):
        codes.append(server.process.wait(PATIENCE * 2))
        log = server.output()
        assert "no database" in log
        raised.append(re.findall(r"^\s*(?:\| )?(\w+(?:Error|Exception)): ", log, re.M))
    assert codes[0] == codes[1]
    assert raised[0] == raised[1]


def test_a_server_without_lifespan_events_follows_the_file(kind: str, serve: Serve) -> None:
    if kind not in WITHOUT_LIFESPAN:
        pytest.skip("hypercorn always sends them")
    server = serve("app", *WITHOUT_LIFESPAN[kind])
    server.turn_on()
    with pytest.raises(InvalidStatus), server.talk("/echo", "none"):
        pass
    server.turn("off", on=False)
    assert server.journal("lifespan") == []
    server.stop()
    assert faults(server.output()) == []


def test_a_process_born_during_maintenance_never_serves(serve: Serve) -> None:
    """By a file, and the hooks are told of what began before them."""
    server = serve("hooked", says="on", start=False)
    server.spawn()
    codes = []

    def answered() -> bool:
        codes.append(server.client.get("/orders").status_code)
        return len(codes) == 5

    server.process.wait_for(answered, PATIENCE * 2, "five answers")
    assert codes == [503] * 5
    server.wait_for_note("async", "begun")
    assert server.journal("sync") == ["begun"]


def test_a_variable_of_the_environment_governs_from_the_beginning(serve: Serve) -> None:
    server = serve("by_environment", environment={"FASTAPI_MAINTENANCE_MODE": "read-only"})
    assert server.client.get("/orders").status_code == 200
    assert server.client.post("/orders").status_code == 503
    with pytest.raises(InvalidStatus) as caught, server.talk("/echo", "none"):
        pass
    assert caught.value.response.status_code == 503


def end(server: Server, clock: Clock) -> tuple[int, float]:
    """Ask a server to end; its exit code (-9: it had to be killed), and how long that took."""
    return server.process.stop(PATIENCE), clock()


def test_what_maintenance_has_ended_does_not_delay_the_end_of_the_server(
    serve: Serve, record_property: Record
) -> None:
    """A stream and a socket that would have lasted for ever; the endpoints end with them."""
    server = serve()
    with (
        server.client.stream("GET", "/events", params={"name": "stream", "idle": True}) as stream,
        server.talk("/echo", "socket"),
    ):
        next(stream.iter_raw())
        server.say("on")
        server.wait_for_note("stream", "finalised")
        server.wait_for_note("socket", "1012")
    code, seconds = end(server, Clock())
    record_property("seconds", seconds)
    assert code in (0, -signal.SIGTERM)  # uvicorn raises the signal again when it is done
    assert server.journal("lifespan") == ["begun", "ended"]
    assert faults(server.output()) == []


@pytest.mark.parametrize("lasting", ["/exempt/events", "/exempt/echo"])
def test_what_lasts_through_maintenance_ends_with_the_server_as_without_the_gate(
    kind: str, serve: Serve, lasting: str, record_property: Record
) -> None:
    ends = []
    servers = both(serve, ("bare", "app"), *BRIEF[kind])
    for server in servers:
        server.wait_ready()
    for server in servers:
        if server is servers[1]:
            server.turn_on()
        with ExitStack() as stack:
            if lasting.endswith("echo"):
                socket = stack.enter_context(server.talk(lasting, "last"))
                socket.send("hello")
                assert socket.recv() == "hello"
            else:
                query = {"name": "last", "idle": "true"}
                stream = stack.enter_context(server.client.stream("GET", lasting, params=query))
                next(stream.iter_raw())
            code, seconds = end(server, Clock())
        record_property(f"{server.name}: seconds", seconds)
        ends.append((code, server.journal("lifespan"), len(faults(server.output()))))
    assert ends[1] == ends[0]
