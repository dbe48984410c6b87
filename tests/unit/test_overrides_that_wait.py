"""Blocks that wait until what they refuse has ended: counted, then checked."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import anyio
import anyio.to_thread
import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.testclient import TestClient

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    maintenance_mode_on,
)
from fastapi_maintenance.windows import OFF, State
from tests.unit.blocks import Slow, Store, asking, drained, is_on, shop
from tests.unit.making import Held
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("no_other_middlewares")


@pytest.mark.anyio
async def test_a_block_that_is_cancelled_while_it_waits_leaves_nothing_on() -> None:
    async with Slow() as slow:
        task = asyncio.create_task(drained(slow.backend))
        while not is_on(slow.backend):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_on(slow.backend)


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/slow", "/after"])
async def test_a_block_waits_for_what_runs(path: str) -> None:
    """A background task, too: it writes as its request would."""
    async with Slow(path) as slow:

        async def work() -> None:
            async with maintenance_mode_on(slow.backend, wait_for="drained", timeout=30):
                slow.events.append("drained")

        working = asyncio.create_task(work())
        await asyncio.sleep(0.1)
        assert is_on(slow.backend)  # new ones are refused meanwhile
        assert (await slow.client.get("/orders")).status_code == 503
        assert slow.events == []
        slow.may_end.set()
        await working
    assert slow.events == ["ended", "drained"]
    assert not is_on(slow.backend)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["mount", "mount in a mount", "router", "plain function"])
async def test_wherever_it_is_served(kind: str) -> None:
    """A router changes the scope of a request on its way; it is the same request."""
    backend, begun, may_end = Held(OFF), asyncio.Event(), threading.Event()
    app, router = FastAPI(), APIRouter(prefix="/shop")
    loop = asyncio.get_running_loop()

    def plain() -> None:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait(30)

    async def wait() -> None:
        await anyio.to_thread.run_sync(plain)

    path = "/shop/slow"
    if kind == "router":
        router.get("/slow")(wait)
        app.include_router(router)
    elif kind == "plain function":
        app.get(path)(plain)
    else:
        inner = FastAPI()
        inner.get("/slow")(wait)
        if kind == "mount in a mount":
            middle = FastAPI()
            middle.mount("/books", inner)
            inner, path = middle, "/shop/books/slow"
        app.mount("/shop", inner)
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    async with asking(app) as client:
        request = asyncio.create_task(client.get(path))
        await begun.wait()
        try:
            with pytest.raises(TimeoutError):
                await drained(backend, timeout=0.1)
        finally:
            may_end.set()
        assert (await request).status_code == 200
        await drained(backend, timeout=5)


@pytest.mark.anyio
async def test_without_waiting_a_block_begins_at_once() -> None:
    async with Slow() as slow:
        waits: tuple[Any, ...] = (None, "enforced")
        for word in waits:
            with anyio.fail_after(5):
                async with maintenance_mode_on(slow.backend, wait_for=word):
                    assert (await slow.client.get("/orders")).status_code == 503


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/open", "/nothing", "/healthz"])
async def test_what_the_block_would_not_refuse_is_not_waited_for(path: str) -> None:
    """Forced off, served by no route, exempt."""
    async with Slow(path, exempt_paths=["/healthz"]) as slow:
        await drained(slow.backend, timeout=5)


@pytest.mark.anyio
async def test_what_is_refused_is_not_waited_for() -> None:
    """Its answer may be slow."""
    slow: Slow = Slow(response_handler=lambda request: slow.refused(request))
    with maintenance_mode_on(slow.backend):
        async with slow:
            await drained(slow.backend, timeout=5)


@pytest.mark.anyio
async def test_requests_of_another_backend_are_not_waited_for() -> None:
    async with Slow():
        await drained(Held(OFF), timeout=5)


@pytest.mark.anyio
@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("inner_gate", [False, True])
async def test_the_request_that_asks_is_not_waited_for(mounted: bool, inner_gate: bool) -> None:
    """Nor is it the one of a gate further out, of the same backend."""
    backend = Held(OFF)
    app = FastAPI()

    @app.post("/deploy")
    async def deploy() -> str:
        async with maintenance_mode_on(wait_for="drained", timeout=2):
            return "deployed"

    @app.post("/deploy-plainly")
    def deploy_plainly() -> str:
        with maintenance_mode_on(wait_for="drained", timeout=2):
            return "deployed"

    if inner_gate:
        app.add_middleware(MaintenanceModeMiddleware, backend=backend)
    outer = FastAPI()
    outer.mount("/inner", app)
    if mounted or not inner_gate:
        outer.add_middleware(MaintenanceModeMiddleware, backend=backend)
    async with asking(outer) as client:
        for path in ("/inner/deploy", "/inner/deploy-plainly"):
            assert (await client.post(path)).json() == "deployed"


@pytest.mark.anyio
@pytest.mark.parametrize("count", [1, 2])
async def test_what_takes_too_long_is_told_and_leaves_nothing_on(count: int) -> None:
    async with Slow(count=count) as slow:
        with pytest.raises(TimeoutError, match=rf"^{count} requests? .*after 0.1 s; maintenance"):
            async with maintenance_mode_on(slow.backend, wait_for="drained", timeout=0.1):
                raise AssertionError("never entered")
        assert not is_on(slow.backend)
        assert (await slow.client.get("/orders")).status_code == 200


@pytest.mark.anyio
async def test_in_a_plain_block_too() -> None:
    async with Slow() as slow:

        def work(timeout: float) -> None:
            with maintenance_mode_on(slow.backend, wait_for="drained", timeout=timeout):
                assert slow.may_end.is_set()

        with pytest.raises(TimeoutError, match=r"^1 requests? .*after 0.1 s"):
            await anyio.to_thread.run_sync(work, 0.1)
        assert not is_on(slow.backend)
        working = asyncio.create_task(anyio.to_thread.run_sync(work, 30))
        await asyncio.sleep(0.1)
        assert not working.done()
        slow.may_end.set()
        await working
    assert not is_on(slow.backend)


@pytest.mark.anyio
@pytest.mark.parametrize("wait_for_", ["enforced", "drained"])
async def test_a_plain_block_that_waits_within_the_loop_says_what_to_write(
    wait_for_: Any,
) -> None:
    backend = Held(OFF)
    with (
        pytest.raises(RuntimeError, match="write `async with`"),
        maintenance_mode_on(backend, wait_for=wait_for_),
    ):
        raise AssertionError("never entered")
    assert not is_on(backend)


@pytest.mark.anyio
async def test_an_inner_error_by_time_is_not_taken_for_ours() -> None:
    with pytest.raises(TimeoutError, match=r"^mine$"):
        async with maintenance_mode_on(Held(OFF), wait_for="drained"):
            raise TimeoutError("mine")


@pytest.mark.anyio
async def test_where_the_time_is_up_a_store_is_as_before() -> None:
    store = Store()
    async with Slow(backend=store):
        with pytest.raises(TimeoutError, match=r"^1 requests? "):
            await drained(store, timeout=0.1)
        assert store.value is False


@pytest.mark.parametrize("word", ["drain", "", True, 0])
def test_what_else_cannot_be_waited_for(word: Any) -> None:
    with pytest.raises(ValueError, match="write 'enforced', 'drained' or nothing"):
        maintenance_mode_on(wait_for=word)


@pytest.mark.anyio
@pytest.mark.parametrize("mounted", [False, True])
async def test_a_websocket_is_waited_for_until_it_is_closed(mounted: bool) -> None:
    """The watch closes it within a second, as the block would refuse it; then its code may end."""
    backend = Held(OFF)
    app = FastAPI() if mounted else shop(backend)
    over: list[int] = []

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        code = (await socket.receive())["code"]
        await asyncio.sleep(0.5)  # as it writes down what it has
        over.append(code)

    def work() -> None:
        with maintenance_mode_on(backend, wait_for="drained", timeout=30):
            assert over == [1012]

    outer = shop(backend) if mounted else app
    if mounted:
        outer.mount("/inner", app)
    path = "/inner/talk" if mounted else "/talk"
    with TestClient(outer) as client, client.websocket_connect(path):
        await anyio.to_thread.run_sync(work)


# Counted, then checked: forced to happen at the worst moment.


class Pausing(Held):
    """Stops a request after it has looked for blocks, and before it goes on."""

    def __init__(self) -> None:
        super().__init__(OFF)
        self.paused, self.may_go_on = threading.Event(), threading.Event()
        self.pauses = False

    def state(self) -> State:
        if self.pauses:
            self.pauses = False
            self.paused.set()
            assert self.may_go_on.wait(30)
        return super().state()


def test_a_request_that_was_let_in_just_before_a_block_is_waited_for() -> None:
    """Its thread loses the processor between its look for blocks and its call of the endpoint."""
    backend = Pausing()
    events: list[str] = []
    app = shop(backend)

    @app.get("/slow")
    async def slow() -> str:
        events.append("serving")
        await asyncio.sleep(0.1)
        events.append("served")
        return "a book"

    def deploy() -> None:
        with maintenance_mode_on(backend, wait_for="drained", timeout=30):
            events.append("drained")

    client = TestClient(app)
    assert client.get("/orders").status_code == 200
    backend.pauses = True
    seen: list[int] = []
    request = threading.Thread(target=lambda: seen.append(client.get("/slow").status_code))
    request.start()
    assert backend.paused.wait(30)
    deploying = threading.Thread(target=deploy)
    deploying.start()
    wait_for(lambda: is_on(backend), 30, "the block")
    time.sleep(0.1)
    assert events == []
    backend.may_go_on.set()
    request.join()
    deploying.join()
    assert seen == [200]
    assert events == ["serving", "served", "drained"]


@pytest.mark.anyio
async def test_a_request_that_waits_for_its_backend_meets_the_block() -> None:
    """It is not counted yet, so it must be checked afterwards."""
    asked, may_answer = asyncio.Event(), asyncio.Event()

    class Waits(Store):
        async def _pass(self, call: Any) -> None:
            if call == "get" and not asked.is_set():
                asked.set()
                await may_answer.wait()

    store = Waits()
    async with asking(shop(store)) as client:
        request = asyncio.create_task(client.get("/orders"))
        await asked.wait()
        async with maintenance_mode_on(store, wait_for="drained", timeout=5):
            may_answer.set()
            assert (await request).status_code == 503


def test_no_request_is_served_within_a_block_that_hasdrained() -> None:
    """Many threads ask while blocks come and go; what an endpoint does is checked."""
    backend = Held(OFF)
    app = shop(backend)
    within = threading.Event()
    wrong: list[str] = []
    served = refused = 0

    @app.get("/work")
    def work() -> None:
        if within.is_set():
            wrong.append("begun within a block")
        time.sleep(0.002)
        if within.is_set():
            wrong.append("ended within a block")

    over = threading.Event()

    def ask() -> None:
        nonlocal served, refused
        client = TestClient(app)
        while not over.is_set():
            if client.get("/work").status_code == 200:
                served += 1
            else:
                refused += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            time.sleep(0.02)
            with maintenance_mode_on(backend, wait_for="drained", timeout=30):
                within.set()
                time.sleep(0.01)
                within.clear()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert served > 0
    assert refused > 0
