"""What this process has written itself, and so knows before the watch brings it.

No older word about it counts from then on: neither an event that was on its way, nor a list from a
cache that lags behind. So a change governs the very next request, and stays.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Hashable
from typing import Any, Protocol

from fastapi_maintenance.backends.forks import ForkLock
from fastapi_maintenance.windows import Window

from .sources import PlanStore, SwitchStore, WindowStore

Object = dict[str, Any]
AnyStore = WindowStore | SwitchStore | PlanStore

_MOST_REMEMBERED = 1024
"""Of what was removed; long before so many more, the watch has told of it."""


class Follower(Protocol):
    """Who follows the same objects by a watch."""

    def learn(self, item: Object | None) -> None:
        """Take an object, or None where one was removed; returns when requests meet it."""


class Written:
    """The versions of what was written, and what was removed."""

    def __init__(self) -> None:
        self.forget_followers()
        self._versions: dict[tuple[str, str], int] = {}
        self._oldest: dict[str, int] = {}
        self._removed: dict[str, None] = {}

    def tell(self, follower: Follower) -> None:
        """Tell it of what is written from now on."""
        with self._lock:
            self._followers.add(follower)

    def forget_followers(self) -> None:
        """Threads and their locks do not survive a fork."""
        self._lock = threading.Lock()
        self._followers: weakref.WeakSet[Follower] = weakref.WeakSet()

    def changed(self, item: Object) -> None:
        """The API server has answered a write with this object."""
        kind, name, version = item["kind"], item["metadata"]["name"], _version(item)
        self._versions[kind, name] = max(version, self._versions.get((kind, name), 0))
        self._oldest[kind] = max(version, self._oldest.get(kind, 0))
        self._tell(item)

    def removed(self, item: Object) -> None:
        """The API server has deleted this object."""
        self._versions.pop((item["kind"], item["metadata"]["name"]), None)
        self._removed[item["metadata"]["uid"]] = None
        if len(self._removed) > _MOST_REMEMBERED:
            del self._removed[next(iter(self._removed))]
        self._tell(None)

    def _tell(self, item: Object | None) -> None:
        with self._lock:
            followers = list(self._followers)
        for follower in followers:
            follower.learn(item)

    def rewind(self, kind: str) -> None:
        """Forget what was written: a backup was restored, and versions grow from there anew."""
        self._oldest.pop(kind, None)
        others = [(key, version) for key, version in [*self._versions.items()] if key[0] != kind]
        self._versions = dict(others)
        self._removed = {}

    def has_removed(self, uid: str | None) -> bool:
        """Whether an object is gone, whatever is still heard of it."""
        return uid in self._removed

    def without_removed(self, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        """Windows that are not known to be gone; the same tuple where all are there."""
        if not self._removed or not any(self.has_removed(window.uid) for window in windows):
            return windows
        return tuple(window for window in windows if not self.has_removed(window.uid))

    def oldest(self, kind: str) -> int:
        """The version that a list must have at least."""
        return self._oldest.get(kind, 0)

    def is_outdated(self, kind: str, item: Object) -> bool:
        """Whether this process knows better."""
        return self.has_removed(item["metadata"].get("uid")) or self.precedes(kind, item)

    def precedes(self, kind: str, item: Object) -> bool:
        """Whether it is older than what was written under this name."""
        return _version(item) < self._versions.get((kind, item["metadata"]["name"]), 0)


class Guarded:
    """A store, for who fills it now: it takes no word older than what this process has written.

    Nor any of a thread that has been told to end and still works on an event when the next one has
    begun: that would bring back what is gone.
    """

    def __init__(self, store: AnyStore, written: Written) -> None:
        self._store = store
        self._written = written
        self._kind = "MaintenanceWindow" if isinstance(store, WindowStore) else "ConfigMap"
        self.begin = store.begin
        self.resource = store.resource
        store.owner = self

    @property
    def version(self) -> str:
        """Up to which all has been seen."""
        return self._store.version

    @version.setter
    def version(self, version: str) -> None:
        if self._store.owner is self:
            self._store.version = version

    def oldest(self) -> int:
        """The version that a list must have at least."""
        return self._written.oldest(self._kind)

    def rewind(self) -> None:
        """What this process has written is no more."""
        self._written.rewind(self._kind)

    def replace(self, objects: list[Object]) -> None:
        """Take a whole list."""
        with self._store.turn:
            if self._store.owner is self:
                self._store.replace(objects)

    def settle(self) -> None:
        """Let what was taken count."""
        if self._store.owner is self:
            self._store.settle()

    def update(self, kind: str, item: Object) -> None:
        """Take an event, unless it is older."""
        # The end of what was removed is no news of another that has its name since.
        ends = kind == "DELETED"
        old = self._written.precedes if ends else self._written.is_outdated
        if old(self._kind, item):
            return
        with self._store.turn:
            if self._store.owner is self:
                self._store.update(kind, item)

    def learn(self, item: Object | None) -> None:
        """Take what was written, unless the watch has come that far.

        A watch tells of a collection in the order of its versions.
        """
        if item is None or item["kind"] != self._kind or isinstance(self._store, PlanStore):
            return
        with self._store.turn:
            if self._store.owner is self and _version(item) > int(self._store.version or 0):
                self._store.update("MODIFIED", item)


def _version(item: Object) -> int:
    """Versions grow with time (KEP-5504)."""
    return int(item["metadata"]["resourceVersion"])


def written_of(key: Hashable) -> Written:
    """What was written to a target, by whichever object of this process."""
    with _registering:
        return _shared.setdefault(key, Written())


_registering = ForkLock()
_shared: weakref.WeakValueDictionary[Hashable, Written] = weakref.WeakValueDictionary()


def _after_fork() -> None:
    for written in list(_shared.values()):
        written.forget_followers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
