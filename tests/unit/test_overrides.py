"""Blocks: counted, in their order, and leaving nothing on."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance import (
    EnvVarBackend,
    LocalFileBackend,
    MaintenanceModeMiddleware,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
)
from fastapi_maintenance.backends.base import StateNotWritten
from fastapi_maintenance.windows import OFF
from tests.unit.blocks import ON, Store, asking, is_on
from tests.unit.making import Held

pytestmark = pytest.mark.usefixtures("no_other_middlewares")


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


def test_a_generator_is_no_function_that_a_block_can_be_around() -> None:
    """It only ran when the block had ended."""

    def session() -> Iterator[int]:
        yield 1

    async def async_session() -> AsyncIterator[int]:
        yield 1

    for generator in (session, async_session):
        with pytest.raises(TypeError, match=r"session is a generator.*write `with`"):
            maintenance_mode_on(Held(OFF))(generator)


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
