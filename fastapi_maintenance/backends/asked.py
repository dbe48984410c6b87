"""Backends of somebody's own, of which no more is known than `get_value` and `set_value`."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import weakref
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from fastapi_maintenance.windows import OFF, State

from .base import BaseStateBackend, StateNotWritten, state_of_switch, state_of_word
from .helpers import Helpers

logger = logging.getLogger(__name__)

_helpers = Helpers()

_LOOK_EVERY = 0.005
"""Seconds between two looks whether it is one's turn; who has it may be of any event loop."""


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
        self._hold = _hold_of(self.state_key())

    def state_key(self) -> Hashable:
        """What the one that is asked says that it stands for, else its identity."""
        if _has_own(self.inner, "state_key"):
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
        """Write it; inside a block that turns it on, what is to hold after the block."""
        async with self._hold.turn():
            if self.blocks().any_on:
                self._hold.raised = not value
            else:
                await self._within(self.inner.set_value, value)
                self._wrote(value)
                self._hold.held = self._hold.raised = False

    async def open_block(self, on: bool) -> Any:
        """Begin a block, and turn the backend on for those who share it; off is for this process.

        One that counts its blocks itself, by an `open_block` of its own, is told instead.
        """
        block = self.blocks().open(on)
        own = None
        try:
            if _has_own(self.inner, "open_block"):
                own = await self._within(self.inner.open_block, on)
            else:
                await self._settle()
        except BaseException:
            self.blocks().close(block)
            await to_its_end(self._settle_quietly())
            raise
        return block, own

    async def close_block(self, block: Any) -> None:
        """End a block; with the last one it is turned off, if it was turned on for them."""
        ours, own = block
        self.blocks().close(ours)
        if _has_own(self.inner, "open_block"):
            await self._within(self.inner.close_block, own)
        else:
            await self._settle()

    async def _settle_quietly(self) -> None:
        """After a block that never began: take back what was written, if that can be."""
        try:
            await self._settle()
        except Exception:
            logger.exception("%s: the value from before a block", self._name)

    async def _settle(self) -> None:
        """Turn it on while blocks need that, and off again if it was off before.

        Never on again: what another process has turned on meanwhile, that one turns off.
        """
        hold = self._hold
        async with hold.turn():
            while (needed := self.blocks().any_on) is not hold.held:
                if needed:
                    before = _state_of(await self._within(self.inner.get_value))
                    hold.held, hold.raised = True, before.reads is None
                if needed or hold.raised:
                    await self._write(needed)
                hold.held = needed

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


class _Hold:
    """What the blocks of this process have done to a state that others share."""

    def __init__(self) -> None:
        self.held = False
        """Whether it is on for our blocks."""
        self.raised = False
        """Whether it was off before, so that it is turned off after them."""
        self._busy = threading.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One after the other, of whatever event loops."""
        while not self._busy.acquire(blocking=False):  # noqa: ASYNC110
            await anyio.sleep(_LOOK_EVERY)
        try:
            yield
        finally:
            self._busy.release()


def _has_own(inner: Any, name: str) -> bool:
    """Whether a backend of our kind has this method otherwise than inherited from the base."""
    kind = type(inner)
    return isinstance(inner, BaseStateBackend) and (
        getattr(kind, name) is not getattr(BaseStateBackend, name)
    )


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


def _hold_of(key: Hashable) -> _Hold:
    with _adapting:
        return _holds.setdefault(key, _Hold())


_adapting = threading.RLock()
_holds: weakref.WeakValueDictionary[Hashable, _Hold] = weakref.WeakValueDictionary()
# Each keeps its inner one alive, so no identity is used twice meanwhile.
_adapted: weakref.WeakValueDictionary[int, AskedBackend] = weakref.WeakValueDictionary()
