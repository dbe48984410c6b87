"""While maintenance is on, requests and handshakes are refused over the wire."""

from __future__ import annotations

import os
from collections.abc import Callable

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.servers import SHOP
from tests.servers.serving import Server

MEBIBYTE = os.urandom(1 << 20)


@pytest.fixture
def closed(server: Server) -> Server:
    """The shop during a full maintenance."""
    server.turn_on()
    return server


def port_of(response: httpx.Response) -> int:
    """The client's end of the connection that brought an answer."""
    address = response.extensions["network_stream"].get_extra_info("client_addr")
    return int(address[1])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_is_refused(closed: Server, method: str) -> None:
    answer = closed.client.request(method, "/orders")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "120"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["detail"].startswith("Service temporarily unavailable")


def test_a_refusal_of_head_has_no_body(closed: Server) -> None:
    """A stray body would be taken for the next answer on the connection."""
    with closed.asking() as client:
        answer = client.head("/orders")
        following = client.get("/orders")
    assert (answer.status_code, answer.content) == (503, b"")
    assert answer.headers["Retry-After"] == "120"
    assert following.json()["detail"]


def test_refusals_keep_the_connection(closed: Server) -> None:
    with closed.asking() as client:
        ports = {port_of(client.get("/orders")) for _ in range(3)}
    assert len(ports) == 1


def chunked() -> object:
    """A body whose length nobody knows."""
    return (MEBIBYTE[at : at + 65536] for at in range(0, len(MEBIBYTE), 65536))


@pytest.mark.parametrize("body", [lambda: MEBIBYTE, chunked], ids=["with length", "chunked"])
def test_after_a_body_that_nobody_read_the_next_request_is_answered(
    closed: Server, body: Callable[[], bytes]
) -> None:
    """On a new connection: hypercorn and granian may drop the old one, without a gate as well."""
    for _ in range(3):
        with closed.asking() as client:
            refused = client.post("/uploads", content=body())
            assert refused.status_code == 503
            assert refused.json()["detail"]
        assert closed.client.get("/orders").status_code == 503


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("DELETE", "/orders", 405), ("GET", "/orders/", 307)],
)
def test_what_the_application_does_not_serve_is_not_refused(
    closed: Server, method: str, path: str, status: int
) -> None:
    assert closed.client.request(method, path).status_code == status


def test_pages_from_elsewhere_may_read_the_refusal(closed: Server) -> None:
    """The gate stands around the CORSMiddleware here."""
    asks = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    assert closed.client.options("/orders", headers=asks).status_code == 200
    answer = closed.client.get("/orders", headers={"Origin": SHOP})
    assert answer.status_code == 503
    assert answer.headers["Access-Control-Allow-Origin"] in (SHOP, "*")


def test_an_encoded_path_is_refused_too(closed: Server) -> None:
    assert closed.client.get("/%6Frders").status_code == 503


def test_a_handshake_is_refused_with_503(closed: Server, name: str) -> None:
    with pytest.raises(InvalidStatus) as caught, closed.talk("/echo", name):
        pass
    answer = caught.value.response
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "120"
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"Service temporarily unavailable" in answer.body
    assert closed.journal(name) == []


def test_an_exempt_path_is_served(closed: Server, name: str) -> None:
    assert closed.client.get("/wake", params={"name": name}).status_code == 200
    with closed.talk("/exempt/echo", name) as socket:
        socket.send("hello")
        assert socket.recv() == "hello"


def test_a_file_removed_ends_it(closed: Server) -> None:
    closed.file.unlink()
    closed.wait_for_code(200)
