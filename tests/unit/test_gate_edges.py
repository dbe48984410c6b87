"""Where several things meet: modes, blocks that fail halfway, names that are imported late."""

from __future__ import annotations

import logging

import anyio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi_maintenance import (
    BaseStateBackend,
    EnvVarBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    StateNotWritten,
    maintenance_mode_off,
    maintenance_mode_on,
)
from fastapi_maintenance.windows import OFF, Match, state_at
from tests.python import python
from tests.unit.gated import shop
from tests.unit.making import Held, at, fixed, open_since_2026, window
from tests.unit.streaming import Client, accepted, listens
from tests.unit.streaming import shop as streaming_shop

NOON = "2026-06-01T12:00Z"


@pytest.mark.anyio
async def test_a_full_window_ends_a_socket_beside_a_longer_read_only_one() -> None:
    held = Held(OFF)
    client = Client(streaming_shop(listens, backend=held), "websocket", "/talk")
    await client.sees(accepted)
    full = window(fixed((NOON, "2026-06-01T13:00Z")), match=Match(paths=("/talk",)))
    longer = window(fixed((NOON, None)), name="longer", mode="ReadOnly")
    held.held = state_at([full, longer], None, at(NOON))
    await client.closes(1012)


def test_blocks_of_several_that_fail_halfway_leave_nothing_open() -> None:
    first = EnvVarBackend("NO_SUCH_VARIABLE")
    with (
        pytest.raises(StateNotWritten),
        maintenance_mode_off([first, LocalFileBackend("/nonexistent/folder/mode")]),
    ):
        pass
    assert first.block() is None


@pytest.mark.anyio
async def test_a_store_that_hangs_is_said_in_time_and_leaves_no_block() -> None:
    class Hanging(BaseStateBackend):
        backend_timeout = 0.05

        async def get_value(self) -> bool:
            await anyio.sleep_forever()
            raise AssertionError

    hanging = Hanging()
    with pytest.raises(StateNotWritten, match="no answer within"), anyio.fail_after(10):
        async with maintenance_mode_on(hanging):
            pass


def test_probes_of_many_addresses_of_one_route_are_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Anybody may call himself a probe."""
    client = TestClient(shop(backend=Held(open_since_2026())))
    for number in range(100):
        client.get(f"/orders/{number}", headers={"User-Agent": "kube-probe/1.37"})
    assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1


class TakesAway:
    """Takes the prefix ``/v1`` away from paths."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/v1")
        await self.app({**scope, "path": path, "raw_path": path.encode()}, receive, send)


@pytest.mark.parametrize("path", ["/orders/1", "/v1/orders/1"])
def test_a_middleware_that_rewrites_paths_is_added_after_the_gate(path: str) -> None:
    """Then the gate decides by what becomes of them, as the docs say."""
    app = shop(backend=Held(open_since_2026()))
    app.add_middleware(TakesAway)
    assert TestClient(app).get(path).status_code == 503
    assert TestClient(app).get("/v1/unknown").status_code == 404


def test_a_middleware_inside_that_serves_what_the_gate_takes_for_unknown_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not what is not found, redirected or refused by it, and nothing while all are served."""
    held = Held(OFF)
    app = FastAPI()
    app.add_middleware(TakesAway)
    app.add_middleware(MaintenanceModeMiddleware, backend=held, exempt_paths=["/v1/open"])
    for path in ("/orders", "/open"):
        app.get(path)(lambda: "a book")
    client = TestClient(app, follow_redirects=False)
    assert client.get("/v1/orders").status_code == 200
    held.held = open_since_2026()
    answers = {"/v1/unknown": 404, "/v1/orders/": 307, "/orders": 503, "/v1/open": 200}
    assert {path: client.get(path).status_code for path in answers} == answers
    assert [r for r in caplog.records if r.levelno == logging.ERROR] == []
    for _ in range(2):
        assert client.get("/v1/orders").status_code == 200
    (told,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert told.getMessage().startswith("GET '/v1/orders' was served during maintenance")


LATE = """
import asyncio, fastapi_maintenance as package
from fastapi import FastAPI

async def main():
    backend, begun, may_end = package.EnvVarBackend("NO_SUCH"), asyncio.Event(), asyncio.Event()
    app = FastAPI()
    app.add_middleware(package.MaintenanceModeMiddleware, backend=backend)

    @app.get("/slow")
    async def slow():
        begun.set()
        await may_end.wait()

    async def receive(): return {"type": "http.request"}
    async def send(message): pass
    scope = {"type": "http", "method": "GET", "path": "/slow", "headers": [], "query_string": b""}
    request = asyncio.create_task(app(scope, receive, send))
    await begun.wait()
    try:
        async with package.maintenance_mode_on(backend, wait_for="drained", timeout=0.2):
            print("drained", request.done())
    except TimeoutError:
        print("waited")
    may_end.set()
    await request
    async with package.maintenance_mode_on(backend, wait_for="drained", timeout=5):
        print("drained", request.done())

asyncio.run(main())
"""


def test_requests_from_before_the_name_was_first_used_are_waited_for() -> None:
    assert python("-c", LATE).splitlines() == ["waited", "drained True"]
