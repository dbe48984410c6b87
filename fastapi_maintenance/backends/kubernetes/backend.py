"""K8sBackend: windows from the cluster, in memory, whatever becomes of the cluster.

Reading and writing are parted: a watcher's thread follows, and `Writing` writes.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Hashable
from dataclasses import replace
from typing import Any, Literal

import anyio

from fastapi_maintenance.backends.base import (
    APP_VARIABLE,
    BaseStateBackend,
    state_of_switch,
    wall_clock,
)
from fastapi_maintenance.backends.blocks import Blocks, blocks_of
from fastapi_maintenance.backends.env import DEFAULT_VARIABLE, EnvVarBackend
from fastapi_maintenance.backends.stages import Stage, stages_of
from fastapi_maintenance.windows import OFF, State, strictest

from .first_sync import UNKNOWN, FirstSync, pauses
from .identity import KUBECONFIG_VARIABLE, find_identity
from .reports import Reports, wants_reports
from .sharing import join, leave
from .views import View
from .watcher import Health, Target, Watcher
from .writer import Writer
from .writes import Writing
from .written import written_of

logger = logging.getLogger(__name__)

_FOLLOWS_NOTHING = (
    "no cluster is followed or reported to: there is no service account of a Pod, and %s is not "
    "set; %s alone decides. Set the first to follow a cluster, or pass outside_cluster= if this is "
    "meant"
)


class K8sBackend(BaseStateBackend):
    """Follows the MaintenanceWindows, or the ConfigMaps, of a namespace.

    A daemon thread lists and watches, one for all objects of a process that follow the same;
    requests read memory. Constructing never waits and never fails for the world's state, and known
    windows stay known while the API server is down.

    Args:
        app: this application's name, which windows match by their ``apps``; default
            ``$FASTAPI_MAINTENANCE_APP``.
        source: ``maintenancewindow`` watches the resources themselves; ``configmap`` needs neither
            the CRD nor the operator for the switch, and the operator for windows.
        namespace: default the Pod's own, or the kubeconfig context's.
        context: use this context of a kubeconfig, outside a Pod.
        kubeconfig: use this kubeconfig; default ``$FASTAPI_MAINTENANCE_KUBECONFIG``. The implicit
            ``~/.kube/config`` and ``$KUBECONFIG`` are used only with ``context``.
        outside_cluster: the backend that decides outside a Pod when no kubeconfig is asked for;
            default an `EnvVarBackend`, and a warning that no cluster is followed.
        sync_timeout: seconds that start-up waits for the first list.
        before_first_sync: whether to serve or to refuse requests if it has not come by then.
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
        self._unsynced = OFF if before_first_sync == "serve" else UNKNOWN
        self.ready = False
        self._outside = outside_cluster or EnvVarBackend()
        self._view = View(self.app)
        self._watcher: Watcher | None = None
        self._first_sync: FirstSync | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        identity = find_identity(context, kubeconfig)
        self._target = None if identity is None else Target(identity, source, namespace)
        if identity is None and outside_cluster is None:
            logger.warning(_FOLLOWS_NOTHING, KUBECONFIG_VARIABLE, DEFAULT_VARIABLE)
        self.reports = wants_reports(identity, report)
        self._reports = Reports(self, self.app, self._view, self.reports)
        self._blocks = self._own_blocks = self._find_blocks()
        self._writes: Writing | BaseStateBackend = self._outside
        if self._target is not None:
            self._writes = self._make_writing(self._target)
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
        if timeline is None or (self._unsynced is not OFF and not self._reports.allow_serving):
            return self._unsynced
        state = self._reports.hold(timeline.at(now), now)
        return state if self._view.complete else strictest(state, self._unsynced)

    def decide(self, fixed: State | None = None) -> State:
        """What holds now; a block refuses as its window does."""
        if self._target is None:
            return self._outside.decide(fixed)
        on = self._own_blocks.innermost
        if on is None:
            return fixed or self.state()
        return self._in_block() if on else OFF

    def state_key(self) -> Hashable:
        """Who is meant, and where."""
        return self._outside.state_key() if self._target is None else (self.app, self._target.key)

    def block(self) -> bool | None:
        """What the innermost open block of this process says; None while there is none."""
        return self._outside.block() if self._target is None else self._own_blocks.innermost

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
        # The thread is not of this event loop, and the loop need not be asyncio's: hence no event.
        looking = pauses()
        while self._must_wait():  # noqa: ASYNC110
            await anyio.sleep(next(looking))
        self._open_gate()

    def wait(self) -> None:
        """As `wait_until_ready`, for code without an event loop."""
        if self._target is None:
            self._outside.wait()
        looking = pauses()
        while self._must_wait():
            time.sleep(next(looking))
        self._open_gate()

    def close(self) -> None:
        """End the thread. What is known stays; the next request starts it again."""
        with self._lock:
            # Before anything is counted for the last time.
            self.ready, self._is_closed = False, True
            watcher, self._watcher = self._watcher, None
            reporting = self._reports.end()
        if reporting is not None:
            reporting.close()
        if self._target is None:
            self._outside.close()
        elif watcher is not None:
            leave(self._target, watcher, self._view)

    async def set_value(self, value: bool) -> None:
        """Turn the app's switch on or off, for all its processes.

        While this application starts or ends, nothing is changed and the log says so: a Pod's
        coming and going is not the state of a fleet.

        Raises:
            StateNotWritten: it is as it was, unless the error says that nobody knows.
        """
        await self._writes.set_value(value)

    @property
    def blocks_are_local(self) -> bool:
        """Outside a cluster perhaps; within, others see a window."""
        return self._writes.blocks_are_local

    def opens_later(self, on: bool) -> bool:
        """To turn it on takes a request; to turn it off concerns this process alone."""
        return self._writes.opens_later(on)

    def open_block(self, on: bool) -> Any | Awaitable[Any]:
        """Begin a block: off for this process, on by a window for all of the app's.

        Raises:
            StateNotWritten: they can't be told of it.
        """
        return self._writes.open_block(on)

    def close_block(self, block: Any) -> Awaitable[None] | None:
        """End a block; nothing where it is another process's, from before a fork."""
        return self._writes.close_block(block)

    def wait_for_others(self, block: Any, what: str, until: float) -> Awaitable[None] | None:
        """Return when the operator says that all processes have enforced it, or are drained."""
        return self._writes.wait_for_others(block, what, until)

    def note_stage(self, owner: Hashable, stage: Stage | None) -> None:
        """The application starts, serves or ends."""
        self._writes.note_stage(owner, stage)

    def health(self) -> Health | None:
        """How the watch is doing; None where there is none: outside a cluster, or not started."""
        watcher = self._watcher
        health = watcher.health() if watcher else None
        return health and replace(
            health,
            rejected=health.rejected + self._view.rejected,
            unreported=self._reports.trouble,
        )

    def last_sync(self) -> float | None:
        """When the API server was last heard, in seconds since 1970; None before the first time."""
        watcher = self._watcher
        age = watcher.health().age if watcher else None
        return None if age is None else time.time() - age

    def _in_block(self) -> State:
        # Once the server has been away for so long that the window is over, it holds here still.
        state = self.state()
        if state.reads is not None:
            return state
        # Beside what windows refuse: a gate may exempt from a switch what they refuse.
        return strictest(state, state_of_switch(probes_pass=True))

    def _find_blocks(self) -> Blocks:
        if self._target is None:
            return self._outside.blocks()
        return blocks_of((type(self), self.state_key()))

    def _make_writing(self, target: Target) -> Writing:
        writer, written = Writer(target.identity, target.namespace), written_of(target.key)
        stages = stages_of(self.state_key())
        stages.begin_anew()
        return Writing(writer, self.app, target.source, written, self._own_blocks, stages)

    def _begin(self, target: Target) -> FirstSync:
        with self._lock:
            if self._watcher is None or self._first_sync is None:
                self._is_closed = False
                self._watcher = join(target, self._view)
                self._first_sync = FirstSync(self._watcher, self._reports)
                self._reports.begin(target)
            return self._first_sync

    def _must_wait(self) -> bool:
        # Begun each time: it may be closed meanwhile.
        return self._target is not None and self._begin(self._target).must_wait(self.sync_timeout)

    def _open_gate(self) -> None:
        with self._lock:
            self.ready = self._target is None or self._watcher is not None

    def _forget_thread(self) -> None:
        """A thread does not survive a fork: the child starts its own with its first request."""
        self._lock = threading.Lock()
        self._watcher = None
        self._reports.forget()
        self.ready = False
        if isinstance(self._writes, Writing):
            self._writes.disown()


_alive: weakref.WeakSet[K8sBackend] = weakref.WeakSet()


def _after_fork() -> None:
    for backend in _alive:
        backend._forget_thread()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
