"""Maintenance begins while answers are on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.servers.serving import Clock, Server

Record = Callable[[str, object], None]


def begun(stream: httpx.Response) -> Iterator[str]:
    """The lines of a stream of events that has begun."""
    lines = stream.iter_lines()
    assert stream.status_code == 200
    assert next(lines) == "data: 0"
    return lines


@pytest.mark.parametrize("idle", [False, True], ids=["active", "idle"])
def test_a_stream_of_events_is_completed(
    server: Server, name: str, idle: bool, record_property: Record
) -> None:
    """With its last chunk, as httpx would say otherwise; and its generator is finalised."""
    query: dict[str, str | bool] = {"name": name, "idle": idle}
    with server.client.stream("GET", "/events", params=query) as stream:
        lines = begun(stream)
        server.say("on")
        clock = Clock()
        for _ in lines:
            pass
        record_property("seconds", clock())
        server.wait_for_note(name, "finalised")
        record_property("seconds to the endpoint", clock())


@pytest.mark.parametrize("idle", [False, True], ids=["active", "idle"])
def test_the_connection_of_an_ended_stream_stays_usable(
    server: Server, name: str, idle: bool
) -> None:
    with server.asking() as client:
        with client.stream("GET", "/events", params={"name": name, "idle": idle}) as stream:
            lines = begun(stream)
            server.say("on")
            for _ in lines:
                pass
        assert client.get("/orders").status_code == 503


def test_a_stream_of_events_on_an_exempt_path_goes_on(server: Server, name: str) -> None:
    """Beyond the moment at which another one, that is not exempt, was ended."""
    with (
        server.client.stream("GET", "/exempt/events", params={"name": name}) as exempt,
        server.client.stream("GET", "/events", params={"name": f"{name}-other"}) as other,
    ):
        lines = begun(exempt)
        begun(other)
        server.say("on")
        server.wait_for_note(f"{name}-other", "finalised")
        assert sum(1 for _ in zip(range(40), lines, strict=False)) == 40
    server.wait_for_note(name, "finalised")


def test_a_stream_of_events_goes_on_during_read_only_maintenance(server: Server, name: str) -> None:
    """It is read; the watch looks ten times in the second that is read on here."""
    with server.client.stream("GET", "/events", params={"name": name}) as stream:
        lines = begun(stream)
        server.say("read-only")
        server.process.wait_for(
            lambda: server.client.post("/orders").status_code == 503, what="writes to be refused"
        )
        clock = Clock()
        while clock() < 1:
            next(lines)
    server.wait_for_note(name, "finalised")


def test_another_stream_runs_to_its_end(server: Server, name: str) -> None:
    with server.client.stream("GET", "/download", params={"name": name}) as stream:
        chunks = stream.iter_bytes()
        assert next(chunks).startswith(b"first")
        server.turn_on()
        clock = Clock()
        while clock() < 0.5:
            next(chunks)
        server.wake(name)
        assert b"".join(chunks).endswith(b" last")


def test_a_slow_request_runs_to_its_end(server: Server, name: str) -> None:
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.client.get, "/slow", params={"name": name})
        server.wait_for_note(name, "begun")
        server.turn_on()
        server.wake(name)
        answer = slow.result()
    assert (answer.status_code, answer.json()) == (200, "at last")
