"""While maintenance is off, an application answers as without the gate."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.servers import SHOP
from tests.servers.conftest import Serve
from tests.servers.serving import PATIENCE, Server
from tests.waiting import wait_for

UPLOAD = os.urandom(5 << 20)
FAULT = "RuntimeError: a fault of the application"


@pytest.fixture(scope="module")
def bare(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same shop without the gate."""
    server = Server(kind, tmp_path_factory.mktemp(kind), "bare")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def facts(response: httpx.Response) -> dict[str, Any]:
    """What may be compared of an answer."""
    headers = {n: v for n, v in response.headers.multi_items() if n != "date"}
    return {"status": response.status_code, "headers": headers, "body": response.content}


PREFLIGHT = {"Origin": SHOP, "Access-Control-Request-Method": "GET"}
REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/orders", {}, 200),
    ("HEAD", "/orders", {}, 200),
    ("OPTIONS", "/orders", {}, 405),
    ("OPTIONS", "/orders", {"headers": PREFLIGHT}, 200),
    ("POST", "/orders", {"content": b"a pen"}, 200),
    ("DELETE", "/orders", {}, 405),
    ("GET", "/orders/", {}, 307),
    ("GET", "/nothing", {}, 404),
    ("GET", "/lines", {}, 200),
    ("POST", "/uploads", {"content": UPLOAD}, 200),
    ("GET", "/titles/War%20%26%20Peace/%C3%A9tude%2Fx%3Fy?q=%2F", {}, 200),
    ("GET", "/events?name=compared&most=3", {}, 200),
    ("GET", "/docs", {}, 200),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "more", "status"), REQUESTS, ids=[f"{m} {p}" for m, p, _, _ in REQUESTS]
)
def test_a_request_is_answered_as_without_the_gate(
    server: Server, bare: Server, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    theirs = facts(bare.client.request(method, path, **more))
    ours = facts(server.client.request(method, path, **more))
    there, here = f":{bare.port}/", f":{server.port}/"
    if location := theirs["headers"].get("location"):
        theirs["headers"]["location"] = location.replace(there, here)
    assert theirs["status"] == status
    assert ours == theirs


def test_an_upload_without_a_length_arrives_whole(server: Server) -> None:
    chunks = (UPLOAD[at : at + 70_000] for at in range(0, len(UPLOAD), 70_000))
    assert server.client.post("/uploads", content=chunks).json()[0] == len(UPLOAD)


def test_a_background_task_runs(server: Server, name: str) -> None:
    server.client.post("/orders", params={"name": name}, content=b"a pen")
    server.wait_for_note(name, "delivered")


def test_a_fault_of_the_application_is_a_500_and_is_logged(server: Server, bare: Server) -> None:
    server.expects_faults = True
    responses = [shop.client.get("/fault") for shop in (bare, server)]
    assert facts(responses[1]) == facts(responses[0])
    assert responses[1].status_code == 500
    server.wait_for_faults(FAULT)


def test_a_fault_ends_nothing_else(server: Server) -> None:
    server.expects_faults = True
    codes = []
    for path in ("/fault", "/orders", "/fault"):
        with server.asking() as client:  # some servers close the connection of a fault
            codes.append(client.get(path).status_code)
    assert codes == [500, 200, 500]
    server.wait_for_faults(FAULT, 2)


def test_a_websocket_talks(server: Server, name: str) -> None:
    with server.talk("/echo", name) as socket:
        for text in ("hello", "é" * 40_000):
            socket.send(text)
            assert socket.recv() == text
        socket.close(4001, "enough")
    # Which code the endpoint sees is the server's: hypercorn says 1006.
    wait_for(lambda: server.journal(name), PATIENCE, "the endpoint to see the disconnect")


def test_events_arrive_as_they_are_sent(server: Server, name: str) -> None:
    """The second is sent only once the first was seen."""
    with server.client.stream("GET", "/events", params={"name": name, "idle": True}) as stream:
        lines = filter(None, stream.iter_lines())
        assert next(lines) == "data: 0"
        server.client.get("/wake", params={"name": name})
        assert next(lines) == "data: 1"
    server.wait_for_note(name, "finalised")


ROOTED = {
    "uvicorn": ["--root-path", "/shop"],
    "hypercorn": ["--root-path", "/shop"],
    "hypercorn-trio": ["--root-path", "/shop"],
    "granian": ["--url-path-prefix", "/shop"],
}


@pytest.mark.parametrize("said_by", ["server", "application"])
def test_below_a_root_path_all_is_as_without_the_gate(
    kind: str, serve: Serve, said_by: str
) -> None:
    """Off; and on, an unknown path stays unknown, and docs open."""
    arguments = ROOTED[kind] if said_by == "server" else []
    suffix = "" if said_by == "server" else "rooted"
    shop = serve(suffix or "app", *arguments, start=False)
    plain = serve(f"bare_{suffix}".strip("_"), *arguments, start=False)
    for each in (shop, plain):
        each.spawn()
    for each in (shop, plain):
        each.wait_ready()
    paths = ("/orders", "/shop/orders", "/shop/titles/a%20b", "/nothing", "/shop/shop/orders")
    before = {path: plain.client.get(path) for path in paths}
    assert 200 in {answer.status_code for answer in before.values()}
    for path in paths:
        assert facts(shop.client.get(path)) == facts(before[path])
    served = [path for path in paths if before[path].status_code == 200]
    shop.turn("on", served[0], on=True)
    after = {path: shop.client.get(path).status_code for path in paths}
    assert after == {path: 503 if path in served else 404 for path in paths}
