"""Keeps a request counted while a thread works for it, though the request itself was cancelled.

A plain endpoint runs in a thread, by `anyio.to_thread.run_sync`; an endpoint of its own accord
hands work over so, or by `asyncio.to_thread`. A task that is cancelled, by a
timeout or by a server that shuts down, returns at once; the thread writes on to the database. No
framework tells when it has ended, so its work is handed over in a wrapping that does.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import anyio.to_thread

from fastapi_maintenance import _gates

from ._live import Life, own_lives


class Handed:
    """A function that is handed to a thread; it counts until it has run, or can run no more."""

    def __init__(self, function: Callable[..., Any], lives: list[Life]) -> None:
        self._function = function
        self._lives = lives
        for life in lives:
            life.begin(id(self))

    def __call__(self, *args: Any, **options: Any) -> Any:
        """In the thread."""
        try:
            return self._function(*args, **options)
        finally:
            self._end()

    def __del__(self) -> None:
        """It was cancelled before a thread took it."""
        self._end()

    def _end(self) -> None:
        while self._lives:
            self._lives.pop().end(id(self))


def count_all() -> None:
    """Let all middlewares count what they let in: others are told what runs."""
    watch_threads()
    _gates.track()


def watch_threads() -> None:
    """From now on keep count of what runs in threads; again and again does no harm."""
    if not hasattr(anyio.to_thread.run_sync, "counts_for_maintenance"):
        anyio.to_thread.run_sync = _counting(anyio.to_thread.run_sync)
    if not hasattr(asyncio.to_thread, "counts_for_maintenance"):
        asyncio.to_thread = _counting(asyncio.to_thread)


def _counting(original: Callable[..., Any]) -> Any:
    """The same, but what it hands over counts."""

    @functools.wraps(original)
    async def hand_over(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        lives = own_lives()
        work = Handed(function, lives) if lives else function
        try:
            return await original(work, *args, **options)
        finally:
            del work, function  # or the traceback of a cancellation would keep them

    hand_over.counts_for_maintenance = True  # type: ignore[attr-defined]
    return hand_over
