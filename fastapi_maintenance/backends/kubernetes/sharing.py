"""One watch for each target of a process, however many applications look at it."""

from __future__ import annotations

import os
import threading
from collections.abc import Hashable

from .views import View
from .watcher import Stores, Target, Watcher

_lock = threading.Lock()
_watchers: dict[Hashable, Watcher] = {}
_stores: dict[Hashable, Stores] = {}
"""What was last known of each target: a later watch, also a child's after a fork, begins there."""


def join(target: Target, view: View) -> Watcher:
    """Let a view see what becomes of a target; the first one starts the thread."""
    with _lock:
        watcher = _watchers.get(target.key)
        if watcher is None:
            stores = _stores.setdefault(target.key, target.make_stores())
            watcher = _watchers[target.key] = Watcher(target, stores)
            watcher.start()
        watcher.add(view)
        return watcher


def leave(target: Target, watcher: Watcher, view: View) -> None:
    """Let it see no more; the last one ends the thread."""
    with _lock:
        last = watcher.remove(view)
        if last and _watchers.get(target.key) is watcher:
            del _watchers[target.key]
    if last:
        watcher.close()


def _after_fork() -> None:
    """Threads do not survive a fork; locks that they held would stay locked."""
    global _lock
    _lock = threading.Lock()
    _watchers.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
