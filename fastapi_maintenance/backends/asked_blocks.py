"""What blocks of a process do to a store that others share, and know by a plain value alone.

They turn it on, and take that back: never on again, for what another process has turned on
meanwhile that one turns off. So no order of beginnings and ends leaves a store on for ever.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from fastapi_maintenance.windows import State

from .forks import ForkLock

_LOOK_EVERY = 0.005
"""Seconds between two looks whether it is one's turn; who has it may be of any event loop."""


class Hold:
    """The blocks' hold on a store.

    Attributes:
        raised: whether it was not on before, so that `before` is written after the blocks.
        before: what was there: False, or a word that refuses some requests.
        told: whether it is on for the blocks; None where a write has failed, so that nobody knows.
    """

    def __init__(self) -> None:
        self.raised = False
        self.before: Any = False
        self.told: bool | None = False
        self._busy = ForkLock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One after the other, of whatever event loops."""
        while not self._busy.acquire(blocking=False):  # noqa: ASYNC110
            await anyio.sleep(_LOOK_EVERY)
        try:
            yield
        finally:
            self._busy.release()

    def reset(self) -> None:
        """Somebody has written what is to hold, whatever blocks there were."""
        self.raised, self.told = False, False

    async def settle(
        self,
        needed: Callable[[], bool],
        read: Callable[[], Awaitable[tuple[Any, State]]],
        write: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Turn the store on while blocks need that, and take it back after them."""
        async with self.turn():
            while self.told is not (now := needed()):
                if now:
                    value, state = await read()
                    self.raised = state.reads is None
                    self.before = False if state.quiet else value
                if now or self.raised:
                    self.told = None
                    await write(True if now else self.before)
                self.told = now
                self.raised = self.raised and now

    def take_back_late(self, needed: Callable[[], bool], write: Callable[[Any], None]) -> None:
        """After a write that was given up and has come through after all; blocks a thread."""
        with self._busy:
            if self.told is None and self.raised and not needed():
                write(self.before)
                self.reset()


def hold_of(key: Hashable) -> Hold:
    """The one hold on a state."""
    with _registering:
        return _holds.setdefault(key, Hold())


_registering = ForkLock()
_holds: weakref.WeakValueDictionary[Hashable, Hold] = weakref.WeakValueDictionary()
