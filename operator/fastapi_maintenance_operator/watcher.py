"""kopf, which watches, in a thread of its own.

At its end kopf cancels whatever runs in its event loop; and ten thousand events, each of them JSON
and a task, must hold up neither the renewal of the Lease nor a probe.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Any

import kopf

from .controller import Controller
from .handlers import Forgetful, Notice, make_registry
from .reconcile import Object

Event = tuple[str | None, Object]
"""Its kind, and the object."""

_JOIN_SECONDS = 0.5


def _but_of_generators(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what went wrong unseen, as usual; but not while the loop closes what kopf left open.

    Its streams are generators around generators. At its end the loop closes them in any order, and
    the outer ones miss the inner.
    """
    if "asyncgen" not in context:
        loop.default_exception_handler(context)


class WatcherDied(Exception):
    """kopf ended by itself; without it, nothing new is seen."""


class Watcher:
    """Tells a controller of what changes, as long as the `with` block lasts.

    Args:
        controller: Is told, in the event loop that enters the block.
        namespace: The only one that is watched; all with None.
        notice: Is called for each event of a watch.
    """

    def __init__(self, controller: Controller, namespace: str | None, notice: Notice) -> None:
        self._controller, self._namespace, self._notice = controller, namespace, notice
        self._ended: asyncio.Future[None] | None = None
        self._inner: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = threading.Event()
        self._seen: deque[Event] = deque()

    async def __aenter__(self) -> Watcher:
        self._outer = asyncio.get_running_loop()
        self._ended = self._outer.create_future()
        # A daemon: a connection that hangs must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._started.wait()
        assert self._inner is not None
        assert self._task is not None
        with suppress(RuntimeError):  # it has ended already
            self._inner.call_soon_threadsafe(self._task.cancel)
        await asyncio.to_thread(self._thread.join, _JOIN_SECONDS)

    async def watch(self) -> None:
        """Wait for kopf's end.

        Raises:
            WatcherDied: why it ended.
        """
        assert self._ended is not None
        await asyncio.shield(self._ended)

    def _run(self) -> None:
        reason = "it stopped"
        try:
            asyncio.run(self._watch())
        except asyncio.CancelledError:
            pass
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        with suppress(RuntimeError):  # the outer loop has ended
            self._outer.call_soon_threadsafe(self._tell_end, reason)

    async def _watch(self) -> None:
        self._inner, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._inner.set_exception_handler(_but_of_generators)
        self._started.set()
        where = {"namespaces": [self._namespace]} if self._namespace else {"clusterwide": True}
        registry = make_registry(self._observe, self._namespace)
        memories = Forgetful()
        await kopf.operator(registry=registry, memories=memories, standalone=True, **where)

    def _observe(self, kind: str | None, item: Object) -> None:
        """Hand an event over to the thread of the controller, which wakes once for many."""
        self._seen.append((kind, item))
        if len(self._seen) == 1:
            with suppress(RuntimeError):  # the outer loop has ended
                self._outer.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        """Take one; what else this thread has to do comes in between."""
        if not self._seen:
            return
        try:
            self._notice()
            self._controller.observe(*self._seen[0])
        finally:
            self._seen.popleft()  # not before: whoever adds a second one wakes nobody
            if self._seen:
                self._outer.call_soon(self._take)

    def _tell_end(self, reason: str) -> None:
        assert self._ended is not None
        if not self._ended.done():
            self._ended.set_exception(WatcherDied(reason))
            self._ended.exception()  # nobody may be waiting any more
