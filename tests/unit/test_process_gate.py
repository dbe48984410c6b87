"""What a gate counts for others: before it checks, and until nothing runs any more."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from fastapi_maintenance import MaintenanceModeMiddleware, _gates
from fastapi_maintenance._routes import Routes
from fastapi_maintenance._threads import count_all
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.windows import Match, State, state_at
from tests.unit.counted import NOW, Reported, Shop, until, window_for
from tests.unit.making import Held
from tests.waiting import wait_for

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("counting_ends")]


async def test_r5_a_request_that_was_let_in_before_counts_once_a_window_opens() -> None:
    """With its route and its age, never its path."""
    shop = Shop()
    async with shop.running("POST", "/export/4711"):
        report = shop.account.look([window_for()], (), NOW, stopping=False).windows[0]
        assert report.in_flight == 1
        assert [(f.method, f.route) for f in report.oldest] == [("POST", "/export/{id}")]
    assert shop.count() == 0


@pytest.mark.parametrize(
    ("method", "path", "narrowed", "counts"),
    [
        ("POST", "/export/1", {}, 1),
        ("GET", "/export/1", {"mode": "ReadOnly"}, 0),
        ("POST", "/export/1", {"mode": "ReadOnly"}, 1),
        ("POST", "/free", {}, 0),
        ("POST", "/needing", {"dependencies": ("orders-db",)}, 1),
        ("POST", "/loop", {"dependencies": ("orders-db",)}, 0),
        ("POST", "/loop", {"paths": ("/other",)}, 0),
        ("POST", "/loop", {"paths": ("/lo*",)}, 1),
    ],
)
async def test_r5_what_the_window_would_let_through_does_not_count(
    method: str, path: str, narrowed: dict[str, Any], counts: int
) -> None:
    match = {field: value for field, value in narrowed.items() if field != "mode"}
    shop = Shop()
    async with shop.running(method, path):
        assert shop.count(mode=narrowed.get("mode", "Full"), match=Match(**match)) == counts


async def test_r5_what_arguments_exempt_does_not_count_and_what_a_handler_may_does() -> None:
    """An exempt handler's word can't be asked for afterwards."""
    exempt = Shop(exempt_paths=["/loop"])
    async with exempt.running("POST", "/loop"):
        assert exempt.count() == 0
    handled = Shop(exempt_handler=lambda _: True)
    async with handled.running("POST", "/loop"):
        assert handled.count() == 1


async def test_r5_a_refused_request_is_uncounted_before_its_answer_is_sent() -> None:
    """Whoever hears the refusal may rely on the count."""
    shop = Shop()
    shop.backend.held = refusing()
    counts = []

    async def send(message: Any) -> None:
        counts.append((message["type"], shop.count()))

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    await shop.app(http_scope("/loop"), receive, send)
    assert [count for _, count in counts] == [0, 0]


def refusing() -> State:
    return state_at([window_for()], "orders", NOW)


def http_scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("shop", 80),
        "client": ("192.0.2.1", 1),
    }


async def test_r5_however_often_it_is_counted_the_route_of_a_request_is_sought_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many windows may be open, and a process looks five times a second."""
    shop = Shop()
    async with shop.running("POST", "/export/1"):
        assert shop.count() == 1
        monkeypatch.setattr(Routes, "target", lambda *_: pytest.fail("it is sought again"))
        assert shop.count(match=Match(paths=("/export/*",))) == 1
        assert shop.count(match=Match(paths=("/other",))) == 0


async def test_r5_a_background_task_counts_until_it_ends() -> None:
    shop = Shop()
    async with shop.running("POST", "/tasks"):
        assert shop.count() == 1
    await until(lambda: shop.count() == 0)


def test_r5_a_socket_that_maintenance_has_closed_counts_until_its_endpoint_has_returned() -> None:
    """It, or a thread of its, may write until then."""
    shop = Shop()
    with TestClient(shop.app) as client, client.websocket_connect("/feed") as socket:
        assert shop.begun.wait(20)
        assert shop.count() == 1
        shop.backend.held = refusing()
        assert socket.receive()["code"] == 1012
        assert shop.count() == 1
        shop.go_on.set()
        wait_for(lambda: shop.count() == 0)


class Interleaved(Reported):
    """Stops a request just before, or just after, it asks what holds."""

    def __init__(self) -> None:
        super().__init__()
        self.stops_before = self.stops_after = False
        self.reached, self.go_on = threading.Event(), threading.Event()

    def state(self) -> State:
        self._stop(self.stops_before)
        state = self.held
        self._stop(self.stops_after)
        return state

    def _stop(self, stops: bool) -> None:
        if stops:
            self.reached.set()
            assert self.go_on.wait(20)


@pytest.mark.parametrize("where", ["stops_before", "stops_after"])
def test_r5_no_interleaving_lets_a_request_in_that_is_neither_refused_nor_counted(
    where: str,
) -> None:
    """A window opens, and is reported, while a request is about to look, or has just looked."""
    backend, begun, go_on = Interleaved(), threading.Event(), threading.Event()
    app = FastAPI()

    @app.post("/loop")
    def loop() -> str:
        begun.set()
        assert go_on.wait(20)
        return "done"

    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    account = Account(backend, "orders")
    codes = []
    with TestClient(app) as client:
        client.post("/nothing")
        setattr(backend, where, True)
        ask = threading.Thread(target=lambda: codes.append(client.post("/loop").status_code))
        ask.start()
        assert backend.reached.wait(20)
        backend.held = refusing()  # in force, and only then counted
        (report,) = account.look([window_for()], (), NOW, stopping=False).windows
        assert report.enforcing
        counted = report.in_flight
        setattr(backend, where, False)
        backend.go_on.set()
        go_on.set()
        ask.join(20)
    assert counted == 1, "it may still get in"
    assert codes == [503 if where == "stops_before" else 200]
    assert begun.is_set() is (where == "stops_after")
    assert account.look([window_for()], (), NOW, stopping=False).windows[0].in_flight == 0


async def test_r5_requests_from_before_counting_began_count_for_every_window() -> None:
    """Nobody kept what they are."""
    _gates.tracking = False
    backend = Held()
    shop_begun, go_on = asyncio.Event(), asyncio.Event()
    app = FastAPI()

    @app.get("/loop")
    async def loop() -> str:
        shop_begun.set()
        await go_on.wait()
        return "done"

    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://shop"
    ) as client:
        task = asyncio.create_task(client.get("/loop"))
        await shop_begun.wait()
        count_all()
        account = Account(backend, "orders")
        narrow = window_for(mode="ReadOnly")
        assert account.look([narrow], (), NOW, stopping=False).windows[0].in_flight == 1
        go_on.set()
        await task
        assert account.look([narrow], (), NOW, stopping=False).windows[0].in_flight == 0
