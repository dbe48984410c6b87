"""Blocks: counted, in their order, told to those who share the backend, and leaving nothing on."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import anyio
import anyio.to_thread
import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response
from starlette.testclient import TestClient

from fastapi_maintenance import (
    BaseStateBackend,
    EnvVarBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    _gates,
    force_maintenance_mode_off,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends.base import StateNotWritten
from fastapi_maintenance.windows import OFF, Opening, State, switched
from tests.unit.making import Held
from tests.waiting import wait_for

ON = switched(Opening())


@pytest.fixture(autouse=True)
def _no_other_middlewares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gates, "configured", None)
    monkeypatch.setattr(_gates, "known", WeakSet())


def is_on(backend: Any) -> bool:
    """What a backend of ours says now, from memory."""
    return bool(backend.decide().reads is not None)


class Store:
    """An async backend of somebody's own, each of whose calls lets others run meanwhile."""

    backend_timeout = 30.0

    def __init__(self, value: Any = False) -> None:
        self.value = value
        self.calls: list[Any] = []
        self.fails: Callable[[Any], bool] = lambda call: False

    async def get_value(self) -> Any:
        await self._pass("get")
        return self.value

    async def set_value(self, value: bool) -> None:
        await self._pass(value)
        self.value = value

    async def _pass(self, call: Any) -> None:
        self.calls.append(call)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self.fails(call):
            raise ConnectionError(f"no {call}")


# The order of blocks.


def test_of_nested_blocks_the_innermost_decides() -> None:
    backend = Held(OFF)
    with maintenance_mode_on(backend):
        assert is_on(backend)
        with maintenance_mode_off(backend):
            assert not is_on(backend)
            with maintenance_mode_on(backend):
                assert is_on(backend)
            assert not is_on(backend)
        assert is_on(backend)
    assert not is_on(backend)


def test_blocks_may_end_in_any_order() -> None:
    backend = Held(ON)
    off, on, off_again = (
        maintenance_mode_off(backend),
        maintenance_mode_on(backend),
        maintenance_mode_off(backend),
    )
    for block in (off, on, off_again):
        block.__enter__()
    on.__exit__(None, None, None)
    assert not is_on(backend)
    off_again.__exit__(None, None, None)
    assert not is_on(backend)
    off.__exit__(None, None, None)
    assert is_on(backend)


def test_a_change_of_the_state_within_a_block_shows_after_it() -> None:
    backend = Held(OFF)
    with maintenance_mode_off(backend):
        backend.held = ON
        assert not is_on(backend)
    assert is_on(backend)


MOVES = st.lists(st.tuples(st.sampled_from(["on", "off", "end", "say"]), st.integers(0, 9)))


@given(moves=MOVES, says=st.booleans())
@settings(deadline=None)
def test_whatever_blocks_begin_and_end_the_latest_open_one_decides(
    moves: list[tuple[str, int]], says: bool
) -> None:
    backend = Held(ON if says else OFF)
    open_blocks: list[tuple[bool, Any]] = []
    with ExitStack() as leftovers:
        for move, number in moves:
            if move == "say":
                backend.held = ON if number % 2 else OFF
            elif move == "end" and open_blocks:
                open_blocks.pop(number % len(open_blocks))[1].__exit__(None, None, None)
            elif move in ("on", "off"):
                block = (maintenance_mode_on if move == "on" else maintenance_mode_off)(backend)
                block.__enter__()
                open_blocks.append((move == "on", block))
            expected = open_blocks[-1][0] if open_blocks else backend.held is ON
            assert is_on(backend) is expected
        for _, block in open_blocks:
            leftovers.push(block.__exit__)
    assert is_on(backend) is (backend.held is ON)


