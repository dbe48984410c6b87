"""What a gate counts for others: before it checks, and until nothing runs any more."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, WebSocket
from fastapi.testclient import TestClient

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    _gates,
    force_maintenance_mode_off,
    maintenance_mode_off,
    needs,
)
from fastapi_maintenance._routes import Routes
from fastapi_maintenance._threads import count_all
from fastapi_maintenance.backends import BaseStateBackend, ledger
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.backends.ledger import ledgers_of
from fastapi_maintenance.testing import maintenance
from fastapi_maintenance.windows import Match, State, Window, state_at
from tests.unit.making import Held, at, fixed, open_since_2026, window
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio

NOW = at("2026-06-01T12:00Z")
OPEN = fixed(("2026-01-01T00:00Z", None))


class Reported(Held):
    """A backend in memory whose gates count for others."""

    reports = True


@pytest.fixture(autouse=True)
def _not_for_other_tests() -> Iterator[None]:
    """Counting, once begun, goes on for the whole process."""
    of_anyio, of_asyncio, tracking = anyio.to_thread.run_sync, asyncio.to_thread, _gates.tracking
    yield
    anyio.to_thread.run_sync, asyncio.to_thread = of_anyio, of_asyncio
    _gates.tracking = tracking
    for gate in _gates.all_known():
        gate.hurry()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Shop:
    """An application whose requests begin, and end when the test says so."""

    def __init__(self, **options: Any) -> None:
        self.backend = Reported()
        self.app = FastAPI()
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.account = Account(self.backend, "orders")
        self._add_routes()
        self.app.add_middleware(MaintenanceModeMiddleware, backend=self.backend, **options)

    def _add_routes(self) -> None:
        def in_thread() -> str:
            self.begun.set()
            assert self.go_on.wait(20)
            return "done"

        async def in_loop() -> str:
            self.begun.set()
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)
            return "done"

        def with_task(tasks: BackgroundTasks) -> str:
            tasks.add_task(in_thread)
            return "answered"

        async def to_thread() -> str:
            return await asyncio.to_thread(in_thread)

        self.app.post("/handed/{id}")(to_thread)
        self.app.post("/export/{id}")(in_thread)
        self.app.get("/export/{id}")(in_thread)
        self.app.post("/loop")(in_loop)
        self.app.post("/free")(force_maintenance_mode_off(in_loop))
        self.app.post("/needing")(needs("orders-db")(in_loop))
        self.app.post("/tasks")(with_task)

        @self.app.websocket("/feed")
        async def feed(socket: WebSocket) -> None:
            await socket.accept()
            self.begun.set()
            with contextlib.suppress(Exception):
                await socket.receive_text()
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)

    def count(self, **changes: Any) -> int:
        """How many requests a window that is open counts."""
        (report,) = self.account.look([window_for(**changes)], (), NOW, stopping=False).windows
        return report.in_flight

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://shop")

    @contextlib.asynccontextmanager
    async def running(self, method: str, path: str) -> AsyncIterator[asyncio.Task[Any]]:
        """While a request runs."""
        async with self.client() as client:
            task = asyncio.create_task(client.request(method, path))
            await self.has_begun()
            try:
                yield task
            finally:
                self.go_on.set()
                await asyncio.wait([task])

    async def has_begun(self) -> None:
        while not self.begun.is_set():
            await asyncio.sleep(0.005)


def window_for(**changes: Any) -> Window:
    return window(OPEN, **{"apps": ("orders",), "uid": "u", **changes})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


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
    mode = narrowed.pop("mode", "Full")
    shop = Shop()
    async with shop.running(method, path):
        assert shop.count(mode=mode, match=Match(**narrowed)) == counts


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
        wait_for(lambda: shop.count() == 0, timeout=5)


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


@pytest.mark.parametrize("path", ["/export/1", "/handed/1"], ids=["anyio", "asyncio"])
async def test_r2_a_request_whose_thread_outlives_its_cancellation_stays_counted(path: str) -> None:
    """A timeout, or a server that shuts down, cancels the task; the thread writes on."""
    shop = Shop()
    async with shop.running("POST", path) as task:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.done()
        assert shop.count() == 1
        assert shop.account.in_flight() == 1
    await until(lambda: shop.count() == 0)
    assert shop.account.in_flight() == 0


async def test_r2_a_timeout_within_the_application_hides_no_thread_either() -> None:
    """The gate sees an ordinary answer."""
    shop = Shop()

    class Timeout:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            try:
                await asyncio.wait_for(self.app(scope, receive, send), 0.1)
            except TimeoutError:
                await send({"type": "http.response.start", "status": 504, "headers": []})
                await send({"type": "http.response.body", "body": b""})

    app = MaintenanceModeMiddleware(Timeout(routes_of(shop)), backend=shop.backend)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://shop"
    ) as client:
        assert (await client.post("/export/1")).status_code == 504
    assert shop.begun.is_set()
    assert shop.count() == 1
    shop.go_on.set()
    await until(lambda: shop.count() == 0)


def routes_of(shop: Shop) -> Any:
    """The application without its gate."""
    bare = FastAPI()
    bare.router.routes.extend(shop.app.router.routes)
    return bare


async def test_r2_work_that_was_cancelled_before_a_thread_took_it_does_not_count_for_ever() -> None:
    """All threads are busy: it waits for its turn, and never gets it."""
    shop = Shop()
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    try:
        async with shop.running("POST", "/export/1"), shop.client() as client:
            waiting = asyncio.create_task(client.post("/export/2"))
            await until(lambda: shop.count() == 2)
            waiting.cancel()
            await asyncio.wait([waiting])
            del waiting
            gc.collect()
            await until(lambda: shop.count() == 1)
    finally:
        limiter.total_tokens = 40


class Closing(Reported):
    """Is closed between the moment that a request is let come and that at which it is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bool] = []
        self.waits: list[int] = []
        self.account = Account(self, "orders")

    @property
    def ready(self) -> bool:  # type: ignore[override]
        return self.answers.pop(0) if self.answers else True

    async def wait_until_ready(self) -> None:
        self.waits.append(self.account.in_flight())


