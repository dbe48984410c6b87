"""Locks that a fork leaves free.

Whoever holds a lock while another thread forks does not exist in the child, where the copy of the
lock would be held for ever.
"""

from __future__ import annotations

import os
import threading
import weakref


class ForkLock:
    """A `threading.Lock` that is free in the child of a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _all.add(self)

    def acquire(self, blocking: bool = True) -> bool:
        """Take it; whether that could be done."""
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """Let others take it."""
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Let it be free, whoever held it."""
        self._lock = threading.Lock()


_all: weakref.WeakSet[ForkLock] = weakref.WeakSet()


def _after_fork() -> None:
    for lock in list(_all):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
