"""Keeping a window open for as long as a command lives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable

from ._closed import lapse_of
from ._cluster import Cluster, Object
from ._failures import Failure, known
from ._kinds import quoted
from ._output import tell
from ._retrying import patiently
from ._seen import Seen, see
from ._times import now, shown
from .extend import extend_window

LEAST, MOST = timedelta(seconds=15), timedelta(minutes=5)
_LOOK_EVERY = 2.0


def lead_of(duration: timedelta) -> timedelta:
    """How long before the end it is moved: a quarter of the time, within bounds."""
    return min(max(duration / 4, LEAST), MOST)


class Lapsed(Failure):
    """The window is not open any more, by somebody else or since nobody could move its end."""


class Holder:
    """Looks after the window of a command that runs."""

    def __init__(
        self,
        cluster: Cluster,
        name: str,
        duration: timedelta,
        is_told: Callable[[], bool] = lambda: False,
    ) -> None:
        """Of one window.

        Args:
            cluster: where it is.
            name: of the window.
            duration: planned.
            is_told: whether a signal came, so that the first look is tried no more.
        """
        self._is_told = is_told
        self._cluster, self._name = cluster, name
        self._lead = lead_of(duration)
        self._troubled = False
        self.end: datetime | None = None
        """The end, as it is known."""
        self.lapse: str | None = None
        """How it was found not to be open any more, at first; None: it never was."""

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[int]:
        """While this is entered the window does not end by itself.

        Gives its generation, with an end that is far enough. What was proven of one before is to
        be proven of this: a process may have served from the end that it knew.

        Raises:
            ApiError, Unreachable, Failure: its end could not be made sure of.
        """
        generation = await patiently(self._look, self._is_told)
        keeping = asyncio.create_task(self._keep())
        try:
            yield generation
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self._look("the command still runs: ")
            except (ApiError, Unreachable, Failure) as error:
                self._complain(error)

    async def _look(self, why: str = "") -> int:
        """Let it end later if it is time to; gives its generation then."""
        seen = self._open(await self._cluster.find_window(self._name))
        self.end = seen.end
        if self.end is not None and self.end - seen.at < self._lead:
            seen = await extend_window(self._cluster, self._name, self._lead)
            self.end = seen.end
            if self.end is not None:
                tell(f"{why}the window is extended until {shown(self.end, seen.at)}")
        if self._troubled:
            self._troubled = False
            tell("the window is looked after again")
        return seen.generation

    def _open(self, item: Object | None) -> Seen:
        """It, as it is there.

        Raises:
            Lapsed: it is not open any more.
        """
        seen = see(item, now()) if item else None
        lapse = lapse_of(seen)
        if seen is None or lapse is not None:
            self.lapse = self.lapse or lapse
            raise Lapsed(f"{quoted(self._name)} {lapse}")
        return seen

    def _complain(self, error: Exception) -> None:
        """Once: to end the command because of it may do more harm."""
        if self._troubled:
            return
        self._troubled = True
        problem = known(error).problem
        if isinstance(error, Lapsed):
            tell(f"warning: {problem}: processes may serve again, and the command still runs")
            return
        end = f" The last end that is known: {shown(self.end, now())}." if self.end else ""
        tell(
            f"warning: the window can't be looked after while the command runs: {problem}.{end} "
            "Processes may serve again before the command has ended"
        )
