"""What is to be looked at: at once, at an instant, or again after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from .retries import Retries
from .scheduler import Scheduler
from .windows import Key


class Agenda:
    """Collects keys; whoever takes them has looked at all that was known by then."""

    def __init__(self) -> None:
        self._at_once: set[Key] = set()
        self._scheduler: Scheduler[Key] = Scheduler()
        self._retries: Retries[Key] = Retries()
        self._woken = asyncio.Event()

    def mark(self, keys: Iterable[Key]) -> None:
        """Have these looked at once more, at once."""
        before = len(self._at_once)
        self._at_once.update(keys)
        if len(self._at_once) > before:
            self._woken.set()

    def arrange(self, key: Key, *instants: datetime | None) -> None:
        """Have it looked at at the first of these, if any, instead of when it was due before."""
        self._scheduler.arrange(key, min((at for at in instants if at), default=None))

    def hasten(self, key: Key, *instants: datetime | None) -> None:
        """Have it looked at at the first of these, unless it is due earlier."""
        at = min((at for at in instants if at), default=None)
        if at and self._scheduler.hasten(key, at):
            self._woken.set()

    def failed(self, key: Key, now: datetime) -> float:
        """Have it looked at again, later after each failure in a row; gives the seconds.

        What it is due for earlier stays: an edge waits for no retry.
        """
        delay = self._retries.failed(key)
        self.hasten(key, now + timedelta(seconds=delay))
        return delay

    def succeeded(self, key: Key) -> None:
        """Begin anew with how long to wait after a failure."""
        self._retries.forget(key)

    def has_failed(self, key: Key) -> bool:
        """Whether it failed when it was looked at last."""
        return key in self._retries

    def forget(self, key: Key) -> None:
        """It is gone."""
        self._retries.forget(key)
        self._scheduler.arrange(key, None)

    def take(self, now: datetime) -> set[Key]:
        """What is to be looked at now."""
        taken = self._at_once | self._scheduler.pop_due(now)
        self._at_once = set()
        return taken

    def next(self, now: datetime) -> datetime | None:
        """When there is something to look at."""
        return now if self._at_once else self._scheduler.next()

    async def wait(self, longest: float) -> None:
        """Until something is added, but no longer than so many seconds."""
        self._woken.clear()
        try:
            async with asyncio.timeout(longest):
                await self._woken.wait()
        except TimeoutError:
            pass
