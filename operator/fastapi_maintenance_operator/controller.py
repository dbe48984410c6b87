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

from fastapi_maintenance.windows import make_plan

from .api import FAILURES, ClusterApi, message_of
from .proof_events import proof_events
from .proof_rounds import Round, Rounds, unplanned
from .reconcile import Fate, Object, Observed, desired_status, events, next_edge, read
from .scheduler import Scheduler

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a window; an empty name stands for the namespace's plan."""

Write = Callable[[Key, datetime], Awaitable[None]]

_RESYNC = timedelta(minutes=5)
_RESYNC_RETRY = timedelta(seconds=5)
_LONGEST_SLEEP = 1.0
"""Seconds after which the clock is looked at again, since it may have been set."""
_AT_ONCE = 16
"""Requests under way at the same time."""
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0


class Controller:
    """Keeps status, plan and Events of all windows true."""

    def __init__(self, api: ClusterApi, rounds: Rounds) -> None:
        self._api = api
        self._rounds = rounds
        self._windows: dict[Key, Observed] = {}
        self._deleted: dict[Key, int] = {}
        """At which version windows went since the last list."""
        self._plans: dict[str, str] = {}
        self._too_large: dict[str, frozenset[str]] = {}
        self._dirty: set[Key] = set()
        self._scheduler: Scheduler[Key] = Scheduler()
        self._retries: dict[Key, float] = {}
        self._woken = asyncio.Event()
        self._resync_at = datetime.min.replace(tzinfo=UTC)
        self._listed = False
        self._limit = asyncio.Semaphore(_AT_ONCE)
        self.ready = False
        """Whether everything has been looked at once."""
        self.last_round = time.monotonic()
        """When the loop last came round, for the liveness probe."""

    def observe(self, kind: str | None, item: Object) -> None:
        """Take an event of the watch, or with None an object of a list, whichever comes first."""
        key, version = _key(item), _version(item)
        known = self._windows.get(key)
        if version < max(_version(known.object) if known else 0, self._deleted.get(key, 0)):
            return
        if kind != "DELETED":
            self._windows[key] = read(item)
            self._mark(key)
            return
        self._deleted[key] = version
        if known:
            self._forget(key)

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
            due = self._scheduler.pop_due(now)
            dirty, self._dirty = self._dirty | due, set()
            await self._reconcile(dirty)
            self.ready = self._listed
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

    def _must_resync(self, now: datetime) -> bool:
        """Now and then, and when the clock was set back, which changes what statuses should be."""
        return not timedelta(0) < self._resync_at - now <= _RESYNC

    async def _try_resync(self, now: datetime) -> None:
        try:
            await self._resync()
            self._resync_at = now + _RESYNC
            self._listed = True
            await self._rounds.sweep()
        except FAILURES as error:
            logger.warning("windows and plans can't be listed: %s", message_of(error))
            self._resync_at = now + _RESYNC_RETRY

    async def _resync(self) -> None:
        """List everything: what was deleted while a watch was down is never told otherwise."""
        self._plans = await self._api.list_plans()
        listed, version = await self._api.list_windows()
        items = {_key(item): item for item in listed}
        for key in self._windows.keys() - items.keys():
            # The watch may be ahead of the list.
            if _version(self._windows[key].object) <= version:
                self._forget(key)
        for item in items.values():
            self.observe(None, item)
        self._deleted.clear()
        self._dirty |= {(namespace, "") for namespace in self._plans}

    def _forget(self, key: Key) -> None:
        self._rounds.forget(self._windows.pop(key))
        self._retries.pop(key, None)
        self._scheduler.arrange(key, None)
        self._mark(key)

    def _mark(self, key: Key) -> None:
        self._dirty |= {key, (key[0], "")}
        self._woken.set()

    def _mark_all(self, namespace: str) -> None:
        self._dirty |= {key for key in self._windows if key[0] == namespace}

    def _fate(self, observed: Observed) -> Fate:
        namespace = observed.namespace
        if (namespace, "") in self._retries:
            return Fate.NOT_WRITTEN
        too_large = observed.uid in self._too_large.get(namespace, frozenset())
        return Fate.TOO_LARGE if too_large else Fate.PLANNED

    async def _reconcile(self, keys: Iterable[Key]) -> None:
        """Plans first: a window is Ready once it is in the plan."""
        keys = set(keys)
        await self._each(self._write_plan, {key for key in keys if not key[1]})
        await self._each(self._write_status, {key for key in keys if key in self._windows})

    async def _each(self, write: Write, keys: Iterable[Key]) -> None:
        async with asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(self._try(write, key))

    async def _try(self, write: Write, key: Key) -> None:
        async with self._limit:
            failed_before = key in self._retries
            try:
                await write(key, datetime.now(UTC))
                self._retries.pop(key, None)
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
        delay = self._retries.get(key, _FIRST_RETRY)
        self._retries[key] = min(delay * 2, _LONGEST_RETRY)
        self._scheduler.arrange(key, datetime.now(UTC) + timedelta(seconds=delay))
        logger.warning("%s/%s: %s; next try in %.0f s", *key, message_of(error), delay)

    async def _write_plan(self, key: Key, now: datetime) -> None:
        namespace = key[0]
        windows = [o.window for (ns, _), o in self._windows.items() if ns == namespace and o.window]
        text, too_large = make_plan(windows, now)
        if too_large != self._too_large.get(namespace, frozenset()):
            self._too_large[namespace] = too_large
            self._mark_all(namespace)
        known = self._plans.get(namespace)
        if known != text and (windows or known is not None):
            await self._api.apply_plan(namespace, text)
            self._plans[namespace] = text
        self._scheduler.arrange(key, _next_midnight(now) if windows else None)

    async def _write_status(self, key: Key, now: datetime) -> None:
        observed = self._windows.get(key)
        if observed is None:
            return
        # Whatever rings from here on is answered by another look.
        self._scheduler.arrange(key, None)
        missing = unplanned(observed, self._fate(observed), self._plans.get(observed.namespace))
        asked = await self._rounds.about(observed, missing)
        if self._windows.get(key) is not observed:
            return  # another version has come, and has its own turn
        now = asked.began or now
        status = desired_status(observed, self._fate(observed), now, asked.proof)
        wait = self._rounds.wait(observed, status)
        if status != observed.status and not wait:
            await self._tell(key, observed, status, asked)
        look_again = now + wait if wait else asked.proof.look_again
        for instant in (next_edge(observed, now), look_again):
            if instant is not None:
                self._scheduler.hasten(key, instant)
        if await self._rounds.clear(observed.namespace, asked.proof.suspects):
            self._mark(key)

    async def _tell(self, key: Key, observed: Observed, status: Object, asked: Round) -> None:
        """Write a status, and the Events that it is worth."""
        now = datetime.now(UTC)
        for event in events(observed, status, now):
            await self._record(key, event)
        asked.check_age()
        self._keep(key, await self._api.apply_status(observed, status))
        self._rounds.wrote(observed)
        for event in proof_events(observed, status, now):
            await self._record(key, event)

    async def _record(self, key: Key, event: Object) -> None:
        await self._api.create_event(event)
        logger.info("%s/%s: %s: %s", *key, event["reason"], event["note"])

    def _keep(self, key: Key, item: Object) -> None:
        known = self._windows.get(key)
        if known and _version(item) >= _version(known.object):
            self._windows[key] = read(item)


def _key(item: Object) -> Key:
    return str(item["metadata"]["namespace"]), str(item["metadata"]["name"])


def _version(item: Object) -> int:
    """The resource version, which grows with time."""
    return int(item["metadata"]["resourceVersion"])


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
