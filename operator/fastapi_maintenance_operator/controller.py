"""The loop: what changed, and what is due, is looked at, and everything is listed now and then.

The cluster's events and periodic lists feed one memory; each round brings the cluster to what the
pure functions say about that memory, and writes nothing where it is so already.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from fastapi_maintenance.proof.processes import KIND as PROCESS_KIND
from fastapi_maintenance.proof.processes import Process

from .agenda import Agenda
from .api import FAILURES, ClusterApi, message_of
from .looks import Looks
from .meter import Meter, NoMeter
from .proof_rounds import Rounds
from .reconcile import Object, Observed
from .view import View
from .windows import Key

logger = logging.getLogger(__name__)

Look = Callable[[Key, datetime], Awaitable[None]]

_RESYNC = timedelta(minutes=5)
_RESYNC_RETRY = _RESYNC_SOON = timedelta(seconds=5)
_LONGEST_SLEEP = 1.0
"""Seconds after which the clock is looked at again, since it may have been set."""
_AT_ONCE = 64
"""Looks under way at the same time: most of them wait for a list, or for their turn to write."""


def _nothing() -> None:
    """Nothing."""


class Controller:
    """Keeps status, plan and Events of all windows true.

    Args:
        api: The cluster.
        rounds: Ask its processes.
        meter: Counts what is done.
        settled: Is called once everything is known, and once more when it has been looked at.
    """

    def __init__(
        self,
        api: ClusterApi,
        rounds: Rounds,
        meter: Meter | None = None,
        settled: Callable[[], None] = _nothing,
    ) -> None:
        self._rounds, self._meter = rounds, meter or NoMeter()
        self._settled = settled
        self._agenda = Agenda()
        self._view = View(api, self._agenda.mark)
        self._looks = Looks(api, self._view, rounds, self._agenda)
        self._resync_at = self._latest = datetime.min.replace(tzinfo=UTC)
        self._listed = False
        self.ready = False
        """Whether everything has been looked at once."""
        self.last_round = time.monotonic()
        """When the loop last came round, for the liveness probe."""

    @property
    def windows(self) -> list[Observed]:
        """All MaintenanceWindows as they were seen last."""
        return self._view.windows.namespaced()

    @property
    def cluster_windows(self) -> list[Observed]:
        """All ClusterMaintenanceWindows as they were seen last."""
        return self._view.windows.of_the_cluster()

    @property
    def processes(self) -> list[tuple[str, Process]]:
        """The last word of each process, behind its namespace."""
        return self._rounds.heard

    def observe(self, kind: str | None, item: Object) -> None:
        """Take an event of a watch.

        Args:
            kind: ADDED, MODIFIED or DELETED; None where the watch had to begin anew with a list.
                What went meanwhile is not told then, so that everything is listed soon.
            item: A window of either kind, a process, a plan's ConfigMap, or a Namespace.
        """
        if kind is None and self._listed:
            self._resync_at = min(self._resync_at, datetime.now(UTC) + _RESYNC_SOON)
        if item["kind"] == PROCESS_KIND:
            self.observe_process(kind, item)
        else:
            self._view.take(kind, item)

    def observe_process(self, kind: str | None, item: Object) -> None:
        """Take an event about a process, which only says that a look is worth it."""
        keys, at = self._rounds.hear(kind, item)
        for key in keys:
            self._agenda.hasten(key, at)

    async def run(self) -> None:
        """Look, sleep until something happens; for ever."""
        while True:
            self.last_round = time.monotonic()
            now = datetime.now(UTC)
            self._check_clock(now)
            if now >= self._resync_at:
                await self._try_resync(now)
            if self._listed:  # else a plan would lack windows that are there
                await self._look_at(self._agenda.take(now))
                self._be_ready()
            await self._sleep()

    def _be_ready(self) -> None:
        if not self.ready:
            self.ready = True
            self._settled()

    def _be_listed(self) -> None:
        if not self._listed:
            self._listed = True
            self._settled()

    async def _sleep(self) -> None:
        now = datetime.now(UTC)
        due = self._agenda.next(now) if self._listed else None
        wait = (due - now).total_seconds() if due else _LONGEST_SLEEP
        if wait > 0:
            await self._agenda.wait(min(wait, _LONGEST_SLEEP))

    def _check_clock(self, now: datetime) -> None:
        """By a clock that was set back, all may be otherwise."""
        if now < self._latest:
            self._agenda.mark(self._view.keys())
            self._resync_at = min(self._resync_at, now)
        self._latest = now

    async def _try_resync(self, now: datetime) -> None:
        # Before: a watch that begins anew meanwhile asks for another list.
        self._resync_at = now + _RESYNC
        try:
            await self._view.list_all()
            self._be_listed()
            # Of processes that went, too, nobody may have told.
            self._agenda.mark(self._rounds.waiting())
            await self._looks.at_processes(now)
        except FAILURES as error:
            logger.warning("windows and plans can't be listed: %s", message_of(error))
            self._resync_at = now + _RESYNC_RETRY

    async def _look_at(self, keys: set[Key]) -> None:
        """Plans first: a window is Ready once it is in the plan; parents after their children."""
        await self._each(self._looks.at_plan, {key for key in keys if not key[1]})
        await self._each(self._looks.at_window, {key for key in keys if all(key)})
        await self._each(self._looks.at_window, {key for key in keys if not key[0]})

    async def _each(self, look: Look, keys: Iterable[Key]) -> None:
        pending = iter(keys)

        async def work() -> None:
            for key in pending:
                await self._try(look, key)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())

    async def _try(self, look: Look, key: Key) -> None:
        failed_before, began = self._agenda.has_failed(key), time.monotonic()
        try:
            await look(key, datetime.now(UTC))
            self._agenda.succeeded(key)
            self._meter.reconciled(time.monotonic() - began)
        except FAILURES as error:
            self._retry(key, error)
        except Exception as error:  # of one object, and no reason to leave all others alone
            logger.exception("%s/%s", *key)
            self._retry(key, error)
        if not key[1] and failed_before != self._agenda.has_failed(key):
            self._agenda.mark(self._view.windows.keys(key[0]))

    def _retry(self, key: Key, error: Exception) -> None:
        if key[1] and key not in self._view.windows:
            return  # it went meanwhile
        self._meter.failed()
        delay = self._agenda.failed(key, datetime.now(UTC))
        logger.warning("%s/%s: %s; next try in %.0f s", *key, message_of(error), delay)
