"""K8sBackend: windows from the cluster, in memory, whatever becomes of the cluster."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from dataclasses import replace
from typing import Literal

import anyio

from fastapi_maintenance.backends.base import APP_VARIABLE, BaseStateBackend, wall_clock
from fastapi_maintenance.backends.env import EnvVarBackend
from fastapi_maintenance.windows import OFF, Opening, Response, State, strictest, switched

from .identity import find_identity
from .reports import Reports, reports_by_default
from .sharing import join, leave
from .views import View
from .watcher import Health, Target, Watcher

logger = logging.getLogger(__name__)

_UNKNOWN = switched(
    Opening(
        response=Response(message="Service is starting", retry_after_seconds=5), probes_pass=True
    )
)


_LOOK_EVERY = 0.005
"""Seconds between two looks at what start-up waits for."""

_NOT_LISTED = "no list of windows within %s s of starting"
_NOT_REPORTED = (
    "not registered as a MaintenanceProcess within %s s of starting: nobody who waits until all "
    "has drained waits for this process"
)


class K8sBackend(BaseStateBackend):
    """Follows the MaintenanceWindows, or the ConfigMaps, of a namespace.

    A daemon thread lists and watches, one for all objects of a process that follow the same;
    requests read memory. Constructing never waits and never
    fails for the world's state, and what is known stays known while the API server is away.

    Args:
        app: this application's name, which windows match by their ``apps``; default
            ``$FASTAPI_MAINTENANCE_APP``.
        source: ``maintenancewindow`` watches the resources themselves; ``configmap`` needs neither
            the CRD nor the operator for the switch, and the operator for windows.
        namespace: default the Pod's own, or the kubeconfig context's.
        context: use this context of a kubeconfig, outside a Pod.
        kubeconfig: use this kubeconfig; default ``$FASTAPI_MAINTENANCE_KUBECONFIG``. The implicit
            ``~/.kube/config`` and ``$KUBECONFIG`` are used only with ``context``.
        outside_cluster: what decides outside a Pod when no kubeconfig is asked for.
        sync_timeout: seconds that start-up waits for the first list.
        before_first_sync: what becomes of requests when it has not come by then.
        report: whether the process says as a MaintenanceProcess what it enforces; default in a Pod
            only. Then start-up waits for its registration, too.
    """

    probes_pass = True

    def __init__(
        self,
        app: str | None = None,
        *,
        source: Literal["maintenancewindow", "configmap"] = "maintenancewindow",
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | os.PathLike[str] | None = None,
        outside_cluster: BaseStateBackend | None = None,
        sync_timeout: float = 5.0,
        before_first_sync: Literal["serve", "refuse"] = "serve",
        report: bool | None = None,
    ) -> None:
        if app is not None and not isinstance(app, str):
            raise TypeError(
                f"app is this application's name, not {type(app).__name__}: the FastAPI object "
                "goes to add_middleware(MaintenanceModeMiddleware, backend=K8sBackend('orders'))"
            )
        if source not in ("maintenancewindow", "configmap"):
            raise ValueError(f"source={source!r}: write 'maintenancewindow' or 'configmap'")
        self.app = app or os.environ.get(APP_VARIABLE)
        self.sync_timeout = sync_timeout
        self._is_strict = before_first_sync == "refuse"
        self._unsynced = _UNKNOWN if self._is_strict else OFF
        self.ready = False
        self._outside = outside_cluster or EnvVarBackend()
        self._view = View(self.app)
        self._watcher: Watcher | None = None
        self._began_at = 0.0
        self._is_closed = False
        self._lock = threading.Lock()
        identity = find_identity(context, kubeconfig)
        self._target = None if identity is None else Target(identity, source, namespace)
        wanted = reports_by_default(identity) if report is None else report
        self.reports = self._target is not None and wanted
        self._reports = Reports(self, self.app, self._view, self.reports)
        if self._target is not None and self.app is None:
            logger.warning(
                "this application has no name, so only windows for every app concern it: "
                "pass app= or set %s",
                APP_VARIABLE,
            )
        _alive.add(self)

    def state(self) -> State:
        """What holds now, from memory."""
        watcher = self._watcher
        if watcher is None:
            if self._target is None:
                return self._outside.state()
            if not (self.reports and self._is_closed):  # a look must not register what ends
                self._begin(self._target)
        timeline, now = self._view.timeline, wall_clock()
        if timeline is None or (self._is_strict and not self._reports.allow_serving):
            return self._unsynced
        state = self._reports.hold(timeline.at(now), now)
        return state if self._view.complete else strictest(state, self._unsynced)

    def start(self) -> None:
        """Start the thread that watches; returns at once."""
        if self._target is None:
            self._outside.start()
        else:
            self._begin(self._target)

    async def wait_until_ready(self) -> None:
        """Return when everything has been listed once, at the latest after `sync_timeout`."""
        if self._target is None:
            await self._outside.wait_until_ready()
        else:
            await self._wait_for_sync(self._begin(self._target))
        self.ready = True

    def close(self) -> None:
        """End the thread. What is known stays; the next request starts it again."""
        # Before anything is counted for the last time.
        self.ready, self._is_closed = False, True
        with self._lock:
            watcher, self._watcher = self._watcher, None
        self._reports.end()
        if self._target is None:
            self._outside.close()
        elif watcher is not None:
            leave(self._target, watcher, self._view)

    def health(self) -> Health | None:
        """How the watch is doing; None where there is none: outside a cluster, or not started."""
        watcher = self._watcher
        if watcher is None:
            return None
        health = watcher.health()
        rejected = health.rejected + self._view.rejected
        return replace(health, rejected=rejected, unreported=self._reports.trouble)

    def _begin(self, target: Target) -> Watcher:
        with self._lock:
            if self._watcher is None:
                self._began_at, self._is_closed = time.monotonic(), False
                self._watcher = join(target, self._view)
                self._reports.begin(target)
            return self._watcher

    async def _wait_for_sync(self, watcher: Watcher) -> None:
        # The thread is not of this event loop, and the loop need not be asyncio's: hence no event.
        while self._must_wait(watcher):  # noqa: ASYNC110
            await anyio.sleep(_LOOK_EVERY)

    def wait(self) -> None:
        """As `wait_until_ready`, for code without an event loop."""
        if self._target is None:
            self._outside.wait()
        else:
            watcher = self._begin(self._target)
            while self._must_wait(watcher):
                time.sleep(_LOOK_EVERY)
        self.ready = True

    def _must_wait(self, watcher: Watcher) -> bool:
        """Whether to wait on; says what is missing when the time for that is over."""
        if watcher.synced and self._reports.allow_serving:
            return False
        if time.monotonic() < self._began_at + self.sync_timeout:
            return True
        logger.error(_NOT_LISTED if not watcher.synced else _NOT_REPORTED, self.sync_timeout)
        return False

    def _forget_thread(self) -> None:
        """A thread does not survive a fork: the child starts its own with its first request."""
        self._lock = threading.Lock()
        self._watcher = None
        self._reports.forget()
        self.ready = False


_alive: weakref.WeakSet[K8sBackend] = weakref.WeakSet()


def _after_fork() -> None:
    for backend in _alive:
        backend._forget_thread()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
