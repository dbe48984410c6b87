"""The gate passes what is served on untouched, and answers 503 for what is not."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance import middleware as gate
from fastapi_maintenance.windows import OFF, Mode, Opening, Response, switched
from tests.unit.making import Held, at, open_since_2026

START = at("2026-01-01T00:00Z").timestamp()
ON = switched(Opening())
WRITES = switched(Opening(Mode.READ_ONLY))
DETAIL = {"detail": "Service temporarily unavailable due to maintenance"}


def orders(**options: Any) -> TestClient:
    """An application with orders, behind a gate with these arguments."""
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, **options)

    @app.get("/orders")
    @app.post("/orders")
    @app.head("/orders")
    def answer() -> str:
        return "a book"

    return TestClient(app)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day of the gate: the start of 2026, unless the test sets another."""
    clock = [START]
    monkeypatch.setattr(gate, "wall_clock", lambda: clock[0])
    return clock


def test_while_it_is_off_requests_are_served() -> None:
    answer = orders(backend=Held(OFF)).get("/orders")
    assert (answer.status_code, answer.json()) == (200, "a book")
    assert "X-Maintenance" not in answer.headers


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_while_it_is_off_nothing_is_changed(kind: str) -> None:
    """The scope is the server's own, unchanged, and every message goes through as it is."""
    request = {"type": f"{kind}.request", "body": b"?"}
    answer = {"type": f"{kind}.response.start", "status": 200}
    sent: list[Message] = []
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        assert await receive() is request
        await send(answer)

    async def receive() -> Message:
        return request

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": kind, "method": "GET", "path": "/"}
    kept = dict(scope)
    await MaintenanceModeMiddleware(app, backend=Held(OFF))(scope, receive, send)
    assert seen[0] is scope
    assert scope == kept
    assert sent[0] is answer


@pytest.mark.anyio
async def test_while_it_is_on_the_application_is_not_called() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("refused requests do not reach it")

    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body of a refused request is not read")

    async def send(message: Message) -> None:
        sent.append(message)

    gate: ASGIApp = MaintenanceModeMiddleware(app, backend=Held(ON))
    await gate({"type": "http", "method": "POST", "path": "/orders"}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_a_refusal_says_why_and_when_to_come_back() -> None:
    answer = orders(backend=Held(ON)).get("/orders")
    assert answer.status_code == 503
    assert answer.json() == DETAIL
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Retry-After"] == "3600"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "X-Maintenance" not in answer.headers


def test_a_refusal_by_a_window_names_it() -> None:
    answer = orders(backend=Held(open_since_2026(name="move"))).get("/orders")
    assert answer.headers["X-Maintenance"] == "window=shop/move"


@pytest.mark.parametrize(
    ("elapsed", "seconds"),
    [(0, "60"), (0.001, "60"), (0.999, "60"), (1, "59"), (59.5, "1"), (59.999, "1"), (70, "1")],
)
def test_retry_after_is_the_rest_of_the_window_rounded_up(
    noon: list[float], elapsed: float, seconds: str
) -> None:
    """Whoever comes back then is served; a zero would have clients come back at once."""
    client = orders(backend=Held(open_since_2026("2026-01-01T00:01Z")))
    noon[0] = START + elapsed
    assert client.get("/orders").headers["Retry-After"] == seconds


@pytest.mark.parametrize(("given", "seconds"), [({}, "3600"), ({"retry_after": 120}, "120")])
def test_retry_after_of_an_open_end_is_the_gates_own(given: dict[str, int], seconds: str) -> None:
    answer = orders(backend=Held(open_since_2026()), **given).get("/orders")
    assert answer.headers["Retry-After"] == seconds


def test_a_window_may_say_how_it_is_answered() -> None:
    response = Response("Moving house", 500, 7, (("Link", "<https://x>"), ("X-Team", "db")))
    state = open_since_2026("2026-01-01T00:01Z", response=response)
    answer = orders(backend=Held(state)).get("/orders")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Moving house"})
    wanted = {"Retry-After": "7", "Link": "<https://x>", "X-Team": "db"}
    assert wanted.items() <= {name: answer.headers[name] for name in wanted}.items()
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 405), ("POST", 503)]
)
def test_read_only_serves_reads_as_ever(method: str, status: int) -> None:
    assert orders(backend=Held(WRITES)).request(method, "/orders").status_code == status


