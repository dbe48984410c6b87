"""Backends of somebody's own, of which no more is known than `get_value` and `set_value`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import weakref
from collections.abc import Hashable
from typing import Any

import anyio

from fastapi_maintenance.windows import OFF, State

from .base import BaseStateBackend, StateNotWritten, state_of_switch, state_of_word
from .blocks import Block
from .helpers import Helpers

logger = logging.getLogger(__name__)

_helpers = Helpers()


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
        self._writes = 0
        self._error: str | None = None
        self._before: bool | None = None
        """What is to hold when no block is open any more; None while none has been."""

    def state_key(self) -> Hashable:
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
        writes, pause = self._writes, self.poll_interval or 0.0
        try:
            with anyio.fail_after(self.backend_timeout):
                state = _state_of(await self._call(self.inner.get_value))
        except TimeoutError:
            self._complain(f"no answer within {self.backend_timeout} s")
            pause = max(pause, self.backend_timeout)
        except Exception as error:
            self._complain(f"{type(error).__name__}: {error}")
        except BaseException:  # nobody has asked, after all
            self._ask_at = 0.0
            raise
        else:
            self._praise()
            if writes != self._writes:
                return  # what was written meanwhile is newer than the answer
            self._answered, self._state = True, state
        self._ask_at = time.monotonic() + pause

    async def set_value(self, value: bool) -> None:
        """Write it; inside a block, what is to hold after the block."""
        if self._before is not None:
            self._before = value
        else:
            await self._within(self.inner.set_value, value)
            self._wrote(value)

    async def open_block(self, on: bool) -> Block:
        """Begin a block, and tell those who share the backend."""
        block = self.blocks().open(on)
        try:
            before = _state_of(await self._within(self.inner.get_value)).reads is not None
            self._before = before if self._before is None else self._before
            await self._settle()
        except BaseException:
            self.blocks().close(block)
            await to_its_end(self._settle_quietly())
            raise
        return block

    async def close_block(self, block: Block) -> None:
        """End a block; with the last one the value from before them comes back."""
        self.blocks().close(block)
        await self._settle()

    async def _settle_quietly(self) -> None:
        """After a block that never began: take back what was written, if that can be."""
        try:
            await self._settle()
        except Exception:
            logger.exception("%s: the value from before a block", self._name)

    async def _settle(self) -> None:
        """Write what the blocks say by now, until that is what was written."""
        try:
            while (before := self._before) is not None:
                innermost = self.blocks().innermost
                await self._write(before if innermost is None else innermost)
                if self.blocks().innermost is innermost and self._before is before:
                    return
        finally:
            if self.blocks().innermost is None:
                self._before = None

    async def _write(self, value: bool) -> None:
        try:
            await self._within(self.inner.set_value, value)
        except (AttributeError, NotImplementedError):
            logger.debug("%s has no set_value: its blocks are this process's own", self._name)
        else:
            self._wrote(value)

    def _wrote(self, value: bool) -> None:
        self._writes += 1
        self._state = state_of_switch() if value else OFF
        self._ask_at = 0.0

    async def _within(self, method: Any, *args: Any) -> Any:
        """Call, for `backend_timeout` seconds at most."""
        try:
            with anyio.fail_after(self.backend_timeout):
                return await self._call(method, *args)
        except TimeoutError as error:
            raise StateNotWritten(
                f"backend {self._name}: no answer within {self.backend_timeout} s; see what it "
                "waits for, or give it a larger backend_timeout"
            ) from error

    async def _call(self, method: Any, *args: Any) -> Any:
        """Call what may be plain or async; what is plain may block, so a thread does it."""
        try:
            if inspect.iscoroutinefunction(method):
                return await method(*args)
            result = await _helpers.run(self, method, *args)
            return await result if inspect.isawaitable(result) else result
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            raise RuntimeError("it cancelled itself") from error

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


async def to_its_end(work: Any) -> Any:
    """Await what must not stay half done, whoever cancels meanwhile; then be cancelled."""
    with anyio.CancelScope(shield=True):
        if not _on_asyncio():
            return await work
        task, cancelled = asyncio.ensure_future(work), None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return task.result()


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_being_cancelled() -> bool:
    task = asyncio.current_task() if _on_asyncio() else None
    return task is None or task.cancelling() > 0


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
