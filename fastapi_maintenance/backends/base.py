"""What every backend is to the gate: a State, at once, from memory."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Awaitable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from fastapi_maintenance.windows import OFF, Mode, Opening, State, switched

from .blocks import Blocks, blocks_of
from .stages import Stage

if TYPE_CHECKING:
    from .work import Work

APP_VARIABLE = "FASTAPI_MAINTENANCE_APP"
"""Names this application where no ``app=`` does."""

TRUE_WORDS = frozenset({"1", "yes", "y", "true", "t", "on"})
FALSE_WORDS = frozenset({"0", "no", "n", "false", "f", "off", ""})
READ_ONLY_WORD = "read-only"


class StateNotWritten(RuntimeError):
    """Maintenance could not be turned on or off: says what could not be written, and what to do.

    Nothing has changed, unless an answer was lost: then it says that nobody can know.
    """


class BaseStateBackend:
    """Where a process learns whether it is in maintenance.

    A backend of one's own implements `get_value` and `set_value`, plain or async. It is asked on
    each request (every `poll_interval` seconds if it has one), for `backend_timeout` seconds at
    most; while it raises or hangs, what is known stays.

    One that answers from memory implements `state` instead, which must be quick and never raise;
    `start` and `close` are there for those that need a thread or a connection.
    """

    poll_interval: float | None = None
    """Seconds for which an answer of `get_value` is good; None asks on each request."""
    backend_timeout: float = 1.0
    """Seconds that `get_value` may take."""
    ready: bool = True
    """Whether `state` may be asked for at once; else `wait_until_ready` comes first."""
    reports: bool = False
    """Whether somebody is told what runs: then everything is counted before it is checked."""
    probes_pass: bool = False
    """Whether health checks pass while a block has turned maintenance on."""
    _blocks: Blocks | None = None
    """Made with the first block; from the beginning where several objects are one state."""

    def state(self) -> State:
        """What holds now, blocks aside. Called on each request: quick, and never raising."""
        raise NotImplementedError(f"{type(self).__name__}.state")

    def decide(self, fixed: State | None = None) -> State:
        """What holds now: as the innermost open block says, else as `fixed`, else `state`."""
        # Once for each request: no call that is not needed.
        blocks = self._blocks
        if blocks is None or (on := blocks.innermost) is None:
            return fixed or self.state()
        return state_of_switch(probes_pass=self.probes_pass) if on else OFF

    def start(self) -> None:
        """Begin to watch, if there is something to watch; returns at once. Idempotent."""

    async def wait_until_ready(self) -> None:
        """Return as soon as `state` can be trusted, or when waiting longer does no good."""

    def wait(self) -> None:
        """As `wait_until_ready`, for code without an event loop."""
        asyncio.run(_waited(self))

    def close(self) -> None:
        """Stop what `start` began. The last known state stays."""

    def last_sync(self) -> float | None:
        """When what it follows was last known to be current, in seconds since 1970.

        None where it follows nothing, or has not heard of it yet.
        """
        return None

    def note_stage(self, owner: Hashable, stage: Stage | None) -> None:
        """The lifespan of an application with this backend has come to a stage; None: it has none.

        Called by its middleware, `owner`. For backends that others have in common with it.
        """

    def work(self, name: str, *, needs: Iterable[str] = ()) -> Work:
        """A block of work that is no request, of a queue's worker or a job: ``with`` or
        ``async with``.

        It is counted and then checked, as a request is, and counts as a write. While it runs, no
        window that refuses it is drained.

        Args:
            name: what the work is, as people know it.
            needs: what it needs, as ``match.dependencies`` of windows names it.

        Raises:
            MaintenanceActive: on entering, while maintenance is on; says when to come back.
        """
        from .work import Work  # here, since few applications need it

        return Work(self, name, needs)

    async def get_value(self) -> bool:
        """Whether the whole application is refused now."""
        if not self.ready:
            await self.wait_until_ready()
        return self.decide().reads is not None

    async def set_value(self, value: bool) -> None:
        """Turn maintenance on or off.

        Raises:
            StateNotWritten: it is as it was.
        """
        raise StateNotWritten(f"{type(self).__name__} can't be written: it has no set_value")

    def state_key(self) -> Hashable:
        """Equal for backends that stand for one state; they share their blocks."""
        return id(self)

    def blocks(self) -> Blocks:
        """The blocks of this process."""
        if self._blocks is None:
            self._blocks = blocks_of((type(self), self.state_key()))
        return self._blocks

    def block(self) -> bool | None:
        """What the innermost open block says; None while there is none."""
        return None if self._blocks is None else self._blocks.innermost

    @property
    def blocks_are_local(self) -> bool:
        """Whether a block is nobody's business but this process's."""
        return type(self).open_block is BaseStateBackend.open_block

    def open_block(self, on: bool) -> Any | Awaitable[Any]:
        """Begin a block; returns what `close_block` takes, or an awaitable of it.

        Raises:
            StateNotWritten: it can't be told to those who must know.
        """
        return self.blocks().open(on)

    def opens_later(self, on: bool) -> bool:
        """Whether `open_block` returns an awaitable."""
        return inspect.iscoroutinefunction(self.open_block)

    def close_block(self, block: Any) -> Awaitable[None] | None:
        """End a block."""
        self.blocks().close(block)
        return None

    def wait_for_others(self, block: Any, what: str, until: float) -> Awaitable[None] | None:
        """Return when other processes have ``enforced`` a block, or are ``drained``.

        Args:
            block: what `open_block` has returned.
            what: which of both.
            until: on the monotonic clock.

        Raises:
            TimeoutError: that took longer.
        """
        return None

    @staticmethod
    def _str_to_bool(value: str) -> bool:
        """The meaning of a true or false word, and False for none; ValueError for any other."""
        word = value.strip().lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            known = ", ".join(sorted(TRUE_WORDS | FALSE_WORDS - {""}))
            raise ValueError(f"{value!r} is none of the known words: {known}")
        return word in TRUE_WORDS

    @staticmethod
    def _bool_to_str(value: bool) -> str:
        """The word that stands for a boolean."""
        return "1" if value else "0"


async def _waited(backend: BaseStateBackend) -> None:
    await backend.wait_until_ready()


def state_of_word(word: str, *, source: str = "", probes_pass: bool = False) -> State:
    """The state that a switch with this word means: on, off, or read-only.

    Raises:
        ValueError: the word is none of the known ones.
    """
    mode = Mode.READ_ONLY if word.strip().lower() == READ_ONLY_WORD else Mode.FULL
    try:
        if mode is Mode.FULL and not BaseStateBackend._str_to_bool(word):
            return OFF
    except ValueError as error:
        raise ValueError(f"{error}, and {READ_ONLY_WORD}") from None
    return state_of_switch(mode, source=source, probes_pass=probes_pass)


@functools.lru_cache(maxsize=64)
def state_of_switch(
    mode: Mode = Mode.FULL, *, source: str = "", probes_pass: bool = False
) -> State:
    """The state of a switch that is on; the same object each time, so that answers can be kept."""
    return switched(Opening(mode=mode, source=source, probes_pass=probes_pass))


wall_clock = time.time
"""POSIX seconds: windows are about the time of day, so a step of the clock counts."""
