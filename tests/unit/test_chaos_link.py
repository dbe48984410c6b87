"""The link of the chaos run does to connections what its modes say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.chaos.link import SLOWNESS, Link


@pytest.fixture
def link() -> Iterator[Link]:
    """To a server that echoes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        link = Link(server.getsockname()[1])
        link.start()
        yield link
        link.close()
        server.shutdown(socket.SHUT_RDWR)


def _echo(server: socket.socket) -> None:
    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(100):
                connection.sendall(data)

    with suppress(OSError):
        while True:
            threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()


def connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=10)


def hears(connection: socket.socket, timeout: float = 10) -> bool:
    """Whether what is said comes back in time."""
    connection.sendall(b"?")
    connection.settimeout(timeout)
    try:
        return connection.recv(1) == b"?"
    except TimeoutError:
        return False


def test_it_passes_on(link: Link) -> None:
    with connect(link) as connection:
        assert hears(connection)


def test_cut_resets_what_is_open_and_what_is_new(link: Link) -> None:
    with connect(link) as connection:
        assert hears(connection)
        link.set("cut")
        with pytest.raises(ConnectionError):
            assert connection.recv(1) == b"?", "closed politely"
    with pytest.raises((ConnectionError, AssertionError)), connect(link) as connection:
        assert hears(connection)
    link.set("pass")
    with connect(link) as connection:
        assert hears(connection)


def test_stall_holds_back_and_lets_go(link: Link) -> None:
    with connect(link) as connection:
        assert hears(connection)
        link.set("stall")
        assert not hears(connection, timeout=0.2)
        link.set("pass")
        connection.settimeout(10)
        assert connection.recv(1) == b"?"


def test_slow_takes_its_time(link: Link) -> None:
    """Both ways."""
    link.set("slow")
    with connect(link) as connection:
        began = time.monotonic()
        assert hears(connection)
        assert time.monotonic() - began >= 1.9 * SLOWNESS[0]


def test_vanish_forgets_what_was_open_and_not_what_is_new(link: Link) -> None:
    with connect(link) as old:
        assert hears(old)
        link.set("vanish")
        link.set("pass")
        assert not hears(old, timeout=0.2)
        with connect(link) as new:
            assert hears(new)
