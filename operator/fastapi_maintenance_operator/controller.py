"""When to look at what: windows that changed, windows whose edge has come, and all now and then.

The cluster's events and a periodic list feed one memory; each round brings the cluster to what the
pure functions say about that memory, and writes nothing where it is so already.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from fastapi_maintenance.proof.processes import KIND as PROCESS_KIND
from fastapi_maintenance.proof.proving import Proof
from fastapi_maintenance.windows import make_plan

from .api import FAILURES, ClusterApi, message_of
from .children import Distribution, distribute, parent_status
from .meter import Meter, NoMeter
from .parents import Namespaces, settle
from .plans import PlanChanged, Plans
from .proof_rounds import Round, Rounds, unplanned
from .reconcile import Fate, Object, Observed, desired_status, has_expired, next_edge
from .retries import Retries
from .scheduler import Scheduler
from .statuses import Statuses
from .windows import Key, Windows, key_of

logger = logging.getLogger(__name__)

Write = Callable[[Key, datetime], Awaitable[None]]

_RESYNC = timedelta(minutes=5)
_RESYNC_RETRY = _RESYNC_SOON = timedelta(seconds=5)
_LONGEST_SLEEP = 1.0
"""Seconds after which the clock is looked at again, since it may have been set."""
_AT_ONCE = 64
"""Windows that are looked at, at the same time: most of them wait for a list or for their write."""
_PLAN_TRIES = 3
"""How often a plan that others write too is written before it waits as after a failure."""


class Controller:
    """Keeps status, plan and Events of all windows true."""

    def __init__(self, api: ClusterApi, rounds: Rounds, meter: Meter | None = None) -> None:
        self._api, self._meter = api, meter or NoMeter()
        self._rounds, self._windows = rounds, Windows()
        self._statuses = Statuses(api, self._windows, rounds)
        self._plans = Plans(api)
        self._namespaces = Namespaces()
        self._too_large: dict[str, frozenset[str]] = {}
        self._dirty: set[Key] = set()
        self._scheduler: Scheduler[Key] = Scheduler()
        self._retries: Retries[Key] = Retries()
        self._woken = asyncio.Event()
        self._resync_at = datetime.min.replace(tzinfo=UTC)
        self._listed = False
        self.ready = False
        """Whether everything has been looked at once."""
        self.last_round = time.monotonic()
        """When the loop last came round, for the liveness probe."""

    @property
    def windows(self) -> list[Observed]:
        """All MaintenanceWindows as they were seen last."""
        return self._windows.namespaced()

    def observe(self, kind: str | None, item: Object) -> None:
        """Take an event of a watch.

        Args:
            kind: ADDED, MODIFIED or DELETED; None where the watch had to begin anew with a list.
                What went meanwhile is not told then, so that everything is listed soon.
            item: A window of either kind, a process, a plan's ConfigMap, or a Namespace.
        """
        if kind is None and self._listed:
            self._resync_at = min(self._resync_at, datetime.now(UTC) + _RESYNC_SOON)
        self._take(kind, item)

    def _take(self, kind: str | None, item: Object) -> None:
        """Take an event, or with None an object of a list, whichever comes first."""
        if item["kind"] == PROCESS_KIND:
            self.observe_process(kind, item)
        elif item["kind"] == "ConfigMap":
            if self._plans.observe(kind, item):
                self._mark((str(item["metadata"]["namespace"]), ""))
        elif item["kind"] == "Namespace":
            if self._namespaces.observe(kind, item):
                self._mark_all("")
        else:
            self._take_window(kind, item)

    def _take_window(self, kind: str | None, item: Object) -> None:
        key = key_of(item)
        before = self._windows.get(key)
        if not self._windows.take(kind, item):
            return
        if kind == "DELETED":
            self._forget(key)
        after = self._windows.get(key)
        if before and after and before.means_as(after):
            self._mark_status(key)
        else:
            self._mark(key)

    def observe_process(self, kind: str | None, item: Object) -> None:
        """Take an event about a process, which only says that a look is worth it."""
        keys, at = self._rounds.hear(kind, item)
        for key in keys:
            if self._scheduler.hasten(key, at):
                self._woken.set()

    async def run(self) -> None:
        """Look, reconcile, sleep until something happens; for ever."""
        while True:
            self.last_round = time.monotonic()
            now = datetime.now(UTC)
            if self._must_resync(now):
                await self._try_resync(now)
            if self._listed:  # else a plan would lack windows that are there
                due = self._scheduler.pop_due(now)
                dirty, self._dirty = self._dirty | due, set()
                await self._reconcile(dirty)
                self.ready = True
            await self._sleep()

    async def _sleep(self) -> None:
        self._woken.clear()
        if self._dirty and self._listed:
            return
        edge = self._scheduler.next()
        wait = (edge - datetime.now(UTC)).total_seconds() if edge else _LONGEST_SLEEP
        if wait > 0:
            try:
                async with asyncio.timeout(min(wait, _LONGEST_SLEEP)):
                    await self._woken.wait()
            except TimeoutError:
                pass

    def _must_resync(self, now: datetime) -> bool:
        """Now and then, and when the clock was set back."""
        return not timedelta(0) < self._resync_at - now <= _RESYNC

    async def _try_resync(self, now: datetime) -> None:
        if self._resync_at > now + _RESYNC:  # by another clock all may be otherwise
            self._dirty |= self._windows.keys() | self._plans.keys()
        # Before: a watch that begins anew meanwhile asks for another list.
        self._resync_at = now + _RESYNC
        try:
            await self._resync()
            self._listed = True
            await self._rounds.sweep()
        except FAILURES as error:
            logger.warning("windows and plans can't be listed: %s", message_of(error))
            self._resync_at = now + _RESYNC_RETRY

    async def _resync(self) -> None:
        """List everything: what was deleted while a watch was down is never told otherwise.

        That goes for processes, too, for which open windows wait. Plans first: what is written over
        them rests on windows that were listed later.
        """
        plans = self._plans.replace(*await self._api.list_plans())
        self._namespaces.replace(*await self._api.list_namespaces())
        self._take_list(*await self._api.list_parents(), "")
        await self._relist(None)
        self._dirty |= plans | self._rounds.waiting()

    async def _relist(self, namespace: str | None) -> None:
        """List the windows of a namespace, or of all, as they are now."""
        self._take_list(*await self._api.list_windows(namespace), namespace)

    def _take_list(self, listed: list[Object], version: int, namespace: str | None) -> None:
        for key in self._windows.gone(listed, version, namespace):
            self._forget(key)
            self._mark(key)
        for item in listed:
            self._take(None, item)

    def _forget(self, key: Key) -> None:
        self._rounds.forget(*key)
        self._retries.forget(key)
        self._scheduler.arrange(key, None)

    def _mark(self, key: Key) -> None:
        """Look at a window, and at what depends on it: the plan, and the parent of its name."""
        if key[0]:
            self._dirty.add((key[0], ""))
        self._mark_status(key)

    def _mark_status(self, key: Key) -> None:
        """Look at a window, and at the parent of its name; no plan has their statuses."""
        self._dirty.add(key)
        if key[0]:
            self._mark_parent(key[1])
        self._woken.set()

    def _mark_parent(self, name: str) -> None:
        if ("", name) in self._windows:
            self._dirty.add(("", name))

    def _mark_all(self, namespace: str) -> None:
        """Look at all windows of a namespace, or with "" at those of the cluster."""
        self._dirty |= self._windows.keys(namespace)
        self._woken.set()

    def _fate(self, observed: Observed) -> Fate:
        namespace = observed.namespace
        if (namespace, "") in self._retries:
            return Fate.NOT_WRITTEN
        too_large = observed.uid in self._too_large.get(namespace, frozenset())
        return Fate.TOO_LARGE if too_large else Fate.PLANNED

    async def _reconcile(self, keys: Iterable[Key]) -> None:
        """Plans first: a window is Ready once it is in the plan; parents after their children."""
        keys = set(keys)
        await self._each(self._write_plan, {key for key in keys if not key[1]})
        windows = {key for key in keys if key in self._windows}
        await self._each(self._write_status, {key for key in windows if key[0]})
        await self._each(self._write_status, {key for key in windows if not key[0]})

    async def _each(self, write: Write, keys: Iterable[Key]) -> None:
        pending = iter(keys)

        async def work() -> None:
            for key in pending:
                await self._try(write, key)

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())

    async def _try(self, write: Write, key: Key) -> None:
        failed_before, began = key in self._retries, time.monotonic()
        try:
            await write(key, datetime.now(UTC))
            self._retries.forget(key)
            self._meter.reconciled(time.monotonic() - began)
        except FAILURES as error:
            self._retry(key, error)
        except Exception as error:  # of one object, and no reason to leave all others alone
            logger.exception("%s/%s", *key)
            self._retry(key, error)
        if not key[1] and failed_before != (key in self._retries):
            self._mark_all(key[0])

    def _retry(self, key: Key, error: Exception) -> None:
        if key[1] and key not in self._windows:
            return  # it went meanwhile
        self._meter.failed()
        delay = self._retries.failed(key)
        self._scheduler.arrange(key, datetime.now(UTC) + timedelta(seconds=delay))
        logger.warning("%s/%s: %s; next try in %.0f s", *key, message_of(error), delay)

    async def _write_plan(self, key: Key, now: datetime) -> None:
        namespace = key[0]
        for _ in range(_PLAN_TRIES):
            windows = self._windows.valid(namespace)
            text, too_large = make_plan(windows, now)
            if too_large != self._too_large.get(namespace, frozenset()):
                self._too_large[namespace] = too_large
                self._mark_all(namespace)
            unneeded = not windows and namespace not in self._plans
            if unneeded or await self._plans.publish(namespace, text):
                self._scheduler.arrange(key, _next_midnight(now) if windows else None)
                return
            await self._relist(namespace)
        raise PlanChanged("others keep writing the plan")

    async def _write_status(self, key: Key, now: datetime) -> None:
        observed = self._windows.get(key)
        if observed is None:
            return
        # Whatever rings from here on is answered by another look.
        self._scheduler.arrange(key, None)
        asked = await self._ask(observed)
        if self._windows.get(key) is not observed:
            return  # another version has come, and has its own turn
        now = asked.began or now
        status = await self._settle(observed, asked.proof, now)
        wait = self._rounds.wait(observed, status)
        if status != observed.status and not wait:
            await self._statuses.write(observed, status, asked, now)
            self._mark_parent(observed.name if observed.namespace else "")
        if has_expired(observed, now):
            # What the status was written on is older; the watch tells of the deletion.
            await self._statuses.expire(self._windows.get(key) or observed)
            return
        look_again = now + wait if wait else asked.proof.look_again
        self._look_again(key, next_edge(observed, now), look_again)
        if await self._rounds.clear(observed.namespace, asked.proof.suspects):
            self._mark(key)

    async def _ask(self, observed: Observed) -> Round:
        """Ask the processes; a parent's children are asked about, each in its namespace."""
        if not observed.namespace:
            return Round()
        plan = self._plans.text(observed.namespace)
        return await self._rounds.about(observed, unplanned(observed, self._fate(observed), plan))

    def _look_again(self, key: Key, *instants: datetime | None) -> None:
        for instant in instants:
            if instant is not None:
                self._scheduler.hasten(key, instant)

    async def _settle(self, observed: Observed, proof: Proof, now: datetime) -> Object:
        """The status that a window should have, of a parent after its children were made right."""
        if observed.namespace:
            return desired_status(observed, self._fate(observed), now, proof)
        found = self._distribution(observed)
        await settle(self._api, observed, found, lambda item: self._take(None, item))
        return parent_status(observed, self._distribution(observed), now)

    def _distribution(self, parent: Observed) -> Distribution:
        return distribute(parent, self._namespaces.labels, self._windows.named(parent.name))


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
