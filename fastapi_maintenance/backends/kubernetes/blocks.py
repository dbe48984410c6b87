"""The window of a block: made when it begins, renewed while its process lives, then deleted.

A process that is killed renews nothing, so what it leaves behind ends by itself within a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime

from fastapi_maintenance.backends.base import wall_clock
from fastapi_maintenance.windows import format_instant

from .complaints import explain_write
from .objects import BLOCK_LASTS, Object, block_window, is_taken_back, renewal, windows_path
from .reflector import Failure
from .transport import ApiError, Unreachable, may_be_done
from .writer import Api, Writer
from .written import Written

_RENEW_EVERY = (15.0, 25.0)
"""Seconds, so that one renewal may fail without an end."""
_TRY_AGAIN_AFTER = (1.0, 3.0)
_NOT_FOUND = 404

logger = logging.getLogger(__name__)


class WindowBlock:
    """A block of this process, and the window by which others know of it.

    Args:
        app: whose requests are refused.
        writer: what writes.
        written: what is told of it.
        lost: called when somebody has taken the window back though the block still runs.
    """

    def __init__(
        self, app: str, writer: Writer, written: Written, lost: Callable[[WindowBlock], None]
    ) -> None:
        self.pid = os.getpid()
        """A fork copies it, but it stays this process's."""
        self.made: Future[Object] = Future()
        """The window, as it was made."""
        self._written = written
        self._writer = writer
        self._lost = lost
        self._body = block_window(app, wall_clock())
        self._released = asyncio.Event()
        self._ends_at = 0.0
        self._is_lost = self._is_troubled = False
        self.ended = writer.submit(self._keep)
        """Done when the window is deleted, or left to end by itself."""

    @property
    def name(self) -> str:
        """The window's name."""
        return str(self._body["metadata"]["name"])

    def release(self) -> None:
        """Let the window be deleted."""
        self._writer.wake(self._released)

    # The writer's thread

    async def _keep(self, api: Api) -> None:
        try:
            item = await self._make(api)
        except BaseException as error:
            self.made.set_exception(error)
            if isinstance(error, ApiError | Unreachable) and may_be_done(error):
                await self._take_back(api)
            return
        self.made.set_result(item)
        while not await self._is_released():
            await self._renew(api)
        await self._delete(api)

    async def _make(self, api: Api) -> Object:
        now = wall_clock()
        self._body["spec"] |= renewal(now)["spec"]
        return self._take(await api.create(windows_path(api.namespace), self._body), now)

    async def _renew(self, api: Api) -> None:
        now = wall_clock()
        try:
            item = await api.merge(self._path(api), renewal(now))
        except (ApiError, Unreachable) as error:
            await self._cope(api, error)
            return
        self._take(item, now)
        if is_taken_back(item):
            self._lose("was ended or suspended")

    async def _cope(self, api: Api, error: Failure) -> None:
        """After a renewal that has failed."""
        if getattr(error, "status", None) != _NOT_FOUND:
            self._complain(error)
        elif wall_clock() < self._ends_at:
            self._lose("was deleted")
        else:  # it had ended, since the API server was away, and was cleared up
            with contextlib.suppress(ApiError, Unreachable):
                await self._make(api)

    def _take(self, item: Object, now: float) -> Object:
        self._ends_at = now + BLOCK_LASTS
        self._written.changed(item)
        if self._is_troubled:
            self._is_troubled = False
            logger.info("window %s of a block is renewed again", self.name)
        self._item = item
        return item

    def _lose(self, how: str) -> None:
        """Whoever took it back meant all processes, this one too."""
        self._is_lost = True
        logger.error("window %s %s, so its block holds no longer, though it runs", self.name, how)
        self._lost(self)

    def _complain(self, error: Failure) -> None:
        if not self._is_troubled:
            self._is_troubled = True
            logger.error(
                "window %s can't be renewed: %s; unless that succeeds, processes other than this "
                "one end the maintenance at %s though its block still runs",
                self.name,
                explain_write(error, of_window=True),
                format_instant(datetime.fromtimestamp(self._ends_at, UTC)),
            )

    async def _delete(self, api: Api) -> None:
        try:
            await api.delete(self._path(api), self._item["metadata"]["uid"])
        except (ApiError, Unreachable) as error:
            if getattr(error, "status", None) == _NOT_FOUND:
                self._written.removed(self._item)
                return
            logger.warning(
                "window %s can't be deleted: %s; it ends by itself within %g s",
                self.name,
                explain_write(error, of_window=True),
                max(0.0, self._ends_at - wall_clock()),
            )
        else:
            self._written.removed(self._item)

    async def _take_back(self, api: Api) -> None:
        """Delete what may have been made though no answer said so: nobody else has its name."""
        ends_at = datetime.fromisoformat(self._body["spec"]["end"]).timestamp()
        while wall_clock() < ends_at:
            try:
                await api.delete(self._path(api), None)
            except (ApiError, Unreachable) as error:
                if isinstance(error, ApiError) and not may_be_done(error):
                    return
            else:
                return
            await asyncio.sleep(random.uniform(*_TRY_AGAIN_AFTER))

    async def _is_released(self) -> bool:
        """Whether the block has ended, within the time to the next renewal."""
        pause = random.uniform(*(_TRY_AGAIN_AFTER if self._is_troubled else _RENEW_EVERY))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if self._is_lost else pause):
                await self._released.wait()
        return self._released.is_set()

    def _path(self, api: Api) -> str:
        return windows_path(api.namespace, self.name)
