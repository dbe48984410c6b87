"""Backends of somebody's own, of which no more is known than `get_value` and `set_value`."""

from __future__ import annotations

import inspect
import logging
import threading
import time
import weakref
from collections.abc import Hashable
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread

from fastapi_maintenance.windows import OFF, State

from .base import BaseStateBackend, state_of_switch, state_of_word
from .blocks import Block

logger = logging.getLogger(__name__)

# Apart from the application's own threads: a backend that hangs must not use those up.
_limiter: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("_limiter")


class AskedBackend(BaseStateBackend):
    """Asks another backend, within bounds, and keeps what it said last.

    Args:
        inner: has `get_value`, and `set_value` where it can be written; plain or async. It may
            name a `backend_timeout` and a `poll_interval`, in seconds.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.backend_timeout = float(getattr(inner, "backend_timeout", 1.0))
        self.poll_interval = getattr(inner, "poll_interval", None)
        self._state = OFF
        self._ask_at = 0.0
        self._answered = False
        self._error: str | None = None
        self._before: bool | None = None

    @property
    def key(self) -> Hashable:
        """The identity of the one that is asked."""
        return id(self.inner)

    @property
    def ready(self) -> bool:  # type: ignore[override]
        """Whether the last answer is still good."""
        return time.monotonic() < self._ask_at

    def state(self) -> State:
        """What it said last; nothing is refused before it has said anything."""
        return self._state

    async def wait_until_ready(self) -> None:
        """Ask it, for `backend_timeout` seconds at most; never raises."""
        if self._answered and self.poll_interval:
            self._ask_at = time.monotonic() + self.poll_interval  # the others need not wait
        try:
            with anyio.fail_after(self.backend_timeout):
                value = await _call(self.inner.get_value)
            self._state = _state_of(value)
        except TimeoutError:
            self._complain(f"no answer within {self.backend_timeout} s")
            self._ask_at = time.monotonic() + self.backend_timeout
        except Exception as error:
            self._complain(f"{type(error).__name__}: {error}")
        else:
            self._answered = True
            self._praise()
            self._ask_at = time.monotonic() + (self.poll_interval or 0.0)

    async def set_value(self, value: bool) -> None:
        """Write it; inside a block, what is to hold after the block."""
        if self._before is not None:
            self._before = value
            return
        await _call(self.inner.set_value, value)
        self._state = state_of_switch() if value else OFF
        self._ask_at = 0.0

    async def open_block(self, on: bool) -> Block:
        """Begin a block, and tell those who share the backend."""
        block = self.blocks.open(on)
        try:
            before = bool(await _call(self.inner.get_value))
            self._before = before if self._before is None else self._before
            await self._settle()
        except BaseException:
            await self._drop(block)
            raise
        return block

    async def close_block(self, block: Block) -> None:
        """End a block; with the last one the value from before them comes back."""
        self.blocks.close(block)
        await self._settle()

    async def _drop(self, block: Block) -> None:
        """A block that never began; what was written for it is taken back, if that can be."""
        with anyio.CancelScope(shield=True):
            try:
                await self.close_block(block)
            except Exception:
                logger.exception("%s: the value from before a block", self._name)

    async def _settle(self) -> None:
        """Write what the blocks say by now, until that is what was written."""
        while self._before is not None:
            innermost = self.blocks.innermost
            await self._write(self._before if innermost is None else innermost)
            if self.blocks.innermost is innermost:
                self._before = self._before if innermost is not None else None
                return

    async def _write(self, value: bool) -> None:
        try:
            await _call(self.inner.set_value, value)
        except (AttributeError, NotImplementedError):
            logger.debug("%s has no set_value: its blocks are this process's own", self._name)

    @property
    def _name(self) -> str:
        return type(self.inner).__name__

    def _complain(self, problem: str) -> None:
        if problem != self._error:
            logger.error("backend %s: %s; maintenance is unchanged", self._name, problem)
        self._error = problem

    def _praise(self) -> None:
        if self._error is not None:
            logger.info("backend %s answers again", self._name)
        self._error = None


async def _call(method: Any, *args: Any) -> Any:
    """Call what may be plain or async; what is plain may block, so a thread does it."""
    if inspect.iscoroutinefunction(method):
        return await method(*args)
    result = await anyio.to_thread.run_sync(
        method, *args, abandon_on_cancel=True, limiter=_own_limiter()
    )
    return await result if inspect.isawaitable(result) else result


def _own_limiter() -> anyio.CapacityLimiter:
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(16)
        _limiter.set(limiter)
        return limiter


def _state_of(value: object) -> State:
    if isinstance(value, str):
        return state_of_word(value)
    return state_of_switch() if value else OFF


def asked(inner: Any) -> AskedBackend:
    """The one AskedBackend of a backend: whoever names it means the same blocks and state."""
    with _adapting:
        found = _adapted.get(id(inner))
        if found is None:
            found = _adapted[id(inner)] = AskedBackend(inner)
        return found


_adapting = threading.Lock()
# Each keeps its inner one alive, so no identity is used twice meanwhile.
_adapted: weakref.WeakValueDictionary[int, AskedBackend] = weakref.WeakValueDictionary()