@given(
    plans=st.lists(
        st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6
    ),
    before=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_blocks_of_tasks_that_overlap_leave_a_store_as_it_was(
    plans: list[tuple[bool, int, int]], before: bool
) -> None:
    """Each task waits, is in a block, and ends; the store hears of the innermost."""

    async def work(on: bool, waits: int, lasts: int) -> None:
        for _ in range(waits):
            await asyncio.sleep(0)
        async with maintenance_mode_on(store) if on else maintenance_mode_off(store):
            for _ in range(lasts):
                await asyncio.sleep(0)
            if all(on for on, _, _ in plans):
                assert await get_maintenance_mode(store)
                assert store.value is True

    async def run() -> None:
        await asyncio.gather(*[work(*plan) for plan in plans])

    store = Store(before)
    asyncio.run(run())
    assert store.value is before


def test_blocks_of_threads_that_overlap_leave_nothing_on() -> None:
    backend = Held(OFF)
    problems: list[str] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(200):
            with maintenance_mode_on(backend):
                if chance.random() < 0.3:
                    time.sleep(0.0001)
                if not is_on(backend):
                    problems.append("off within a block")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert not is_on(backend)


@pytest.mark.parametrize("kind", ["variable", "file"])
def test_blocks_of_several_objects_for_one_state_are_counted_together(
    kind: str, tmp_path: Path
) -> None:
    def make() -> Any:
        return EnvVarBackend("SHOP") if kind == "variable" else LocalFileBackend(tmp_path / "mode")

    first, second, third = make(), make(), make()
    with maintenance_mode_on(first):
        assert [is_on(backend) for backend in (first, second, third)] == [True] * 3
        with maintenance_mode_off(second):
            assert [is_on(backend) for backend in (first, second, third)] == [False] * 3
    assert [is_on(backend) for backend in (first, second, third)] == [False] * 3


# Ways to write a block.


@pytest.mark.anyio
async def test_the_same_object_may_be_entered_twice_at_once() -> None:
    backend = Held(OFF)
    block = maintenance_mode_on(backend)
    async with block:
        with block:
            assert is_on(backend)
        assert is_on(backend)
    assert not is_on(backend)
    async with block:
        assert is_on(backend)
    assert not is_on(backend)


@pytest.mark.anyio
async def test_of_one_object_in_two_tasks_each_ends_its_own_block() -> None:
    """The first to leave once ended the block of the second."""
    backend = Held(OFF)
    block = maintenance_mode_on(backend)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with block:
            entered.set()
            await leave.wait()

    task = asyncio.create_task(first())
    await entered.wait()
    with maintenance_mode_off(backend):
        async with block:
            assert is_on(backend)
            leave.set()
            await task
            assert is_on(backend)
        assert not is_on(backend)
    assert not is_on(backend)


def test_of_one_object_in_two_threads_each_ends_its_own_block() -> None:
    backend = Held(OFF)
    block = maintenance_mode_on(backend)
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with block:
            entered.set()
            leave.wait(30)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(30)
    with maintenance_mode_off(backend), block:
        leave.set()
        thread.join()
        assert is_on(backend)
    assert not is_on(backend)


def test_one_that_began_in_another_task_can_be_ended() -> None:
    """As fixtures do, whose two halves may run in two tasks."""
    backend = Held(OFF)
    block = maintenance_mode_on(backend)
    asyncio.run(block.__aenter__())
    assert is_on(backend)
    asyncio.run(block.__aexit__(None, None, None))
    assert not is_on(backend)


def test_a_block_that_concerns_nobody_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A script of its own that relies on the environment stops no application."""
    with maintenance_mode_on(EnvVarBackend("SHOP")):
        assert "stops nobody" in caplog.text
        assert "LocalFileBackend" in caplog.text


def test_a_block_around_an_application_is_nothing_to_be_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = FastAPI()
    gate = MaintenanceModeMiddleware(app)
    with maintenance_mode_on():
        assert gate.decide().reads is not None
    assert caplog.text == ""


@pytest.mark.anyio
async def test_an_async_function_may_be_decorated_and_run_many_times_at_once() -> None:
    backend = Held(OFF)
    most = running = 0

    @maintenance_mode_on(backend)
    async def work(depth: int) -> int:
        """Works."""
        nonlocal most, running
        running += 1
        most = max(most, running)
        assert is_on(backend)
        await asyncio.sleep(0.001 * depth)
        result = 1 + (await work(depth - 1) if depth else 0)
        assert is_on(backend)
        running -= 1
        return result

    assert (work.__name__, work.__doc__) == ("work", "Works.")
    assert await asyncio.gather(*[work(depth) for depth in range(5)]) == [1, 2, 3, 4, 5]
    assert most > 5
    assert not is_on(backend)


def test_a_function_may_be_decorated_and_run_in_threads() -> None:
    backend = Held(OFF)

    @maintenance_mode_on(backend)
    def work(depth: int) -> bool:
        return is_on(backend) and (depth == 0 or work(depth - 1))

    seen: list[bool] = []
    threads = [threading.Thread(target=lambda: seen.append(work(3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4
    assert not is_on(backend)


@pytest.mark.anyio
async def test_one_decorated_function_may_serve_two_backends_at_once() -> None:
    """As one that two applications mount: whoever ends first ends its own block."""
    begun = {name: asyncio.Event() for name in "ab"}
    may_end = {name: asyncio.Event() for name in "ab"}

    @maintenance_mode_on()
    async def work(name: str) -> None:
        begun[name].set()
        await may_end[name].wait()

    backends = {name: Held(OFF) for name in "ab"}

    def app(name: str) -> FastAPI:
        made = FastAPI()

        @made.post("/work")
        async def run() -> None:
            await work(name)

        made.add_middleware(MaintenanceModeMiddleware, backend=backends[name])
        return made

    async with asking(app("a")) as a, asking(app("b")) as b:
        first = asyncio.create_task(a.post("/work"))
        await begun["a"].wait()
        second = asyncio.create_task(b.post("/work"))
        await begun["b"].wait()
        may_end["a"].set()
        await first
        assert (is_on(backends["a"]), is_on(backends["b"])) == (False, True)
        may_end["b"].set()
        await second
    assert (is_on(backends["a"]), is_on(backends["b"])) == (False, False)


def test_an_exception_ends_a_block_and_passes() -> None:
    backend = Held(OFF)
    with pytest.raises(ZeroDivisionError), maintenance_mode_on(backend):
        _ = 1 / 0
    assert not is_on(backend)


@pytest.mark.anyio
async def test_an_exception_ends_an_async_block_and_passes() -> None:
    store = Store()
    with pytest.raises(ZeroDivisionError):
        async with maintenance_mode_on(store):
            _ = 1 / 0
    assert store.value is False
    with pytest.raises(ZeroDivisionError):
        await maintenance_mode_on(store)(_fails)()
    assert store.value is False


async def _fails() -> None:
    _ = 1 / 0


# Backends of somebody's own.


@pytest.mark.anyio
@pytest.mark.parametrize("before", [True, False])
async def test_a_block_is_written_and_what_was_before_comes_back(before: bool) -> None:
    store = Store(before)
    async with maintenance_mode_on(store):
        assert store.value is True
        async with maintenance_mode_off(store):
            assert not await get_maintenance_mode(store)
            assert store.value is True, "off is for this process alone"
        assert store.value is True
    assert store.value is before


class Elsewhere(Store):
    """The same store, as another process sees it."""

    def __init__(self, shared: dict[str, Any]) -> None:
        self.shared = shared
        super().__init__(shared.setdefault("value", False))

    @property
    def value(self) -> Any:
        return self.shared["value"]

    @value.setter
    def value(self, value: Any) -> None:
        self.shared["value"] = value


@given(
    moves=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["on", "off", "end"]))),
    before=st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_whatever_blocks_processes_of_one_store_have_it_is_left_as_it_was(
    moves: list[tuple[int, str]], before: bool
) -> None:
    """One that found it on because of another's block once turned it on again, for ever."""
    shared = {"value": before}
    processes = [Elsewhere(shared) for _ in range(3)]
    blocks: list[list[Any]] = [[], [], []]

    async def play() -> None:
        for who, move in [*moves, *[(w, "end") for w in range(3) for _ in moves]]:
            if move == "end" and blocks[who]:
                await blocks[who].pop(0).__aexit__(None, None, None)
            elif move != "end":
                make = maintenance_mode_on if move == "on" else maintenance_mode_off
                blocks[who].append(make(processes[who]))
                await blocks[who][-1].__aenter__()
            for process, opened in zip(processes, blocks, strict=True):
                if opened:
                    assert await get_maintenance_mode(process) is opened[-1]._on

    asyncio.run(play())
    assert shared["value"] is before


@pytest.mark.anyio
async def test_two_objects_that_say_they_are_one_state_share_their_blocks() -> None:
    values = {"key": False}

    class Named(BaseStateBackend):
        async def get_value(self) -> bool:
            return values["key"]

        async def set_value(self, value: bool) -> None:
            values["key"] = value

        def state_key(self) -> str:
            return "key"

    first, second = maintenance_mode_on(Named()), maintenance_mode_on(Named())
    async with first:
        await second.__aenter__()
    assert values["key"] is True, "the second block is still open"
    await second.__aexit__(None, None, None)
    assert values["key"] is False


@pytest.mark.anyio
async def test_a_backend_may_count_the_blocks_of_all_processes_itself() -> None:
    class Counting(BaseStateBackend):
        opened = 0

        async def get_value(self) -> bool:
            return self.opened > 0

        async def open_block(self, on: bool) -> int:
            self.opened += 1
            return self.opened

        async def close_block(self, block: int) -> None:
            assert block == 1
            self.opened -= 1

    backend = Counting()
    async with maintenance_mode_on(backend):
        assert backend.opened == 1
        assert await get_maintenance_mode(backend)
    assert backend.opened == 0
    assert not await get_maintenance_mode(backend)


@pytest.mark.anyio
@pytest.mark.parametrize("word", ["0", "off", "", None, 0])
async def test_a_word_for_off_is_no_maintenance_after_a_block(word: Any) -> None:
    store = Store(word)
    async with maintenance_mode_on(store):
        assert await get_maintenance_mode(store)
    assert not await get_maintenance_mode(store)
    assert store.value in (word, False)


@pytest.mark.anyio
@pytest.mark.parametrize("value", [True, False])
async def test_what_is_set_within_a_block_holds_afterwards(value: bool) -> None:
    store = Store(not value)
    async with maintenance_mode_on(store):
        await set_maintenance_mode(value, store)
        assert store.value is True
        assert await get_maintenance_mode(store)
    assert store.value is value


@pytest.mark.anyio
async def test_with_an_interval_the_end_of_a_block_counts_at_once() -> None:
    """What was asked within the block is not good for the rest of the interval."""
    store = Store()
    store.poll_interval = 60  # type: ignore[attr-defined]
    async with asking(shop(store)) as client:
        assert (await client.get("/orders")).status_code == 200
        async with maintenance_mode_on(store):
            await set_maintenance_mode(False, store)
            assert (await client.get("/orders")).status_code == 503
        assert (await client.get("/orders")).status_code == 200


@pytest.mark.anyio
async def test_with_an_interval_that_ends_within_a_block_nothing_stays_on() -> None:
    store = Store()
    store.poll_interval = 0.05  # type: ignore[attr-defined]
    async with asking(shop(store)) as client:
        assert (await client.get("/orders")).status_code == 200
        store.poll_interval = 60  # type: ignore[attr-defined]
        async with maintenance_mode_on(store):
            await asyncio.sleep(0.1)
            gate = next(iter(_gates.known))
            gate.backend.poll_interval = 60
            assert (await client.get("/orders")).status_code == 503
        assert (await client.get("/orders")).status_code == 200


@pytest.mark.anyio
async def test_where_the_beginning_cannot_be_written_nothing_is_on() -> None:
    store = Store()
    store.fails = lambda call: call is True
    with pytest.raises(ConnectionError, match="no True"):
        async with maintenance_mode_on(store):
            raise AssertionError("never entered")
    assert store.value is False
    assert not await get_maintenance_mode(store)


@pytest.mark.anyio
async def test_where_nothing_at_all_can_be_written_nothing_is_on_and_later_writes_count() -> None:
    store = Store()
    store.fails = lambda call: call != "get"
    with pytest.raises(ConnectionError):
        async with maintenance_mode_on(store):
            raise AssertionError("never entered")
    assert not await get_maintenance_mode(store)
    store.fails = lambda call: False
    await set_maintenance_mode(True, store)
    assert store.value is True
    await set_maintenance_mode(False, store)
    async with maintenance_mode_on(store):
        assert store.value is True
    assert store.value is False


@pytest.mark.anyio
async def test_where_the_end_cannot_be_written_that_is_said_and_can_be_mended() -> None:
    store = Store()
    with pytest.raises(ConnectionError, match="no False"):
        async with maintenance_mode_on(store):
            store.fails = lambda call: call is False
    store.fails = lambda call: False
    await set_maintenance_mode(False, store)
    assert store.value is False
    assert not await get_maintenance_mode(store)


@pytest.mark.anyio
async def test_where_it_cannot_be_asked_nothing_is_on() -> None:
    store = Store()
    store.fails = lambda call: call == "get"
    with pytest.raises(ConnectionError):
        async with maintenance_mode_on(store):
            raise AssertionError("never entered")
    assert store.value is False
    store.fails = lambda call: False
    assert not await get_maintenance_mode(store)


@pytest.mark.anyio
async def test_a_backend_that_cannot_be_written_has_blocks_of_this_process_alone() -> None:
    class Reads:
        def get_value(self) -> bool:
            return False

    backend = Reads()
    async with asking(shop(backend)) as client, maintenance_mode_on(backend):
        assert (await client.get("/orders")).status_code == 503


# Cancelled wherever it waits.


async def _enter_and_leave(store: Store, steps: int) -> None:
    async with maintenance_mode_on(store):
        for _ in range(steps):
            await asyncio.sleep(0)


async def _steps(work: Callable[[], Awaitable[None]]) -> int:
    """How often a task lets others run."""
    task = asyncio.ensure_future(work())
    count = 0
    while not task.done():
        await asyncio.sleep(0)
        count += 1
    return count


@pytest.mark.anyio
@pytest.mark.parametrize("by", ["task", "scope"])
@pytest.mark.parametrize("before", [True, False])
async def test_a_block_that_is_cancelled_at_any_point_leaves_nothing_on(
    by: str, before: bool
) -> None:
    """By `Task.cancel`, or by a scope as `anyio.fail_after` and servers use."""
    count = await _steps(lambda: _enter_and_leave(Store(before), 3))
    assert count > 8
    wrong: list[int] = []
    for step in range(count):
        store = Store(before)
        scope = anyio.CancelScope()

        async def work(store: Store = store, scope: anyio.CancelScope = scope) -> None:
            with scope:
                await _enter_and_leave(store, 3)

        task = asyncio.create_task(work())
        for _ in range(step):
            await asyncio.sleep(0)
        if by == "task":
            task.cancel()
        else:
            scope.cancel()
        with suppress(asyncio.CancelledError):
            await task
        for _ in range(10):  # what was begun may still end
            await asyncio.sleep(0)
        await set_maintenance_mode(store.value, store)
        if store.value is not before or await get_maintenance_mode(store) is not before:
            wrong.append(step)
    assert wrong == []


@pytest.mark.anyio
async def test_a_block_that_is_cancelled_while_it_waits_leaves_nothing_on() -> None:
    async with Slow() as slow:
        task = asyncio.create_task(_drained(slow.backend))
        while not is_on(slow.backend):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_on(slow.backend)


async def _drained(backend: Any, timeout: float = 30) -> None:
    async with maintenance_mode_on(backend, wait_for="drained", timeout=timeout):
        pass


# Plain blocks and event loops.


def test_a_plain_block_of_an_async_backend_without_an_event_loop() -> None:
    store = Store()
    with maintenance_mode_on(store):
        assert store.value is True
    assert store.value is False


@pytest.mark.anyio
async def test_a_plain_block_of_an_async_backend_in_a_thread_of_the_loop() -> None:
    """As in an endpoint that is a plain function: the backend is asked in its own loop."""
    loops: set[Any] = set()

    class Bound(Store):
        async def _pass(self, call: Any) -> None:
            loops.add(asyncio.get_running_loop())
            await super()._pass(call)

    store = Bound()

    def work() -> bool:
        with maintenance_mode_on(store):
            return bool(store.value)

    assert await anyio.to_thread.run_sync(work)
    assert store.value is False
    assert loops == {asyncio.get_running_loop()}


@pytest.mark.anyio
async def test_a_plain_block_of_an_async_backend_in_any_other_thread() -> None:
    store = Store()

    def work() -> bool:
        with maintenance_mode_on(store):
            return bool(store.value)

    assert await asyncio.get_running_loop().run_in_executor(None, work)
    assert store.value is False


@pytest.mark.anyio
async def test_a_plain_block_of_an_async_backend_within_the_loop_says_what_to_write() -> None:
    store = Store()
    with (
        pytest.raises(RuntimeError, match="this backend is async: write `async with`"),
        maintenance_mode_on(store),
    ):
        raise AssertionError("never entered")
    assert store.calls == []
    assert not await get_maintenance_mode(store)


def test_under_trio_too() -> None:
    async def run() -> None:
        with pytest.raises(RuntimeError, match="write `async with`"), maintenance_mode_on(Store()):
            pass
        with (
            pytest.raises(RuntimeError, match="write `async with`"),
            maintenance_mode_on(Held(OFF), wait_for="drained"),
        ):
            pass

    anyio.run(run, backend="trio")


@pytest.mark.anyio
async def test_an_error_of_the_backend_reaches_a_plain_block_in_a_thread() -> None:
    """Its own error, also where that is a RuntimeError."""

    class Refuses(Store):
        async def set_value(self, value: bool) -> None:
            raise StateNotWritten("the disk is full")

    def work() -> None:
        with maintenance_mode_on(Refuses()):
            raise AssertionError("never entered")

    with pytest.raises(StateNotWritten, match="the disk is full"):
        await anyio.to_thread.run_sync(work)


# Waiting for what runs.


def shop(backend: Any, **options: Any) -> FastAPI:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=backend, **options)
    app.get("/orders")(_order)
    return app


