"""The thread in which a process reports, from the first look on to the last act."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING

from .process_api import Left, ProcessObject
from .process_self import find_self
from .report import Account
from .reporter import Reporter, Source
from .transport import Transport

if TYPE_CHECKING:
    from .watcher import Target

logger = logging.getLogger(__name__)

_PATIENCE, _FAREWELL = 0.8, 0.2
"""Seconds that the end of a process waits for its last report, and then for the thread."""
_LOOK_FOR_NAMESPACE_EVERY = 1.0


class Reporting:
    """Reports for one backend, from `start` to `close`.

    Args:
        target: what is followed, and as whom.
        app: the name by which windows match this process.
        account: what it may say.
        known: the windows that are known here.
        left: objects that earlier ones had to leave behind.
    """

    def __init__(
        self, target: Target, app: str | None, account: Account, known: Source, left: Left
    ) -> None:
        self._left = left
        self.reporter = Reporter(account, known)
        self._target, self._app = target, app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        name = "fastapi-maintenance-report"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread; returns at once."""
        _running.add(self)
        self._thread.start()

    def close(self) -> None:
        """Unregister, and end the thread, within a second.

        While something still runs the object stays, as does the thread: it unregisters when that
        has ended, if the process lives on so long. So it does where the API server is away.
        """
        self.reporter.stop()
        in_time = self.reporter.settled.wait(_PATIENCE)
        if in_time and not self.reporter.has_left:
            return
        if self._loop is not None and self._task is not None and not in_time:
            with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_FAREWELL)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._report())

    async def _report(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            namespace = self._target.namespace or await self._find_namespace()
            await self._report_in(namespace, Transport(self._target.identity))
        finally:
            self.reporter.settled.set()
            _running.discard(self)

    async def _report_in(self, namespace: str, transport: Transport) -> None:
        who = find_self(self._app, namespace)
        process = ProcessObject(transport, namespace, who, self._target.source, self._left)
        try:
            await self._run_reporter(process)
            await self.reporter.clear_up(process)
        finally:
            await transport.close()

    async def _run_reporter(self, process: ProcessObject) -> None:
        """Until it has left, or `close` gives up waiting for that."""
        task = asyncio.current_task()
        try:
            await self.reporter.run(process)
        except asyncio.CancelledError:
            assert task is not None
            task.uncancel()  # what it was about to make or to remove is still to be removed
        finally:
            self.reporter.has_left = True

    async def _find_namespace(self) -> str:
        while True:
            try:
                return self._target.identity.namespace
            except Exception:  # the watch says so; a kubeconfig can be mended
                await asyncio.sleep(_LOOK_FOR_NAMESPACE_EVERY)


_running: weakref.WeakSet[Reporting] = weakref.WeakSet()


def _close_all() -> None:
    """The last act of a process that nobody told to shut down."""
    for reporting in list(_running):
        reporting.close()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)  # threads do not survive a fork
