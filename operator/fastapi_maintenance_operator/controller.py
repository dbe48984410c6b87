"""When to look at what: windows that changed, windows whose edge has come, and all now and then.

The cluster's events and a periodic list feed one memory; each round brings the cluster to what the
pure functions say about that memory, and writes nothing where it is so already.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from kubernetes_asyncio.client import ApiException

from fastapi_maintenance.windows import make_plan

from .api import ClusterApi
from .reconcile import Object, Observed, desired_status, events, next_edge, read
from .scheduler import Scheduler

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a window; an empty name stands for the namespace's plan."""

_RESYNC = timedelta(minutes=5)
_LONGEST_SLEEP = 1.0
"""Seconds after which the clock is looked at again, since it may have been set."""
_AT_ONCE = 16
"""Requests under way at the same time."""
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0


class Controller:
    """Keeps status, plan and Events of all windows true."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self._windows: dict[Key, Observed] = {}
        self._plans: dict[str, str] = {}
        self._too_large: dict[str, frozenset[str]] = {}
        self._dirty: set[Key] = set()
        self._scheduler: Scheduler[Key] = Scheduler()
        self._retries: dict[Key, float] = {}
        self._woken = asyncio.Event()
        self._resync_at = datetime.min.replace(tzinfo=UTC)
        self._limit = asyncio.Semaphore(_AT_ONCE)
        self.ready = False
        """Whether everything has been looked at once."""
        self.last_round = time.monotonic()
        """When the loop last came round, for the liveness probe."""

    def observe(self, kind: str | None, item: Object) -> None:
        """Take an event of the watch; None is an object of its first list."""
        key = _key(item)
        if kind == "DELETED":
            self._windows.pop(key, None)
            self._scheduler.set(key, None)
        elif not _is_older(item, self._windows.get(key)):
            self._windows[key] = read(item)
        self._mark(key)

    async def run(self) -> None:
        """Look, reconcile, sleep until something happens; for ever."""
        while True:
            self.last_round = time.monotonic()
            now = datetime.now(UTC)
            if now >= self._resync_at:
                await self._resync(now)
            due = self._scheduler.pop_due(now)
            dirty, self._dirty = self._dirty | due, set()
            await self._reconcile(dirty)
            self.ready = True
            await self._sleep()

    async def _sleep(self) -> None:
        self._woken.clear()
        if self._dirty:
            return
        edge = self._scheduler.next()
        wait = (edge - datetime.now(UTC)).total_seconds() if edge else _LONGEST_SLEEP
        if wait > 0:
            try:
                async with asyncio.timeout(min(wait, _LONGEST_SLEEP)):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _resync(self, now: datetime) -> None:
        """List everything: what was deleted while a watch was down is never told otherwise."""
        items = {_key(item): item for item in await self._api.list_windows()}
        self._plans = await self._api.list_plans()
        for key in self._windows.keys() - items.keys():
            self.observe("DELETED", self._windows[key].object)
        for item in items.values():
            self.observe(None, item)
        for namespace in self._plans:
            self._dirty.add((namespace, ""))
        self._resync_at = now + _RESYNC

    def _mark(self, key: Key) -> None:
        self._dirty |= {key, (key[0], "")}
        self._woken.set()

    async def _reconcile(self, keys: Iterable[Key]) -> None:
        """Plans first: a window is Ready once it is in the plan."""
        keys = set(keys)
        await self._each(self._write_plan, {key for key in keys if not key[1]})
        await self._each(self._write_status, {key for key in keys if key in self._windows})

    async def _each(self, write, keys: Iterable[Key]) -> None:  # type: ignore[no-untyped-def]
        async with asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(self._try(write, key))

    async def _try(self, write, key: Key) -> None:  # type: ignore[no-untyped-def]
        async with self._limit:
            try:
                await write(key, datetime.now(UTC))
                self._retries.pop(key, None)
            except (ApiException, OSError, TimeoutError) as error:
                self._retry(key, error)

    def _retry(self, key: Key, error: Exception) -> None:
        delay = self._retries.get(key, _FIRST_RETRY)
        self._retries[key] = min(delay * 2, _LONGEST_RETRY)
        self._scheduler.set(key, datetime.now(UTC) + timedelta(seconds=delay))
        reason = f"{error.status} {error.reason}" if isinstance(error, ApiException) else error
        logger.warning("%s/%s: %s; next try in %.0f s", *key, reason, delay)

    async def _write_plan(self, key: Key, now: datetime) -> None:
        namespace = key[0]
        windows = [
            o.window for (ns, _), o in self._windows.items() if ns == namespace and o.window
        ]
        text, too_large = make_plan(windows, now)
        if too_large != self._too_large.get(namespace, frozenset()):
            self._too_large[namespace] = too_large
            self._dirty |= {k for k in self._windows if k[0] == namespace}
        known = self._plans.get(namespace)
        if known != text and (windows or known is not None):
            await self._api.apply_plan(namespace, text)
            self._plans[namespace] = text
        self._scheduler.set(key, _next_midnight(now) if windows else None)

    async def _write_status(self, key: Key, now: datetime) -> None:
        observed = self._windows.get(key)
        if observed is None:
            return
        too_large = observed.uid in self._too_large.get(key[0], frozenset())
        status = desired_status(observed, too_large, now)
        if status != observed.status:
            for event in events(observed, status, now):
                await self._api.create_event(event)
            self._keep(key, await self._api.apply_status(observed, status))
        self._scheduler.set(key, next_edge(observed, now))

    def _keep(self, key: Key, item: Object) -> None:
        if key in self._windows and not _is_older(item, self._windows[key]):
            self._windows[key] = read(item)


def _key(item: Object) -> Key:
    return str(item["metadata"]["namespace"]), str(item["metadata"]["name"])


def _is_older(item: Object, known: Observed | None) -> bool:
    """Whether an object was seen in a later state before; resource versions grow with time."""
    if known is None:
        return False
    later = int(known.object["metadata"]["resourceVersion"])
    return int(item["metadata"]["resourceVersion"]) < later


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
