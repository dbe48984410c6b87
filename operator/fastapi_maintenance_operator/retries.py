"""How long to wait after a failure: twice as long after each one, for each thing by itself."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_FIRST, _LONGEST = 1.0, 60.0


class Retries(Generic[Key]):
    """Which keys failed last time, and how long each is to wait."""

    def __init__(self) -> None:
        self._next: dict[Key, float] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._next

    def failed(self, key: Key) -> float:
        """Note a failure; gives the seconds until the next try."""
        delay = self._next.get(key, _FIRST)
        self._next[key] = min(delay * 2, _LONGEST)
        return delay

    def forget(self, key: Key) -> None:
        """Begin anew: it went well, or it is gone."""
        self._next.pop(key, None)
