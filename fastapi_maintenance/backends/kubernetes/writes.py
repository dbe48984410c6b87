"""What an application writes about itself: its switch, and the windows of its blocks."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator
from typing import TypeVar

import anyio

from fastapi_maintenance.backends.base import APP_VARIABLE, StateNotWritten, wall_clock
from fastapi_maintenance.backends.blocks import Block, Blocks
from fastapi_maintenance.backends.stages import Stage, Stages

from .blocks import WindowBlock
from .complaints import explain_write
from .objects import (
    SWITCH,
    Object,
    is_app_name,
    missing_proof,
    name_for,
    windows_path,
)
from .sources import SWITCH_CONFIGMAP
from .switch import turn_configmap, turn_window
from .transport import ApiError, Unreachable, may_be_done
from .views import SWITCH_KEY
from .writer import Api, Writer, result_of
from .written import Written

T = TypeVar("T")

_ASK_EVERY = 0.5
"""Seconds between two looks at what the operator says of a block."""
_PASSING = (
    "maintenance is not turned %s %s, for one Pod's coming and going is not the state of all: call "
    "set_maintenance_mode while it serves, or from elsewhere"
)

logger = logging.getLogger(__name__)


class Writing:
    """Writes for one app; to be used as a backend is by `set_maintenance_mode` and by blocks.

    Args:
        writer: what writes.
        app: who is meant.
        source: ``configmap`` or ``maintenancewindow``: where the switch is.
        written: what is told of everything that was written.
        blocks: those of this process.
        stages: where the applications are that this is for.
    """

    blocks_are_local = False

    def __init__(
        self,
        writer: Writer,
        app: str | None,
        source: str,
        written: Written,
        blocks: Blocks,
        stages: Stages,
    ) -> None:
        self._stages = stages
        self._writer = writer
        self._app = app
        self._source = source
        self._written = written
        self._blocks = blocks
        self._holding: dict[WindowBlock, Block] = {}
        """What makes a block hold in this process, until somebody takes its window back."""

    async def set_value(self, value: bool) -> None:
        """Turn the switch of the app on or off, unless its process comes or goes.

        Raises:
            StateNotWritten: it is as it was, unless the error says that nobody knows.
        """
        stage = self._stages.transition()
        if stage is None:
            await self._turn(self._named(), value)
        elif not self._stages.is_said(stage):
            logger.error(_PASSING, "on" if value else "off", stage.value)

    def note_stage(self, owner: Hashable, stage: Stage | None) -> None:
        """The application of a middleware, `owner`, has come to a stage."""
        self._stages.note(owner, stage)

    async def _turn(self, app: str, value: bool) -> None:
        if self._source == "configmap":
            with _naming(f"configmap {SWITCH_CONFIGMAP}, {SWITCH_KEY}.{app}", of_window=False):
                await self._do_again(lambda api: turn_configmap(api, app, value, self._written))
            return
        with _naming(f"maintenancewindow {name_for(app, SWITCH)}"):
            await self._do_again(
                lambda api: turn_window(api, app, value, self._written, wall_clock)
            )

    def opens_later(self, on: bool) -> bool:
        """Whether a request is needed."""
        return on

    def open_block(self, on: bool) -> Block | Awaitable[WindowBlock]:
        """Begin a block: one that turns it off is for this process alone.

        Raises:
            StateNotWritten: there is no window, so that others would not know of it.
        """
        return self._open_window() if on else self._blocks.open(on)

    def close_block(self, block: Block | WindowBlock) -> Awaitable[None] | None:
        """End a block."""
        if isinstance(block, WindowBlock):
            return self._close_window(block)
        self._blocks.close(block)
        return None

    async def _open_window(self) -> WindowBlock:
        block = WindowBlock(self._named(), self._writer, self._written, self._lose)
        try:
            with _naming(f"maintenancewindow {block.name}"):
                await result_of(block.made)
        except BaseException:
            block.release()  # whoever waits may be cancelled while it is made
            raise
        self._holding[block] = self._blocks.open(True)
        return block

    async def _close_window(self, block: WindowBlock) -> None:
        """Nothing where it is another process's, from before a fork."""
        if block.pid == os.getpid():
            self._lose(block)
            block.release()
            await result_of(block.ended)

    def disown(self) -> None:
        """After a fork, in the child: the thread is gone, and open blocks are the parent's."""
        self._writer.forget_thread()
        for local in self._holding.values():
            self._blocks.close_copy(local)
        self._holding = {}

    def _lose(self, block: WindowBlock) -> None:
        """Let it hold no longer in this process."""
        local = self._holding.pop(block, None)
        if local is not None:
            self._blocks.close(local)

    async def wait_for_others(self, block: WindowBlock, what: str, until: float) -> None:
        """Return when the operator says that all processes have ``enforced`` it, or ``drained``.

        Raises:
            TimeoutError: on the monotonic clock it is `until`.
        """
        while (missing := await self._missing(block, what)) is not None:
            if time.monotonic() >= until:
                raise TimeoutError(
                    f"maintenancewindow {block.name} is not {what} by all processes in time "
                    f"({missing}); maintenance is as it was before"
                )
            await anyio.sleep(min(_ASK_EVERY, max(0.0, until - time.monotonic())))

    async def _missing(self, block: WindowBlock, what: str) -> str | None:
        def ask(api: Api) -> Awaitable[Object]:
            return api.get(windows_path(api.namespace, block.name))

        try:
            return missing_proof(await self._do(ask), what, wall_clock())
        except (ApiError, Unreachable) as error:
            return explain_write(error, of_window=False)

    async def _do(self, job: Callable[[Api], Awaitable[T]]) -> T:
        return await result_of(self._writer.submit(job))

    async def _do_again(self, job: Callable[[Api], Awaitable[None]]) -> None:
        """Do what may be done twice: a second time where the answer to the first was lost."""
        try:
            await self._do(job)
        except (ApiError, Unreachable) as error:
            if not may_be_done(error):
                raise
            try:
                await self._do(job)
            except (ApiError, Unreachable) as again:
                raise _Unknown(str(again)) from again

    def _named(self) -> str:
        if self._app is None:
            raise StateNotWritten(
                "this application has no name, so nothing can be written for it alone: pass app= "
                f"to K8sBackend or set {APP_VARIABLE}"
            )
        if not is_app_name(self._app):
            raise StateNotWritten(
                f"app={self._app!r} is no name that a window can be for: take at most 63 letters, "
                "digits, '-', '_' and '.', with a letter or digit at both ends"
            )
        return self._app


class _Unknown(Exception):
    """Two tries have failed, of which the first may have changed something."""


@contextlib.contextmanager
def _naming(what: str, *, of_window: bool = True) -> Iterator[None]:
    """Let a failure say what was not written."""
    try:
        yield
    except (ApiError, Unreachable) as error:
        raise StateNotWritten(f"{what}: {explain_write(error, of_window=of_window)}") from error
    except _Unknown as error:
        raise StateNotWritten(
            f"{what}: an answer was lost ({error}), so it may or may not have been written: look, "
            "or try again"
        ) from error
