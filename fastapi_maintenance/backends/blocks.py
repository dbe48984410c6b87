"""Blocks of code that turn maintenance on or off while they run: counted, and in their order.

A block that ends takes away itself alone. Saving the state before and restoring it after would
let two that overlap undo each other.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable

from .forks import ForkLock


class Block:
    """One that is open."""

    def __init__(self, on: bool) -> None:
        self.on = on


class Blocks:
    """The open blocks of one state."""

    def __init__(self) -> None:
        self.innermost: bool | None = None
        """What the latest that is still open says; None while there is none."""
        self.begun = 0
        """How many there have been: who looks now and then sees also one that was short."""
        self.begun_off = 0
        """The same of those that turn maintenance off."""
        self._lock = ForkLock()
        self._open: list[Block] = []

    def open(self, on: bool) -> Block:
        """Begin a block."""
        block = Block(on)
        with self._lock:
            self.begun += 1
            self.begun_off += not on
            self._open.append(block)
            self.innermost = on
        return block

    @property
    def any_on(self) -> bool:
        """Whether one is open that turns maintenance on, be it the innermost or not."""
        with self._lock:
            return any(block.on for block in self._open)

    def close(self, block: Block) -> None:
        """End a block, whichever others are open."""
        with self._lock:
            self._open.remove(block)
            self.innermost = self._open[-1].on if self._open else None

    def close_copy(self, block: Block) -> None:
        """End a block that a fork has copied, though a thread that is gone may hold the lock."""
        self._lock = ForkLock()
        self.close(block)


def blocks_of(key: Hashable) -> Blocks:
    """The blocks of a state that several objects may stand for, as two of one variable do."""
    with _registering:
        return _shared.setdefault(key, Blocks())


_registering = ForkLock()
_shared: weakref.WeakValueDictionary[Hashable, Blocks] = weakref.WeakValueDictionary()