def test_a_refused_head_has_the_headers_of_a_refused_get() -> None:
    client = orders(backend=Held(ON))
    head, get = client.head("/orders"), client.get("/orders")
    assert head.status_code == 503
    assert head.headers == get.headers


@pytest.mark.parametrize(("argument", "status"), [(True, 503), (False, 200), (None, 200)])
def test_enable_maintenance_decides_unless_it_is_none(argument: bool | None, status: int) -> None:
    app = orders(enable_maintenance=argument, backend=Held(OFF))
    assert app.get("/orders").status_code == status


def test_enable_maintenance_false_wins_over_a_backend_that_is_on() -> None:
    assert orders(enable_maintenance=False, backend=Held(ON)).get("/orders").status_code == 200


def test_without_a_backend_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "on")
    client = orders()
    assert client.get("/orders").status_code == 503
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "off")
    assert client.get("/orders").status_code == 200


def test_a_change_of_the_state_counts_for_the_very_next_request() -> None:
    backend = Held(OFF)
    client = orders(backend=backend)
    statuses = []
    for backend.held in (OFF, ON, OFF):
        statuses.append(client.get("/orders").status_code)
    assert statuses == [200, 503, 200]


def test_a_backend_that_is_not_ready_is_waited_for() -> None:
    class Late(Held):
        ready = False

        async def wait_until_ready(self) -> None:
            self.held, self.ready = ON, True
            self.calls.append("ready")

    backend = Late()
    client = orders(backend=backend)
    assert client.get("/orders").status_code == 503
    assert client.get("/orders").status_code == 503
    assert backend.calls == ["ready"]


def test_each_application_has_its_own_gate() -> None:
    """A mounted application may be in maintenance while the one around it serves."""
    inner, outer = FastAPI(), FastAPI()
    inner.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True)
    outer.get("/orders")(lambda: "a book")
    outer.mount("/stock", inner)
    inner.get("/shelf")(lambda: "a shelf")
    client = TestClient(outer)
    assert client.get("/orders").status_code == 200
    assert client.get("/stock/shelf").status_code == 503


def test_a_backend_that_is_not_asked_is_not_waited_for() -> None:
    """enable_maintenance decides alone."""

    class NeverReady(Held):
        ready = False

        async def wait_until_ready(self) -> None:
            raise AssertionError("waited")

    assert (
        orders(enable_maintenance=False, backend=NeverReady(OFF)).get("/orders").status_code == 200
    )


def test_an_application_of_plain_starlette_is_refused_and_served_alike() -> None:
    async def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("a book")

    backend = Held(ON)
    app = Starlette(routes=[Route("/orders", answer)])
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    with TestClient(app) as client:
        refused = client.get("/orders")
        backend.held = OFF
        served = client.get("/orders")
    assert (refused.status_code, refused.json()) == (503, DETAIL)
    assert (served.status_code, served.text) == (200, "a book")
    assert backend.calls == ["ready", "close"]


@pytest.mark.anyio
async def test_a_websocket_is_closed_only_after_its_connect_was_received() -> None:
    """The ASGI specification asks for this order."""
    order: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("not reached")

    async def receive() -> Message:
        order.append("websocket.connect")
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        order.append(message["type"])

    scope: Scope = {"type": "websocket", "path": "/talk", "headers": []}
    await MaintenanceModeMiddleware(app, backend=Held(ON))(scope, receive, send)
    assert order == ["websocket.connect", "websocket.close"]
