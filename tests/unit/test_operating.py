"""Standing by and leading by turns, each term with nothing in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fastapi_maintenance_operator.lease import LeaseLost
from fastapi_maintenance_operator.operating import Operation
from fastapi_maintenance_operator.watcher import WatcherDied

pytestmark = pytest.mark.anyio


class ScriptedLease:
    """Is taken and lost as a test says."""

    identity = "me"
    last_try = 0.0
    standing_by = False

    def __init__(self, log: list[str]) -> None:
        self.free, self.loss, self.log = asyncio.Event(), asyncio.Event(), log

    async def acquire(self) -> None:
        await self.free.wait()

    async def keep(self) -> None:
        await self.loss.wait()
        self.free.clear()
        self.loss.clear()
        raise LeaseLost("somebody holds it")

    async def release(self) -> None:
        self.log.append("released")


class IdleController:
    """Runs until it is cancelled, and notes that."""

    ready, last_round = True, 1.0

    def __init__(self, log: list[str]) -> None:
        self.log = log

    async def run(self) -> None:
        self.log.append("works")
        try:
            await asyncio.Event().wait()
        finally:
            self.log.append("works no longer")


class ScriptedWatcher:
    """Watches until it is to die."""

    def __init__(self) -> None:
        self.death = asyncio.Event()

    async def watch(self) -> None:
        await self.death.wait()
        raise WatcherDied("deaf")


class Stage:
    """An operator whose parts a test plays."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.lease, self.watcher = ScriptedLease(self.log), ScriptedWatcher()
        self.controllers: list[object] = []
        lease: Any = self.lease
        self.operation = Operation(lease, self._controller, self._watching)
        self.task = asyncio.ensure_future(self.operation.run())

    def _controller(self) -> Any:
        self.controllers.append(IdleController(self.log))
        return self.controllers[-1]

    def _watching(self, _: object) -> Any:
        @asynccontextmanager
        async def block() -> AsyncIterator[ScriptedWatcher]:
            self.log.append("watches")
            try:
                yield self.watcher
            finally:
                self.log.append("watches no longer")

        return block()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    await made.settle()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_a_standby_neither_watches_nor_works(stage: Stage) -> None:
    assert stage.log == []
    assert stage.operation.controller is None


async def test_it_is_ready_once_it_knows_who_leads(stage: Stage) -> None:
    assert not stage.operation.ready
    stage.lease.standing_by = True
    assert stage.operation.ready


async def test_a_leader_watches_and_works(stage: Stage) -> None:
    stage.lease.free.set()
    await stage.settle()
    assert stage.log == ["watches", "works"]
    assert (stage.operation.ready, stage.operation.last_round) == (True, 1.0)


async def test_whoever_loses_the_lease_stops_and_stands_by_again(stage: Stage) -> None:
    stage.lease.free.set()
    await stage.settle()
    stage.lease.loss.set()
    await stage.settle()
    assert stage.log == ["watches", "works", "works no longer", "watches no longer"]
    assert stage.operation.controller is None
    assert not stage.task.done()


async def test_each_term_begins_with_nothing_in_memory(stage: Stage) -> None:
    for _ in range(2):
        stage.lease.free.set()
        await stage.settle()
        stage.lease.loss.set()
        await stage.settle()
    assert len(stage.controllers) == 2
    assert stage.controllers[0] is not stage.controllers[1]


async def test_when_the_watch_dies_the_process_ends_with_the_reason(stage: Stage) -> None:
    """It would be deaf; the lease is given back first."""
    stage.lease.free.set()
    await stage.settle()
    stage.watcher.death.set()
    with pytest.raises(WatcherDied, match="deaf"):
        await stage.task
    assert stage.log[2:] == ["works no longer", "watches no longer", "released"]


async def test_a_stop_ends_the_work_before_the_lease_is_given_back(stage: Stage) -> None:
    stage.lease.free.set()
    await stage.settle()
    stage.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stage.task
    assert stage.log[2:] == ["works no longer", "watches no longer", "released"]
