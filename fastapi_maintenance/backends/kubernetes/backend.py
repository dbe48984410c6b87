"""K8sBackend: windows from the cluster, in memory, whatever becomes of the cluster."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from typing import Literal

import anyio

from fastapi_maintenance.backends.base import APP_VARIABLE, BaseStateBackend, wall_clock
from fastapi_maintenance.backends.env import EnvVarBackend
from fastapi_maintenance.windows import (
    OFF,
    Opening,
    Response,
    State,
    Timeline,
    strictest,
    switched,
)

from .identity import PodIdentity, find_identity
from .report import Account
from .report_thread import Reporting
from .reporter import Source
from .watcher import Health, Target, Watcher

logger = logging.getLogger(__name__)

_UNKNOWN = switched(
    Opening(
        response=Response(message="Service is starting", retry_after_seconds=5), probes_pass=True
    )
)


class K8sBackend(BaseStateBackend):
    """Follows the MaintenanceWindows, or the ConfigMaps, of a namespace.

    A daemon thread lists and watches; requests read memory. Constructing never waits and never
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
        self._known: Timeline | None = None
        self._outside = outside_cluster or EnvVarBackend()
        self._watcher: Watcher | None = None
        self._lock = threading.Lock()
        identity = find_identity(context, kubeconfig)
        in_pod = isinstance(identity, PodIdentity)
        self.reports = identity is not None and (in_pod if report is None else report)
        self._account = Account(self, self.app)
        self._reporting: Reporting | None = None
        self._target = None if identity is None else Target(identity, source, namespace, self.app)
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
            watcher = self._begin(self._target)
        timeline, now = watcher.timeline, wall_clock()
        if timeline is None or (self._is_strict and not self._has_vouched()):
            return self._unsynced
        state = timeline.at(now)
        if now < self._account.held_until:  # the clock has stepped back
            state = strictest(state, self._account.held(now))
        return state

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
        self.ready = False  # before anything is counted for the last time
        with self._lock:
            watcher, self._watcher = self._watcher, None
            if watcher is not None:
                self._known = watcher.timeline
            reporting, self._reporting = self._reporting, None
        if reporting is not None:
            reporting.close()
        if watcher is not None:
            watcher.close()

    def health(self) -> Health | None:
        """How the watch is doing; None where there is none: outside a cluster, or not started."""
        watcher = self._watcher
        return watcher.health() if watcher else None

    def _begin(self, target: Target) -> Watcher:
        with self._lock:
            if self._watcher is None:
                self._watcher = watcher = Watcher(target, self._known)
                if self.reports:
                    known = Source(lambda: watcher.timeline if watcher.synced else None)
                    self._reporting = Reporting(
                        target.identity,
                        target.namespace,
                        self.app,
                        target.source,
                        self._account,
                        known,
                    )
                    self._reporting.start()
                watcher.start()
            return self._watcher

    def _has_vouched(self) -> bool:
        """Whether this process reports what it does, as far as it is to."""
        reporting = self._reporting
        return not self.reports or (reporting is not None and reporting.reporter.has_vouched)

    def _may_serve(self, watcher: Watcher) -> bool:
        return watcher.synced and self._has_vouched()

    async def _wait_for_sync(self, watcher: Watcher) -> None:
        # The thread is not of this event loop, and the loop need not be asyncio's: hence no event.
        until = watcher.started_at + self.sync_timeout
        while not self._may_serve(watcher) and time.monotonic() < until:  # noqa: ASYNC110
            await anyio.sleep(0.005)
        self._say_what_is_missing(watcher)

    def wait(self) -> None:
        """As `wait_until_ready`, for code without an event loop."""
        if self._target is None:
            self._outside.wait()
        else:
            watcher = self._begin(self._target)
            until = watcher.started_at + self.sync_timeout
            while not self._may_serve(watcher) and time.monotonic() < until:
                time.sleep(0.005)
            self._say_what_is_missing(watcher)
        self.ready = True

    def _say_what_is_missing(self, watcher: Watcher) -> None:
        if not watcher.synced:
            logger.error("no list of windows within %s s of starting", self.sync_timeout)
        elif not self._has_vouched():
            logger.error(
                "not registered as a MaintenanceProcess within %s s of starting: nobody who waits "
                "for Drained waits for this process",
                self.sync_timeout,
            )

    def _forget_thread(self) -> None:
        """A thread does not survive a fork: the child starts its own with its first request."""
        self._lock = threading.Lock()
        self._known = self._watcher.timeline if self._watcher else self._known
        self._watcher = self._reporting = None
        self._account = Account(self, self.app)
        self.ready = False


_alive: weakref.WeakSet[K8sBackend] = weakref.WeakSet()


def _after_fork() -> None:
    for backend in _alive:
        backend._forget_thread()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