def test_r2_a_closed_gate_lets_nobody_in_who_is_not_counted_anew() -> None:
    """Counted first, then checked whether anybody is still told."""
    backend, counts = Closing(), []
    app = FastAPI()

    @app.post("/loop")
    def loop() -> None:
        counts.append(backend.account.in_flight())

    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    with TestClient(app) as client:
        backend.waits.clear()
        backend.answers = [True, False]
        assert client.post("/loop").status_code == 200
    assert backend.waits == [0], "it is not counted while it waits"
    assert counts == [1]


async def test_r11_enable_maintenance_false_is_said() -> None:
    shop = Shop(enable_maintenance=False)
    async with shop.client() as client:
        await client.post("/nothing")
    assert reason(shop) == "EnableMaintenanceFalse"


async def test_r11_a_state_that_a_test_has_put_in_is_said() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.post("/nothing")
    with maintenance.off(shop.app):
        assert reason(shop) == "UnderTest"
    assert reason(shop) is None


async def test_r11_what_a_test_puts_in_is_seen_after_it_too() -> None:
    """By who looks now and then, and must count anew what was let in meanwhile."""
    shop = Shop()
    async with shop.client() as client:
        await client.post("/nothing")
    before, lapses = shop.account.turns(), shop.account.lapses()
    with maintenance.off(shop.app):
        pass
    assert shop.account.lapses() == lapses
    assert shop.account.turns() != before


async def test_r11_of_several_gates_the_one_that_does_not_enforce_is_said() -> None:
    shop = Shop()
    other = MaintenanceModeMiddleware(FastAPI(), False, shop.backend)
    async with shop.client() as client:
        await client.post("/nothing")
    assert reason(shop) == "EnableMaintenanceFalse"
    assert other


async def test_r11_enable_maintenance_true_is_said_where_it_serves_reads() -> None:
    """A full window refuses them."""
    for read_only, expected in ((True, "EnableMaintenanceTrue"), (False, None)):
        shop = Shop(enable_maintenance=True, read_only=read_only)
        async with shop.client() as client:
            await client.post("/nothing")
        assert reason(shop) == expected


class Asking(BaseStateBackend):
    """A backend of one's own that asks another."""

    def __init__(self, inner: BaseStateBackend) -> None:
        self.inner = inner

    async def get_value(self) -> bool:
        return await self.inner.get_value()


async def test_r11_a_backend_that_no_gate_asks_promises_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is no gate nothing comes in, and work that is counted asks it."""
    monkeypatch.setattr(ledger, "_known", weakref.WeakSet())
    backend = Reported()
    account = Account(backend, "orders")

    def said() -> str | None:
        return account.look([window_for()], (), NOW, stopping=False).windows[0].reason

    assert said() is None
    gate = MaintenanceModeMiddleware(FastAPI(), backend=Asking(backend))
    assert [said(), said()] == ["NoGate"] * 2
    assert caplog.text.count("give the middleware the object itself") == 1
    working = backend.work("charge")
    assert said() is None
    assert gate
    assert working


async def test_r11_an_object_for_the_state_that_a_gate_asks_for_says_nothing_of_gates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one that is asked says what is let in."""
    monkeypatch.setattr(ledger, "_known", weakref.WeakSet())
    backends = [Reported(), Reported()]
    for backend in backends:
        monkeypatch.setattr(backend, "state_key", lambda: "orders")
    gate = MaintenanceModeMiddleware(FastAPI(), backend=backends[0])
    assert Account(backends[1], "orders").lapses() == (None, None)
    assert gate


def test_a_backend_is_found_however_deep_it_was_given() -> None:
    first, second = Reported(), Held()
    gate = MaintenanceModeMiddleware(FastAPI(), backend=[Held(), [second, [first, Held()]]])
    assert [ledger is gate.live for ledger in ledgers_of(first)] == [True]


def test_a_block_that_turns_one_of_several_off_does_not_open_a_window_of_another() -> None:
    """Also where an argument is what it is to undo."""
    first, second = Held(), Held(open_since_2026())
    gate = MaintenanceModeMiddleware(FastAPI(), True, [first, second])
    with maintenance_mode_off(first):
        assert not gate.decide().quiet
        with maintenance_mode_off(second):
            assert gate.decide().quiet


def reason(shop: Shop) -> str | None:
    return shop.account.look([window_for()], (), NOW, stopping=False).windows[0].reason


async def test_what_several_backends_together_decide_counts_for_each_of_them() -> None:
    """A file to break the glass beside the cluster changes nothing."""
    first, second = Reported(), Held()
    gate = MaintenanceModeMiddleware(FastAPI(), backend=[first, second])
    assert [ledger is gate.live for ledger in ledgers_of(first)] == [True]
    assert list(ledgers_of(Held())) == []
