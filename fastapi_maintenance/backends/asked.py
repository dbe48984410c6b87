"""Backends of somebody's own, of which no more is known than `get_value` and `set_value`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import weakref
from collections.abc import Hashable
from typing import Any

import anyio

from fastapi_maintenance.windows import OFF, State

from .asked_blocks import hold_of
from .base import BaseStateBackend, StateNotWritten, state_of_switch, state_of_word
from .forks import ForkLock
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
        self._hold = hold_of(self.state_key())
        self._counts_itself = _has_own(inner, "open_block") and _has_own(inner, "close_block")

    def state_key(self) -> Hashable:
        """What the one that is asked says that it stands for, else its identity."""
        if isinstance(self.inner, BaseStateBackend) and _has_own(self.inner, "state_key"):
            return type(self.inner), self.inner.state_key()
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
                asking = _call(self.inner.get_value, owner=self, patience=self.backend_timeout)
                state = _state_of(await asking)
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
        """Write it; inside a block that turns it on, what is to hold after the block."""
        if self._counts_itself:
            await self._within(self.inner.set_value, value)
            self._wrote(value)
            return
        async with self._hold.turn():
            if self._is_needed():
                self._hold.raised, self._hold.before = not value, False
            else:
                await self._within(self.inner.set_value, value)
                self._wrote(value)
                self._hold.reset()

    async def open_block(self, on: bool) -> Any:
        """Begin a block, and turn the backend on for those who share it; off is for this process.

        One that counts its blocks itself, by an `open_block` of its own, is told instead.
        """
        block, own = self.blocks().open(on), list[Any]()
        try:
            await to_its_end(self._begin(on, own))
        except BaseException:
            self.blocks().close(block)
            await to_its_end(self._end_quietly(own))
            raise
        return block, own

    async def close_block(self, block: Any) -> None:
        """End a block; with the last one it is turned off, if it was turned on for them."""
        ours, own = block
        self.blocks().close(ours)
        await self._end(own)

    async def _begin(self, on: bool, own: list[Any]) -> None:
        if self._counts_itself:
            own.append(await self._within(self.inner.open_block, on, late=self._close_late))
        else:
            await self._settle()

    async def _end(self, own: list[Any]) -> None:
        if not self._counts_itself:
            await self._settle()
        for block in own:
            await self._within(self.inner.close_block, block)

    async def _end_quietly(self, own: list[Any]) -> None:
        """After a block that never began: take back what was done, if that can be."""
        try:
            await self._end(own)
        except Exception:
            logger.exception("%s: the value from before a block", self._name)

    async def _settle(self) -> None:
        await self._hold.settle(self._is_needed, self._read, self._write)

    def _is_needed(self) -> bool:
        return self.blocks().any_on

    async def _read(self) -> tuple[Any, State]:
        value = await self._within(self.inner.get_value)
        return value, _state_of(value)

    async def _write(self, value: Any) -> None:
        try:
            await self._within(self.inner.set_value, value, late=self._take_back_late)
        except (AttributeError, NotImplementedError):
            logger.debug("%s has no set_value: its blocks are this process's own", self._name)
        else:
            self._wrote(value)

    def _take_back_late(self, _: Any) -> None:
        try:
            self._hold.take_back_late(self._is_needed, self.inner.set_value)
        except Exception:
            logger.exception("%s: the value from before a block", self._name)

    def _close_late(self, own: Any) -> None:
        try:
            result = self.inner.close_block(own)
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except Exception:
            logger.exception("%s: a block that began too late", self._name)

    def _wrote(self, value: Any) -> None:
        self._writes += 1
        self._state = _state_of(value)
        self._ask_at = 0.0

    async def _within(self, method: Any, *args: Any, late: Any = None) -> Any:
        """Call, one at a time, for `backend_timeout` seconds at most; `late` as of `Helpers`."""
        try:
            with anyio.fail_after(self.backend_timeout):
                return await _call(method, *args, owner=self._hold, most=1, late=late)
        except TimeoutError as error:
            raise StateNotWritten(
                f"backend {self._name}: no answer within {self.backend_timeout} s; see what it "
                "waits for, or give it a larger backend_timeout"
            ) from error

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


async def _call(method: Any, *args: Any, **how: Any) -> Any:
    """Call what may be plain or async; what is plain may block, so a thread does it."""
    try:
        if inspect.iscoroutinefunction(method):
            return await method(*args)
        result = await _helpers.run(how.pop("owner"), method, *args, **how)
        return await result if inspect.isawaitable(result) else result
    except asyncio.CancelledError as error:
        if _is_being_cancelled():
            raise
        raise RuntimeError("it cancelled itself") from error


def _has_own(inner: Any, name: str) -> bool:
    """Whether a backend has this method otherwise than inherited from our base."""
    method = getattr(type(inner), name, None)
    return callable(method) and method is not getattr(BaseStateBackend, name)


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


_adapting = ForkLock()
# Each keeps its inner one alive, so no identity is used twice meanwhile.
_adapted: weakref.WeakValueDictionary[int, AskedBackend] = weakref.WeakValueDictionary()
