"""Texts that are dear to make: few are made, one at a time, and each serves many readers.

Whoever can reach the page decides what is asked for, and how often. What that costs has an end all
the same: the process that makes these texts is the one that proves windows.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_FRESH = 1.0
"""Seconds for which one text serves all who ask for the same, at least."""
_SHARE = 10
"""It serves for so many times as long as it took: of thousands of windows that is half a second."""
_REST = 4
"""None is made for so many times as long as one took: a fifth of the time at most goes there."""
_OLDEST = 60.0
"""Seconds after which a text is no answer any more, however busy it is here."""
_PATIENCE = 5.0
"""Seconds that a reader waits before the last text will do, or none."""
_MOST_KEPT = 32
_MOST_MADE = 8
"""Different texts that are waited for at once."""
_MOST_READERS = 256
"""Those who wait for them."""

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    began: float
    """By the monotonic clock, as all times here."""
    until: float


class Texts:
    """The last of each kind; what is being made when the block ends is not awaited."""

    def __init__(self) -> None:
        self._kept: dict[Key, _Text] = {}
        self._making: dict[Key, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._rests_until = 0.0
        self._readers = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def forget(self) -> None:
        """All of them."""
        self._kept.clear()

    async def get(self, key: Key, make: Callable[[], str]) -> str | None:
        """What is kept, if it is fresh, else what `make` makes in a thread.

        The last text where that takes too long, or too many wait; None where there is none.
        """
        if not self._is_fresh(key) and (task := self._task(key, make)):
            self._readers += 1
            try:
                await asyncio.wait({task}, timeout=_PATIENCE)
            finally:
                self._readers -= 1
            if task.done():
                task.result()
        return self._last(key)

    def _is_fresh(self, key: Key) -> bool:
        kept = self._kept.get(key)
        return kept is not None and time.monotonic() <= kept.until

    def _last(self, key: Key) -> str | None:
        kept = self._kept.get(key)
        if kept is None or time.monotonic() > max(kept.until, kept.began + _OLDEST):
            return None
        return kept.text

    def _task(self, key: Key, make: Callable[[], str]) -> asyncio.Task[None] | None:
        """What makes it, for all who wait; None where too many do."""
        if self._readers >= _MOST_READERS:
            return None
        if key not in self._making and len(self._making) < _MOST_MADE:
            task = self._making[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(lambda _: self._making.pop(key))
        return self._making.get(key)

    async def _make(self, key: Key, make: Callable[[], str]) -> None:
        async with self._turn:
            await asyncio.sleep(self._rests_until - time.monotonic())
            began = time.monotonic()
            try:
                text = await asyncio.to_thread(make)
            finally:
                took = time.monotonic() - began
                self._rests_until = began + (1 + _REST) * took
            self._keep(key, _Text(text, began, began + max(_FRESH, _SHARE * took)))

    def _keep(self, key: Key, text: _Text) -> None:
        """In place of the one that was made before all others, where there are many."""
        self._kept.pop(key, None)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = text
