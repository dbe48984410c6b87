"""Notices that maintenance begins or ends while no request asks.

Runs in the event loop only while somebody must be told: hooks, WebSockets and event streams.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import anyio
import anyio.lowlevel

from fastapi_maintenance._gates import Gate
from fastapi_maintenance.backends.base import wall_clock
from fastapi_maintenance.windows import State

from ._connections import Lasting

_LOOK_EVERY = 0.1
"""Seconds between two looks at what is in memory."""
_ASK_EVERY = 1.0
"""Seconds between two questions to a backend that has to be asked."""

_PATIENCE = 5.0
"""Seconds that hooks wait for those of the change before."""

Hook = Callable[[], object]

logger = logging.getLogger(__name__)


class Watched(Gate):
    """What the watch wants of a gate."""

    def notice(self, state: State) -> None:
        """Told what was seen."""
        raise NotImplementedError

    async def would_refuse(self, connection: Lasting) -> bool:
        """Whether a connection that lives would be refused now."""
        raise NotImplementedError


class Watch:
    """Looks at a gate's state, and tells hooks and long connections of its changes.

    Args:
        gate: what is watched.
        on_start: called, and awaited where that is due, when any maintenance begins.
        on_end: likewise, when it ends.
    """

    def __init__(self, gate: Watched, on_start: Sequence[Hook], on_end: Sequence[Hook]) -> None:
        self._gate = gate
        self._hooks = {True: tuple(on_start), False: tuple(on_end)}
        self._on = False
        self._turn = _Turn()
        self._turn.is_over = True
        self._loops: dict[object, set[Lasting]] = {}
        self._staying: set[object] = set()

    @property
    def has_hooks(self) -> bool:
        """Whether there is somebody to tell even without connections."""
        return any(self._hooks.values())

    def stay(self) -> None:
        """Watch for as long as this event loop runs: there are hooks."""
        if self.has_hooks:
            self._staying.add(self._begin())

    def leave(self) -> None:
        """Watch no longer without a connection in this event loop."""
        self._staying.discard(anyio.lowlevel.current_token())

    def add(self, connection: Lasting) -> None:
        """Watch over a connection that may last."""
        self._loops[self._begin()].add(connection)

    def remove(self, connection: Lasting) -> None:
        """Forget a connection that has ended."""
        for connections in list(self._loops.values()):
            connections.discard(connection)

    def _begin(self) -> object:
        loop = anyio.lowlevel.current_token()
        if loop not in self._loops:
            self._loops[loop] = set()
            _spawn(self._run(loop))
        return loop

    async def _run(self, loop: object) -> None:
        connections = self._loops[loop]
        try:
            while connections or loop in self._staying:
                await self._look(connections)
                await anyio.sleep(self._pause())
        finally:
            self._loops.pop(loop, None)
            self._staying.discard(loop)

    def _pause(self) -> float:
        """Seconds until the next look: at an edge, else as often as looking is cheap."""
        pause = _LOOK_EVERY if self._gate.backend.ready else _ASK_EVERY
        return max(0.001, min(pause, self._gate.decide().valid_until - wall_clock()))

    async def _look(self, connections: set[Lasting]) -> None:
        if not self._gate.backend.ready:
            await self._gate.backend.wait_until_ready()
        state = self._gate.decide()
        self._gate.notice(state)
        if self._on is state.quiet:
            self._on = not state.quiet
            self._tell(self._hooks[self._on])
        # Nobody is waited for: hooks and exempt handlers may take their time.
        for connection in list(connections):
            if state.quiet:
                connection.spared_by = None
            elif connection.spared_by is not state and not connection.is_judged:
                connection.spared_by, connection.is_judged = state, True
                _spawn(self._end_if_refused(connection, connections))

    def _tell(self, hooks: Sequence[Hook]) -> None:
        """Call hooks one after the other, behind those that still run."""
        if hooks:
            before, self._turn = self._turn, _Turn()
            _spawn(_tell_in_turn(hooks, before, self._turn))

    async def _end_if_refused(self, connection: Lasting, connections: set[Lasting]) -> None:
        try:
            if await self._gate.would_refuse(connection):
                connections.discard(connection)
                await connection.end()
        except Exception:
            logger.debug("a connection that was to be ended had gone", exc_info=True)
        finally:
            connection.is_judged = False


class _Turn:
    """A turn of hooks; others look at it from whatever event loop."""

    is_over = False


async def _tell_in_turn(hooks: Sequence[Hook], before: _Turn, turn: _Turn) -> None:
    try:
        with anyio.move_on_after(_PATIENCE) as waiting:
            while not before.is_over:  # noqa: ASYNC110
                await anyio.sleep(_LOOK_EVERY)
        if waiting.cancelled_caught:
            logger.warning(
                "hooks of on_start or on_end run for more than %g s after the next change: those "
                "of the next are called beside them; start a task for what takes long",
                _PATIENCE,
            )
        for hook in hooks:
            try:
                result = hook()
                if inspect.isawaitable(result):
                    await result
            except Exception:
                logger.exception("hook %r", hook)
    finally:
        turn.is_over = True


def _spawn(work: Coroutine[Any, Any, None]) -> None:
    """Run something beside the requests, in none of their contexts."""
    context = contextvars.Context()
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        trio.lowlevel.spawn_system_task(_awaited, work, context=context)
    else:
        task = loop.create_task(work, context=context)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


async def _awaited(work: Awaitable[None]) -> None:
    await work


_tasks: set[asyncio.Task[None]] = set()
