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
from collections.abc import Hashable
from dataclasses import dataclass

from fastapi_maintenance.backends.base import wall_clock
from fastapi_maintenance.backends.plan_age import PlanAge

from .complaints import Complaints
from .identity import Identity, KubeconfigIdentity
from .pace import Pace
from .reflector import Failure, Reflector
from .sources import PLAN_CONFIGMAP, Object, PlanStore, SwitchStore, WindowStore
from .transport import NoAccess, Transport
from .views import Known, View
from .written import Guarded, written_of

logger = logging.getLogger(__name__)

Stores = tuple[WindowStore] | tuple[SwitchStore, PlanStore]

_CLOSE_TIMEOUT = 1.0
_LEARN_TIMEOUT = 5.0
"""Seconds; on a busy machine the thread may be late, and a request must meet what was written."""
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
    unreported: str | None = None
    """Why nobody can rely on what this process says of itself now: it is not registered, or its
    last report has failed. None while all is well, or where it is not to report."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is followed, and as whom."""

    identity: Identity
    source: str
    namespace: str | None
    """None is the identity's own."""

    @property
    def key(self) -> Hashable:
        """Equal for targets that one watch serves."""
        return self.identity.key, self.source, self.namespace

    def make_stores(self) -> Stores:
        """For all that is followed."""
        if self.source == "maintenancewindow":
            return (WindowStore(),)
        return SwitchStore(), PlanStore()


class Ear:
    """What one reflector tells: each collection has its own troubles."""

    def __init__(self, name: str, complaints: Complaints) -> None:
        self.restarts = 0
        self._name, self._complaints = name, complaints
        self._heard_at: float | None = None

    @property
    def age(self) -> float | None:
        """Seconds since it was well; None if it never was."""
        return None if self._heard_at is None else time.monotonic() - self._heard_at

    def healthy(self) -> None:
        """The API server answered as it should."""
        self._heard_at = time.monotonic()
        self._complaints.settle(self._name)

    def failed(self, error: Failure) -> None:
        """It did not; said once, until it changes."""
        self._complaints.complain(self._name, error)

    def restarted(self) -> None:
        """A watch is opened again."""
        self.restarts += 1


class Watcher:
    """Follows a target from `start` to `close`, and shows the views what it adds up to."""

    def __init__(
        self,
        target: Target,
        stores: Stores,
        pace: Pace = Pace(),  # noqa: B008
    ) -> None:
        self.synced = False
        """Whether everything that is followed has been listed once, by this watcher."""
        self._target = target
        self._stores = stores
        self._written = written_of(target.key)
        self._written.tell(self)
        self._guarded: tuple[Guarded, ...] = ()
        self._namespace = ""
        self._pace = pace
        self._views: list[View] = []
        self._lock = threading.Lock()
        self._known: Known | None = None
        self._ears: tuple[Ear, ...] = ()
        self._complaints = Complaints(target.source)
        self._age = PlanAge(f"the plan {PLAN_CONFIGMAP}")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False
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

    def add(self, view: View) -> None:
        """Let a view see what is known, from now on."""
        with self._lock:
            self._views.append(view)
            if self._known is not None:
                view.take(self._known)

    def remove(self, view: View) -> bool:
        """Let it see no more; whether it was the last one."""
        with self._lock:
            self._views.remove(view)
            return not self._views

    def learn(self, item: Object | None) -> None:
        """Take an object that this process has written, or look anew at what it has removed.

        Returns when requests meet it.
        """
        done = threading.Event()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._learn, item, done)
                done.wait(_LEARN_TIMEOUT)

    def health(self) -> Health:
        """How it is doing."""
        known, stores = self._known, self._stores
        return Health(
            synced=self.synced,
            age=max((ear.age for ear in self._ears), default=None, key=_never_is_longest),
            last_error=self._complaints.current,
            restarts=sum(ear.restarts for ear in self._ears),
            objects=len(known.windows) if known else 0,
            rejected=sum(len(store.rejected) for store in stores),
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
        stores: tuple[WindowStore | SwitchStore | PlanStore, ...] = self._stores
        names = [type(store).__name__ for store in stores]
        self._ears = tuple(Ear(name, self._complaints) for name in names)
        self._namespace = namespace
        self._guarded = tuple(Guarded(store, self._written) for store in stores)
        transport = Transport(self._target.identity, self._pace)
        try:
            async with asyncio.TaskGroup() as group:
                for store, ear in zip(self._guarded, self._ears, strict=True):
                    store.begin(self._publish)
                    resource = store.resource(namespace)
                    how = (self._pace, store.oldest)
                    reflector = Reflector(transport, resource, store, ear, *how)
                    group.create_task(reflector.run())
                group.create_task(self._watch_age())
        finally:
            await transport.close()

    async def _find_namespace(self) -> str:
        while True:
            try:
                namespace = self._target.identity.namespace
            except Exception as error:  # a kubeconfig can be wrong in many ways, and be mended
                self._complaints.complain("namespace", NoAccess("the namespace", error))
                await asyncio.sleep(1.0)
            else:
                self._complaints.settle("namespace")
                return namespace

    async def _watch_age(self) -> None:
        """Say when the plan is past its time, also where no request comes and no event."""
        while True:
            self._age.look(wall_clock())
            rest = self._age.valid_until - wall_clock()
            await asyncio.sleep(max(0.001, min(rest, _LOOK_AT_AGE_EVERY)))

    def _learn(self, item: Object | None, done: threading.Event) -> None:
        for store in self._guarded:
            store.learn(item)
        if self._guarded:
            self._publish()
        done.set()

    def _publish(self) -> None:
        """Put what the stores know before the requests, in one step.

        What has been listed counts at once: a switch does not wait for a plan that may not be read.
        """
        first, last = self._stores[0], self._stores[-1]
        known = Known(
            self._namespace,
            windows=self._written.without_removed(last.windows),
            words=first.words if isinstance(first, SwitchStore) else None,
            complete=first.synced and last.synced,
            unread=last.unread,
        )
        with self._lock:
            self._known = known
            for view in self._views:
                view.take(known)
        self.synced = self.synced or known.complete
        if isinstance(last, PlanStore):
            self._age.take(last.windows, wall_clock())


def _never_is_longest(age: float | None) -> float:
    return math.inf if age is None else age
