"""Several backends as one, and every kind of object that may stand for a backend."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Awaitable, Hashable, Iterable, Sequence
from typing import Any

import anyio

from fastapi_maintenance.windows import OFF, State, strictest

from .base import BaseStateBackend
from .stages import Stage


class AnyOf(BaseStateBackend):
    """On while any of several backends is on, as strict as the strictest of them.

    What is written goes to the first: a file to break the glass, beside what a cluster says.
    """

    def __init__(self, members: Sequence[BaseStateBackend]) -> None:
        # Flat, so that whoever looks for a backend among them finds it.
        flat = (m.members if isinstance(m, AnyOf) else (m,) for m in members)
        self.members: tuple[BaseStateBackend, ...] = tuple(itertools.chain.from_iterable(flat))
        self.reports = any(member.reports for member in self.members)
        self._last: tuple[tuple[State, ...], State] = (), OFF

    def state_key(self) -> Hashable:
        """The members' identities."""
        return tuple((type(member), member.state_key()) for member in self.members)

    @property
    def ready(self) -> bool:  # type: ignore[override]
        """Whether all are."""
        return all(member.ready for member in self.members)

    def state(self) -> State:
        """All at once."""
        return self._together(member.state() for member in self.members)

    def decide(self, fixed: State | None = None) -> State:
        """All at once; where something is fixed, that counts unless some have an open block.

        Then those without one say themselves what holds: the block of another does not open them.
        """
        if fixed is not None and all(member.block() is None for member in self.members):
            return fixed
        return self._together(member.decide() for member in self.members)

    def _together(self, states: Iterable[State]) -> State:
        """The same object as long as the members say the same ones."""
        said = tuple(states)
        last, state = self._last
        if len(last) != len(said) or any(a is not b for a, b in zip(last, said, strict=True)):
            state = functools.reduce(strictest, said)
            self._last = said, state
        return state

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

    def last_sync(self) -> float | None:
        """That of the member that heard longest ago."""
        heard = (member.last_sync() for member in self.members)
        return min((at for at in heard if at is not None), default=None)

    async def set_value(self, value: bool) -> None:
        """Write the first."""
        await self.members[0].set_value(value)

    def block(self) -> bool | None:
        """Whether any of them has an open block, and what the first of those says."""
        said = (member.block() for member in self.members)
        return next((on for on in said if on is not None), None)

    def open_block(self, on: bool) -> Any | Awaitable[Any]:
        """Begin a block of the first, which turns all on; to turn all off takes one of each."""
        meant = self.members[:1] if on else self.members
        if any(member.opens_later(on) for member in meant):
            return _opened_in_turn(meant, on)
        opened: list[tuple[BaseStateBackend, Any]] = []
        try:
            for member in meant:
                block = member.open_block(on)
                opened.append((member, block))
        except BaseException:
            self.close_block(opened)
            raise
        return opened

    def opens_later(self, on: bool) -> bool:
        """Whether any of those that a block is begun of does."""
        return any(member.opens_later(on) for member in (self.members[:1] if on else self.members))

    def wait_for_others(self, block: Any, what: str, until: float) -> Awaitable[None] | None:
        """As the first does: only a block that turns it on is waited for."""
        member, own = block[0]
        waiting: Awaitable[None] | None = member.wait_for_others(own, what, until)
        return waiting

    def note_stage(self, owner: Hashable, stage: Stage | None) -> None:
        """Tell all."""
        for member in self.members:
            member.note_stage(owner, stage)

    def close_block(self, block: Any) -> Awaitable[None] | None:
        """End what was begun."""
        closed = [member.close_block(own) for member, own in reversed(block)]
        waiting = [work for work in closed if work is not None]
        return _all_closed(waiting) if waiting else None


async def _opened_in_turn(members: Sequence[BaseStateBackend], on: bool) -> Any:
    opened: list[tuple[BaseStateBackend, Any]] = []
    try:
        for member in members:
            block = member.open_block(on)
            opened.append((member, await block if inspect.isawaitable(block) else block))
    except BaseException:
        from .asked import to_its_end

        for member, own in reversed(opened):
            if (closing := member.close_block(own)) is not None:
                await to_its_end(closing)
        raise
    return opened


async def _all_closed(closing: Sequence[Awaitable[None]]) -> None:
    errors = []
    for work in closing:
        try:
            await work
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _answers_from_memory(kind: type[BaseStateBackend]) -> bool:
    """Whether a class has `state`; one with a `get_value` of its own is to be asked for that."""
    return kind.state is not BaseStateBackend.state and kind.get_value is BaseStateBackend.get_value


def as_backend(given: Any) -> BaseStateBackend:
    """The backend that an object stands for: itself, one that asks it, or several as one.

    Raises:
        TypeError: it stands for none.
    """
    if isinstance(given, BaseStateBackend) and _answers_from_memory(type(given)):
        return given
    if callable(getattr(given, "get_value", None)) and not isinstance(given, type):
        from .asked import asked  # here, since few applications need it

        return asked(given)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        members = [as_backend(member) for member in given]
        if members:
            return members[0] if len(members) == 1 else AnyOf(members)
    raise TypeError(
        f"backend={given!r} is no backend: give an object with get_value and set_value, such as "
        "LocalFileBackend('maintenance.txt'), or a sequence of those"
    )
