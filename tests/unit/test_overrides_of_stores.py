"""Blocks of backends of somebody's own: told to those who share them, and taken back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_maintenance import (
    BaseStateBackend,
    StateNotWritten,
    _gates,
    get_maintenance_mode,
    maintenance_mode_off,
    maintenance_mode_on,
    set_maintenance_mode,
)
from tests.unit.blocks import Store, asking, shop

pytestmark = pytest.mark.usefixtures("no_other_middlewares")


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
        backend_timeout = 30.0

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


def test_what_a_failed_restoration_says_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Entering has failed, and so has taking it back: both are known."""
    store = Store()
    store.fails = lambda call: call != "get"
    caplog.set_level(logging.ERROR)
    with pytest.raises(ConnectionError, match="no True"), maintenance_mode_on(store):
        raise AssertionError("never entered")
    assert "no False" in caplog.text


# Stores that are slow, and answers that come when nobody waits for them any more.


class Plain:
    """A plain store whose calls wait for the test; each runs in a thread."""

    backend_timeout = 30.0

    def __init__(self) -> None:
        self.value: Any = False
        self.writes: list[Any] = []
        self.may_read, self.may_write = threading.Event(), threading.Event()
        self.may_read.set()

    def get_value(self) -> Any:
        self.may_read.wait(30)
        return self.value

    def set_value(self, value: Any) -> None:
        self.writes.append(value)
        self.may_write.wait(30)
        self.value = value


@pytest.mark.anyio
@pytest.mark.parametrize("given_up_by", ["time", "cancelled"])
async def test_a_write_that_comes_through_after_all_is_taken_back(given_up_by: str) -> None:
    """The block never began, but its thread turned the store on a second later, for ever."""
    store = Plain()
    store.backend_timeout = 2 if given_up_by == "time" else 30  # its reading takes a thread, too
    task = asyncio.create_task(maintenance_mode_on(store).__aenter__())
    if given_up_by == "time":
        with pytest.raises(StateNotWritten):
            await task
        store.may_write.set()
    else:
        while not store.writes:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.sleep(0)
        store.may_write.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    with anyio.fail_after(10):
        while store.writes != [True, False] or store.value:
            await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_a_request_that_is_cancelled_keeps_no_block_from_ending() -> None:
    """Its question still runs in a thread, which once barred every write meanwhile."""
    store = Plain()
    store.may_write.set()
    async with asking(shop(store)) as client:
        async with maintenance_mode_on(store):
            pass
        store.may_read.clear()
        request = asyncio.create_task(client.get("/orders"))
        await asyncio.sleep(0.05)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        await set_maintenance_mode(True, store)
        assert store.value is True
        store.may_read.set()
        assert (await client.get("/orders")).status_code == 503


@pytest.mark.anyio
async def test_after_a_block_that_failed_the_next_is_written() -> None:
    store = Store()
    store.fails = lambda call: call != "get"
    with pytest.raises(ConnectionError):
        await maintenance_mode_on(store).__aenter__()
    store.fails = lambda call: False
    async with maintenance_mode_on(store):
        assert store.value is True
    assert store.value is False


@pytest.mark.anyio
async def test_after_an_end_that_failed_no_block_ends_what_another_process_began() -> None:
    store = Store()
    with pytest.raises(ConnectionError):
        async with maintenance_mode_on(store):
            store.fails = lambda call: call is False
    store.fails = lambda call: False
    store.value = True  # as another process writes it
    async with maintenance_mode_on(store):
        pass
    assert store.value is True


@pytest.mark.anyio
async def test_a_word_that_refuses_writes_comes_back() -> None:
    store = Store("read-only")
    async with maintenance_mode_on(store):
        assert store.value is True
    said: Any = store.value
    assert said == "read-only"


class Leases:
    """A store that counts the blocks of all processes itself; duck-typed."""

    backend_timeout = 30.0

    def __init__(self) -> None:
        self.value = False
        self.leases: list[object] = []
        self.may_open = threading.Event()
        self.may_open.set()

    def get_value(self) -> bool:
        return self.value or bool(self.leases)

    def set_value(self, value: bool) -> None:
        self.value = value

    def open_block(self, on: bool) -> object:
        self.may_open.wait(30)
        self.leases.append(lease := object())
        return lease

    def close_block(self, block: object) -> None:
        self.leases.remove(block)


@pytest.mark.anyio
@pytest.mark.parametrize("value", [True, False])
async def test_a_store_that_counts_itself_is_written_at_once(value: bool) -> None:
    store = Leases()
    store.value = not value
    async with maintenance_mode_on(store):
        assert len(store.leases) == 1
        await set_maintenance_mode(value, store)
        assert store.value is value
        assert await get_maintenance_mode(store)
    assert store.leases == []
    assert await get_maintenance_mode(store) is value


@pytest.mark.anyio
@pytest.mark.parametrize("given_up_by", ["time", "cancelled"])
async def test_a_lease_that_comes_too_late_is_given_back(given_up_by: str) -> None:
    store = Leases()
    store.backend_timeout = 0.1 if given_up_by == "time" else 30
    store.may_open.clear()
    task = asyncio.create_task(maintenance_mode_on(store).__aenter__())
    if given_up_by == "time":
        with pytest.raises(StateNotWritten):
            await task
        store.may_open.set()
    else:
        await asyncio.sleep(0.05)
        task.cancel()
        store.may_open.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    with anyio.fail_after(10):
        while store.leases or await get_maintenance_mode(store):
            await asyncio.sleep(0.01)