async def _order() -> str:
    return "a book"


def asking(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://shop")


class Slow:
    """A shop with a request under way, which ends when the test says so."""

    def __init__(
        self, path: str = "/slow", backend: Any = None, count: int = 1, **options: Any
    ) -> None:
        self.backend = backend or Held(OFF)
        self.begun, self.may_end = asyncio.Semaphore(0), asyncio.Event()
        self.events: list[str] = []
        self.app = shop(self.backend, **options)
        self.app.get("/slow")(self.wait)
        self.app.get("/open")(force_maintenance_mode_off(self.wait))
        self.app.get("/healthz")(self.wait)
        self.app.get("/after")(self.after)
        self.app.exception_handler(404)(self.not_found)
        self.client = asking(self.app)
        self._path, self._count = path, count
        self.tasks: list[asyncio.Task[httpx.Response]] = []

    async def wait(self) -> str:
        self.begun.release()
        await self.may_end.wait()
        self.events.append("ended")
        return "done"

    async def after(self) -> Response:
        return JSONResponse("done", background=BackgroundTask(self.wait))

    async def not_found(self, request: Request, error: Exception) -> Response:
        return Response(await self.wait(), 404)

    async def refused(self, request: Request) -> Response:
        return Response(await self.wait(), 503)

    async def __aenter__(self) -> Slow:
        for _ in range(self._count):
            self.tasks.append(asyncio.create_task(self.client.get(self._path)))
            await self.begun.acquire()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.may_end.set()
        await asyncio.gather(*self.tasks)
        await self.client.aclose()


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
                await _drained(backend, timeout=0.1)
        finally:
            may_end.set()
        assert (await request).status_code == 200
        await _drained(backend, timeout=5)


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
        await _drained(slow.backend, timeout=5)


@pytest.mark.anyio
async def test_what_is_refused_is_not_waited_for() -> None:
    """Its answer may be slow."""
    slow: Slow = Slow(response_handler=lambda request: slow.refused(request))
    with maintenance_mode_on(slow.backend):
        async with slow:
            await _drained(slow.backend, timeout=5)


@pytest.mark.anyio
async def test_requests_of_another_backend_are_not_waited_for() -> None:
    async with Slow():
        await _drained(Held(OFF), timeout=5)


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
            await _drained(store, timeout=0.1)
        assert store.value is False


@pytest.mark.parametrize("word", ["drain", "", True, 0])
def test_what_else_cannot_be_waited_for(word: Any) -> None:
    with pytest.raises(ValueError, match="write 'enforced', 'drained' or nothing"):
        maintenance_mode_on(wait_for=word)


@pytest.mark.anyio
@pytest.mark.parametrize("mounted", [False, True])
async def test_a_websocket_is_waited_for_until_it_is_closed(mounted: bool) -> None:
    """The watch closes it within a second, as the block would refuse it."""
    backend = Held(OFF)
    app = FastAPI() if mounted else shop(backend)
    over: list[int] = []

    @app.websocket("/talk")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        over.append((await socket.receive())["code"])

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


def test_no_request_is_served_within_a_block_that_has_drained() -> None:
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


def test_what_a_failed_restoration_says_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Entering has failed, and so has taking it back: both are known."""
    store = Store()
    store.fails = lambda call: call != "get"
    caplog.set_level(logging.ERROR)
    with pytest.raises(ConnectionError, match="no True"), maintenance_mode_on(store):
        raise AssertionError("never entered")
    assert "no False" in caplog.text
