"""Keeps the MaintenanceProcess of this process true, in a thread with an event loop of its own.

Nothing here ever holds up a request: a report that fails is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi_maintenance.backends.base import wall_clock
from fastapi_maintenance.windows import InvalidWindow, Timeline

from .process import Report
from .process_api import CONFLICT, NOT_FOUND, ProcessObject
from .report import Account
from .report_pace import ReportPace
from .report_trouble import Trouble
from .sources import Unread
from .transport import ApiError, Unreachable

logger = logging.getLogger(__name__)

_LOOK_EVERY = 0.2
"""Seconds between two looks: at blocks, at the clock, at what is still in flight."""
_LOOK_AT_MOST_EVERY = 0.005
_LIST_AGAIN_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """What a reporter wants of the watch beside it."""

    timeline: Callable[[], Timeline | None]
    """The windows that requests meet now; None before they are known."""
    unread: Callable[[], Iterable[Unread]] = tuple
    """Those that could not be understood."""


class Reporter:
    """Registers, looks, reports, and in the end unregisters.

    Args:
        account: what may be said.
        source: the windows that are known here.
    """

    def __init__(self, account: Account, source: Source) -> None:
        self.vouches = False
        """Whether all is well: the object exists, and every window is known here that there was
        when it came to exist."""
        self.has_vouched = False
        """Whether that was so once: the process may serve."""
        self.is_pointless = False
        """Whether there is nothing to register in: where no process can report, nobody waits."""
        self.settled = threading.Event()
        """Set, once it is told to stop, when there is nothing more to wait for."""
        self.has_left = False
        """Whether it is done: nothing runs, and the object is gone, or out of reach for now."""
        self.successor: Reporter | None = None
        """Who has begun for the same backend since this one was told to stop."""
        self.trouble = Trouble()
        """What keeps it from reporting."""
        self._account = account
        self._source = source
        self._pace = ReportPace()
        self._lists = ReportPace()
        self._told = self._seen = Report()
        self._seen_with: tuple[object, ...] = ()
        self._unforeseen = ""
        self._stopping = self._is_registered = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    def stop(self) -> None:
        """The gate is closed: unregister as soon as nothing runs any more. From any thread."""
        self._stopping = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self, process: ProcessObject) -> None:
        """Report until it has left or is cancelled."""
        self._loop = asyncio.get_running_loop()
        while not self.has_left:
            try:
                await (self._step(process) if self._is_registered else self._register(process))
            except Exception as error:  # whatever it is, silence would be for good
                self._log_unforeseen(error)
                await self._nap(self._pace.failed(time.monotonic()))

    async def _register(self, process: ProcessObject) -> None:
        """Create the object, then make sure of all windows: one that is older waits for nobody."""
        self.vouches = self._is_registered = False
        if not await self._create(process):
            self._leave()
            return
        self.is_pointless, self._is_registered = False, True
        self._told = Report()
        self._pace.registered(time.monotonic(), self._told.heartbeat_seconds)
        await self._look_around(process, count=True)

    async def _create(self, process: ProcessObject) -> bool:
        """Whether the object is there; not where the end came first."""
        while not (self._stopping and self._may_leave()):
            if await self._try(process.create(Report(), _now())):
                return True
            self.is_pointless = self.trouble.lacks_crd
            await self._nap(self._pace.failed(time.monotonic(), self.trouble.retry_after))
            if self._stopping:
                break
        return False

    async def clear_up(self, process: ProcessObject) -> None:
        """Remove what had to be left behind, however long that takes."""
        process.leave_behind()
        while process.left:
            with contextlib.suppress(ApiError, Unreachable):
                await process.remove_left()
            self.settled.set()
            if process.left:
                await self._nap(self._pace.failed(time.monotonic()))

    def _log_unforeseen(self, error: Exception) -> None:
        if repr(error) != self._unforeseen:
            self._unforeseen = repr(error)
            logger.error("what this process enforces can't be told", exc_info=error)

    async def _make_sure(self, process: ProcessObject) -> None:
        """Look whether all windows are known here that a consistent list has."""
        now = time.monotonic()
        if now < self._lists.due:
            return
        self._lists.failed(now)  # unless it has worked, in the end: not all may ask at once
        try:
            listed = await process.all_windows()
        except (ApiError, Unreachable, InvalidWindow) as error:
            # The watch has the same trouble, and says so.
            logger.debug("no consistent list of windows: %s", error)
            return
        until = time.monotonic() + _LIST_AGAIN_AFTER  # what was deleted meanwhile never comes
        while not self._knows(listed) and time.monotonic() < until and not self._stopping:
            await self._nap(_LOOK_AT_MOST_EVERY)
        if self._knows(listed):
            self.vouches = self.has_vouched = True
            self._lists = ReportPace()

    def _knows(self, listed: Iterable[tuple[str, int]]) -> bool:
        timeline = self._source.timeline()
        if timeline is None:
            return False
        known = {window.uid: window.generation for window in timeline.windows}
        known |= {each.uid: each.generation for each in self._source.unread()}
        return all(known.get(uid, -1) >= generation for uid, generation in listed)

    async def _look_around(self, process: ProcessObject, *, count: bool) -> None:
        """Which others of this Pod have ended without a word, and how many there are in all."""
        try:
            await process.remove_left()
            if ended := await process.remove_ended_siblings():
                logger.info("removed %s: their processes of this Pod have ended", ", ".join(ended))
            if count:
                self._pace.peers = await process.count_all()
        except (ApiError, Unreachable) as error:
            logger.debug("no look at other processes: %s", error)

    async def _step(self, process: ProcessObject) -> None:
        if not self.vouches and not self._stopping:
            await self._make_sure(process)
        report = self._look()
        if self._stopping and self._may_leave():
            await self._unregister(process)
            return
        self._set_pace(report)
        if time.monotonic() >= self._pace.due:
            await self._tell(process, report)
        if self._stopping:
            self.settled.set()
        await self._nap(self._seconds_to_next_look())

    def _may_leave(self) -> bool:
        """Whether nothing runs, or another says of all that runs what this one would say."""
        is_succeeded = self.successor is not None and self.successor.vouches
        return is_succeeded or self._account.in_flight() == 0

    def _look(self) -> Report:
        """What may be said now. While nothing waits for us, requests are not counted each time."""
        timeline, unread, now = self._source.timeline(), tuple(self._source.unread()), wall_clock()
        state = timeline.at(now) if timeline else None
        # Read first: whatever comes after this, the next look sees.
        lapses, turns = self._account.lapses(), self._account.turns()
        seen_with = (timeline, state, unread, self._stopping, lapses, turns)
        idle = all(window.is_drained for window in self._seen.windows)
        idle = idle and time.monotonic() < self._pace.due
        if seen_with != self._seen_with or not idle or now < self._account.held_until:
            windows = timeline.windows if timeline else ()
            moment = datetime.fromtimestamp(now, UTC)
            self._seen = self._account.look(windows, unread, moment, stopping=self._stopping)
            self._seen_with = seen_with
        return self._seen

    def _set_pace(self, report: Report) -> None:
        if self._stopping and not self.settled.is_set():
            self._pace.at_once()
        elif report.says_more_than(self._told, _now()):
            self._pace.hurry(time.monotonic())
        else:
            self._pace.calm()

    async def _tell(self, process: ProcessObject, report: Report) -> None:
        if await self._try(process.patch(report, _now())):
            self._told = report
            self._pace.told(time.monotonic(), report.heartbeat_seconds)
            count = self._pace.counts_again()
            if count or report.windows:  # then somebody may wait for one that has died
                await self._look_around(process, count=count)
            return
        self._pace.failed(time.monotonic(), self.trouble.retry_after)
        if self.trouble.status in (NOT_FOUND, CONFLICT):
            logger.warning("%s is gone: this process registers anew", process.name)
            process.renew()
            await self._register(process)

    async def _unregister(self, process: ProcessObject) -> None:
        if not await self._try(process.delete()):
            logger.warning("%s stays behind until the API server answers again", process.name)
        self._leave()

    def _leave(self) -> None:
        self.vouches, self.has_left = False, True

    async def _try(self, request: Coroutine[Any, Any, None]) -> bool:
        """Whether a request has worked; else that is logged, once."""
        try:
            await request
        except (ApiError, Unreachable) as error:
            self.trouble.note(error)
            return False
        self.trouble.settle()
        return True

    async def _nap(self, seconds: float) -> None:
        """Wait; cut short once, when it is told to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()

    def _seconds_to_next_look(self) -> float:
        timeline, now = self._source.timeline(), wall_clock()
        edge = timeline.at(now).valid_until - now if timeline else _LOOK_EVERY
        return max(_LOOK_AT_MOST_EVERY, min(_LOOK_EVERY, edge, self._pace.due - time.monotonic()))


def _now() -> datetime:
    return datetime.fromtimestamp(wall_clock(), UTC)
