"""Maintenance begins while WebSockets are open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.servers.serving import PATIENCE, Clock, Server

Record = Callable[[str, object], None]


def close_code(socket: ClientConnection) -> int | None:
    """Read on until it is closed."""
    try:
        while True:
            socket.recv(PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_one_whose_endpoint_waits_for_a_message_is_closed_with_1012(
    server: Server, name: str, record_property: Record
) -> None:
    """And the endpoint sees an ordinary disconnect."""
    with server.talk("/echo", name) as socket:
        socket.send("hello")
        assert socket.recv() == "hello"
        server.say("on")
        clock = Clock()
        assert close_code(socket) == 1012
        record_property("seconds", clock())
        server.wait_for_note(name, "1012")
    record_property("seconds to the endpoint", clock())


def test_one_whose_endpoint_sleeps_is_closed_with_1012(
    server: Server, name: str, record_property: Record
) -> None:
    """The endpoint is left to itself; the next thing that it receives is a disconnect."""
    with server.talk("/asleep", name) as socket:
        server.wait_for_note(name, "accepted")
        server.say("on")
        clock = Clock()
        code = close_code(socket)
        record_property("seconds", clock())
        server.wake(name)
        server.wait_for_note(name, "1012")
    assert code == 1012


def test_one_whose_endpoint_only_sends_is_closed_with_1012(
    server: Server, name: str, record_property: Record
) -> None:
    """And the endpoint sees an ordinary disconnect when it sends on."""
    with server.talk("/ticker", name) as socket:
        assert socket.recv() == "tick"
        server.say("on")
        clock = Clock()
        assert close_code(socket) == 1012
        record_property("seconds", clock())
        server.wait_for_note(name, "disconnected")


def test_many_are_all_closed(server: Server, name: str, record_property: Record) -> None:
    with ExitStack() as stack:
        talks = [server.talk("/echo", f"{name}-{number}") for number in range(20)]
        sockets = [stack.enter_context(talk) for talk in talks]
        server.say("on")
        clock = Clock()
        assert {close_code(socket) for socket in sockets} == {1012}
        record_property("seconds", clock())
    for number in range(20):
        server.wait_for_note(f"{name}-{number}", "1012")


def test_one_that_comes_back_is_refused_and_then_let_in(server: Server, name: str) -> None:
    with server.talk("/echo", name) as socket:
        server.say("on")
        assert close_code(socket) == 1012
    with pytest.raises(InvalidStatus), server.talk("/echo", name):
        pass
    server.turn("off", on=False)
    with server.talk("/echo", name) as socket:
        socket.send("again")
        assert socket.recv() == "again"


def test_one_on_an_exempt_path_goes_on(server: Server, name: str) -> None:
    """Until the watch had time to end it: another one, that is not exempt, was."""
    with server.talk("/exempt/echo", name) as exempt, server.talk("/echo", name) as other:
        server.say("on")
        assert close_code(other) == 1012
        exempt.send("still here")
        assert exempt.recv() == "still here"


def test_one_goes_on_during_read_only_maintenance(server: Server, name: str) -> None:
    """Only new ones are refused."""
    with server.talk("/echo", name) as socket:
        server.say("read-only")
        server.process.wait_for(
            lambda: server.client.post("/orders").status_code == 503, what="writes to be refused"
        )
        # The watch looks ten times a second: by the fifth second refused handshakes were seen.
        for _ in range(5):
            with pytest.raises(InvalidStatus), server.talk("/echo", name):
                pass
            with pytest.raises(TimeoutError):
                socket.recv(0.1)
        socket.send("still here")
        assert socket.recv() == "still here"
        assert server.client.get("/orders").status_code == 200


def test_one_that_the_client_leaves_meanwhile_harms_nothing(server: Server, name: str) -> None:
    for number in range(5):
        with server.talk("/echo", f"{name}-{number}") as socket:
            server.say("on")
            socket.socket.close()
        server.turn("off", on=False)
    with server.talk("/echo", name) as socket:
        socket.send("hello")
        assert socket.recv() == "hello"
