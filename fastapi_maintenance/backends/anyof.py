"""Several backends as one, and every kind of object that may stand for a backend."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Hashable, Iterable, Sequence
from typing import Any

import anyio

from fastapi_maintenance.windows import State, strictest

from .asked import asked
from .base import BaseStateBackend


class AnyOf(BaseStateBackend):
    """On while any of several backends is on, as strict as the strictest of them.

    What is written goes to the first: a file to break the glass, beside what a cluster says.
    """

    def __init__(self, members: Sequence[BaseStateBackend]) -> None:
        self.members = tuple(members)

    @property
    def key(self) -> Hashable:
        """The members' identities."""
        return tuple((type(member), member.key) for member in self.members)

    @property
    def ready(self) -> bool:  # type: ignore[override]
        """Whether all are."""
        return all(member.ready for member in self.members)

    def state(self) -> State:
        """All at once."""
        return functools.reduce(strictest, (member.state() for member in self.members))

    def decide(self, fixed: State | None = None) -> State:
        """All at once; a block of one says what holds for that one."""
        if fixed is not None and self.block() is None:
            return fixed
        return functools.reduce(strictest, (member.decide() for member in self.members))

    def start(self) -> None:
        """Start all."""
        for member in self.members:
            member.start()

    async def wait_until_ready(self) -> None:
        """Wait for those that are not, at the same time."""
        async with anyio.create_task_group() as group:
            for member in self.members:
                if not member.ready:
                    group.start_soon(member.wait_until_ready)

    def close(self) -> None:
        """Close all."""
        for member in self.members:
            member.close()

    async def set_value(self, value: bool) -> None:
        """Write the first."""
        await self.members[0].set_value(value)

    def block(self) -> bool | None:
        """Whether any of them has an open block, and what the first of those says."""
        said = (member.block() for member in self.members)
        return next((on for on in said if on is not None), None)

    def open_block(self, on: bool) -> Any | Awaitable[Any]:
        """Begin a block of the first."""
        return self.members[0].open_block(on)

    def close_block(self, block: Any) -> Awaitable[None] | None:
        """End a block of the first."""
        return self.members[0].close_block(block)


def as_backend(given: Any) -> BaseStateBackend:
    """The backend that an object stands for: itself, one that asks it, or several as one.

    Raises:
        TypeError: it stands for none.
    """
    if isinstance(given, BaseStateBackend) and type(given).state is not BaseStateBackend.state:
        return given
    if callable(getattr(given, "get_value", None)) and not isinstance(given, type):
        return asked(given)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        members = [as_backend(member) for member in given]
        if members:
            return members[0] if len(members) == 1 else AnyOf(members)
    raise TypeError(
        f"backend={given!r} is no backend: give an object with get_value and set_value, such as "
        "LocalFileBackend('maintenance.txt'), or a sequence of those"
    )
