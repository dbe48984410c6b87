"""The thread that follows the cluster, with an event loop of its own.

A thread, since it must live without lifespan events, under a busy application loop and beyond the
loop of a single request, as under a TestClient.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from dataclasses import dataclass

from fastapi_maintenance.backends.base import wall_clock
from fastapi_maintenance.backends.plan_age import PlanAge
from fastapi_maintenance.windows import OFF, Timeline

from .complaints import Complaints
from .identity import Identity, KubeconfigIdentity
from .reflector import Failure, Reflector
from .sources import PLAN_CONFIGMAP, PlanStore, SwitchStore, WindowStore
from .transport import Transport, Unreachable

logger = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 1.0
_LOOK_AT_AGE_EVERY = 60.0
"""Seconds; the clock may be set meanwhile."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the watch is doing."""

    synced: bool
    """Whether everything that is followed has been listed once."""
    age: float | None
    """Seconds since the API server was last heard; None before the first time."""
    last_error: str | None
    """What is wrong now; None while all is well."""
    restarts: int
    """How often a watch was opened again."""
    objects: int
    """Windows known."""
    rejected: int
    """Objects that could not be understood."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is followed, for whom."""

    identity: Identity
    source: str
    namespace: str | None
    """None is the identity's own."""
    app: str | None


class Ear:
    """What one reflector tells: each collection has its own troubles."""

    def __init__(self, source: str) -> None:
        self.complaints = Complaints(source)
        self.restarts = 0
        self._heard_at: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since it was well; None if it never was."""
        return None if self._heard_at is None else time.monotonic() - self._heard_at

    def healthy(self) -> None:
        """The API server answered as it should."""
        self._heard_at = time.monotonic()
        self.complaints.settle()

    def failed(self, error: Failure) -> None:
        """It did not; said once, until it changes."""
        self.complaints.complain(error)

    def restarted(self) -> None:
        """A watch is opened again."""
        self.restarts += 1


class Watcher:
    """Follows a target from `start` to `close`, and keeps the timeline that it adds up to."""

    def __init__(self, target: Target, known: Timeline | None = None) -> None:
        self.timeline = known
        """What is known; None before the first list, and replaced whole."""
        self.started_at = time.monotonic()
        self._target = target
        self._stores: tuple[WindowStore | SwitchStore | PlanStore, ...] = ()
        self._ears: tuple[Ear, ...] = ()
        self._complaints = Complaints(target.source)
        self._age = PlanAge(f"the plan {PLAN_CONFIGMAP}")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.synced = False
        """Whether everything that is followed has been listed once, by this watcher."""
        self._thread = threading.Thread(target=self._run, name="fastapi-maintenance", daemon=True)

    def start(self) -> None:
        """Start the thread; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, within a second, also one that has hardly begun."""
        self._closed = True
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_CLOSE_TIMEOUT)

    def health(self) -> Health:
        """How it is doing."""
        return Health(
            synced=self.synced,
            age=max((ear.age for ear in self._ears), default=None, key=_never_is_longest),
            last_error=self._complaints.current
            or next((e.complaints.current for e in self._ears if e.complaints.current), None),
            restarts=sum(ear.restarts for ear in self._ears),
            objects=len(self.timeline.windows) if self.timeline else 0,
            rejected=sum(len(store.rejected) for store in self._stores),
        )

    # The thread

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._follow())

    async def _follow(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._closed:
            return
        namespace = self._target.namespace or await self._find_namespace()
        if isinstance(self._target.identity, KubeconfigIdentity):
            logger.warning("watching namespace %s by %s", namespace, self._target.identity)
        self._stores = self._make_stores(namespace)
        self._ears = tuple(Ear(self._target.source) for _ in self._stores)
        transport = Transport(self._target.identity)
        try:
            async with asyncio.TaskGroup() as group:
                for store, ear in zip(self._stores, self._ears, strict=True):
                    reflector = Reflector(transport, store.resource(namespace), store, ear)
                    group.create_task(reflector.run())
                group.create_task(self._watch_age())
        finally:
            await transport.close()

    async def _find_namespace(self) -> str:
        while True:
            try:
                namespace = self._target.identity.namespace
                self._complaints.current = None
                return namespace
            except Exception as error:  # a kubeconfig can be wrong in many ways, and be mended
                self._complaints.complain(Unreachable(f"the namespace can't be read: {error}"))
                await asyncio.sleep(1.0)

    async def _watch_age(self) -> None:
        """Say when the plan is past its time, also where no request comes and no event."""
        while True:
            self._age.look(wall_clock())
            rest = self._age.valid_until - wall_clock()
            await asyncio.sleep(max(0.001, min(rest, _LOOK_AT_AGE_EVERY)))

    def _make_stores(self, namespace: str) -> tuple[WindowStore | SwitchStore | PlanStore, ...]:
        if self._target.source == "maintenancewindow":
            return (WindowStore(self._changed),)
        switch = SwitchStore(self._changed, namespace, self._target.app)
        return (switch, PlanStore(self._changed))

    def _changed(self) -> None:
        """Put what the stores know before the requests, in one step."""
        if not all(store.synced for store in self._stores):
            return
        windows = [w for store in self._stores for w in getattr(store, "windows", ())]
        switch = next((s.state for s in self._stores if isinstance(s, SwitchStore)), OFF)
        self.timeline = Timeline(windows, self._target.app, switch)
        self.synced = True
        planned = [w for s in self._stores if isinstance(s, PlanStore) for w in s.windows]
        self._age.take(planned, wall_clock())


def _never_is_longest(age: float | None) -> float:
    return math.inf if age is None else age
