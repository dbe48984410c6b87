"""One heap of instants for all windows: cheaper than a timer for each of them."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_SPARE = 64
"""Entries more than it needs twice over, before it is worth dropping them."""


class Scheduler(Generic[Key]):
    """Says which keys are due; each key is due once, at the instant that was set for it last."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Key]] = []
        self._due: dict[Key, datetime] = {}
        self._count = 0

    def arrange(self, key: Key, at: datetime | None) -> None:
        """Make a key due at an instant, instead of any earlier arrangement; None unsets it."""
        if at is None:
            self._due.pop(key, None)
        elif self._due.get(key) != at:
            self._due[key] = at
            self._count += 1
            heapq.heappush(self._heap, (at, self._count, key))
            if len(self._heap) > 2 * len(self._due) + _SPARE:
                self._tidy()

    def _tidy(self) -> None:
        """Drop what was arranged otherwise since: else it stays until its instant comes."""
        numbered = enumerate(self._due.items(), self._count + 1)
        self._heap = [(at, number, key) for number, (key, at) in numbered]
        self._count += len(self._heap)
        heapq.heapify(self._heap)

    def hasten(self, key: Key, at: datetime) -> bool:
        """Make a key due at an instant, unless it is due earlier; gives whether that moved it."""
        if key in self._due and self._due[key] <= at:
            return False
        self.arrange(key, at)
        return True

    def pop_due(self, now: datetime) -> set[Key]:
        """The keys whose instant has come."""
        due = set()
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at:
                del self._due[key]
                due.add(key)
        return due

    def next(self) -> datetime | None:
        """The earliest instant that is set."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
