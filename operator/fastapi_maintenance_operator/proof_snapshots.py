"""Consistent lists of processes, shared by all who asked before one began."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi_maintenance.proof.claim import LONGEST_ROUND
from fastapi_maintenance.proof.processes import Process, read_process

from .processes_api import Processes

Clock = Callable[[], datetime]
Ticks = Callable[[], float]
"""Seconds that only grow."""


class RoundTooOld(TimeoutError):
    """What a list says may no longer be written: list anew."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All processes of a namespace, as they were at one moment."""

    processes: tuple[Process, ...]
    began: datetime
    """Before it was listed."""
    ended: datetime
    since: float
    ticks: Ticks

    def left(self, end: datetime | None = None) -> float:
        """In how many seconds what it proves has to be written; ask right before it is.

        Args:
            end: of the occurrence that it proves something of: nothing is said of it afterwards.

        Raises:
            RoundTooOld: it has taken too long.
        """
        lasts = LONGEST_ROUND if end is None else min(LONGEST_ROUND, end - self.began)
        left = self.since + lasts.total_seconds() - self.ticks()
        if left <= 0:
            raise RoundTooOld("the list of processes is too old by now")
        return left


def _noted(task: asyncio.Task[Snapshot]) -> None:
    """Also where all who had asked were cancelled meanwhile: a failure is no news to anybody."""
    if not task.cancelled():
        task.exception()


class Snapshots:
    """Lists processes: of each namespace at most once at a time."""

    def __init__(self, processes: Processes, clock: Clock, ticks: Ticks) -> None:
        self._processes = processes
        self._clock = clock
        self._ticks = ticks
        self._running: dict[str, asyncio.Task[Snapshot]] = {}
        self._next: dict[str, asyncio.Task[Snapshot]] = {}

    async def take(self, namespace: str) -> Snapshot:
        """A list that begins after this was called. What fails, fails for all who share it."""
        task = self._next.get(namespace)
        if task is None:
            before = self._running.get(namespace)
            task = asyncio.create_task(self._after(before, namespace))
            task.add_done_callback(_noted)
            self._next[namespace] = task
        await asyncio.wait({task})  # which a cancellation of one who shares it leaves alone
        return task.result()

    async def _after(self, before: asyncio.Task[Snapshot] | None, namespace: str) -> Snapshot:
        if before is not None:
            await asyncio.wait({before})
        # Whoever comes from here on needs another list.
        self._running[namespace] = self._next.pop(namespace)
        try:
            return await self._list(namespace)
        finally:
            del self._running[namespace]

    async def _list(self, namespace: str) -> Snapshot:
        since, began = self._ticks(), self._clock()
        items = await self._processes.list(namespace)
        return Snapshot(tuple(map(read_process, items)), began, self._clock(), since, self._ticks)
