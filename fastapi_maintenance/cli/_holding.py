"""Keeping a window open for as long as a command lives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable

from ._cluster import Cluster
from ._failures import Failure
from ._output import tell
from ._seen import Seen, see
from ._times import now, shown
from .extend import extend_window

LEAST, MOST = timedelta(seconds=15), timedelta(minutes=5)
_LOOK_EVERY = 2.0


def lead_of(duration: timedelta) -> timedelta:
    """How long before the end it is moved: a quarter of the time, within bounds."""
    return min(max(duration / 4, LEAST), MOST)


class Holder:
    """Looks after the window of a command that runs."""

    def __init__(self, cluster: Cluster, name: str, duration: timedelta) -> None:
        self._cluster, self._name = cluster, name
        self._lead = lead_of(duration)
        self._troubled = False
        self.end: datetime | None = None
        """The end, as it is known."""

    @contextlib.asynccontextmanager
    async def held(self, seen: Seen) -> AsyncIterator[None]:
        """While this is entered the window does not end by itself."""
        self.end = seen.current.end if seen.current else None
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping

    async def _keep(self) -> None:
        while True:
            try:
                await self._look()
            except (ApiError, Unreachable, Failure) as error:
                self._complain(error)
            await asyncio.sleep(_LOOK_EVERY)

    async def _look(self) -> None:
        seen = see(await self._cluster.window(self._name), now())
        if seen.current is None:
            raise Failure(f"it is {seen.state.lower()}")
        self.end = seen.current.end
        if self.end is not None and self.end - seen.at < self._lead:
            after = await extend_window(self._cluster, self._name, self._lead)
            self.end = after.current.end if after.current else None
            if self.end is not None:
                text = "the command still runs: the window is extended until"
                tell(f"{text} {shown(self.end, after.at)}")
        if self._troubled:
            self._troubled = False
            tell("the window is looked after again")

    def _complain(self, error: Exception) -> None:
        """Once: to end the command because of it may do more harm."""
        if self._troubled:
            return
        self._troubled = True
        end = f" The last end that is known: {shown(self.end, now())}." if self.end else ""
        tell(
            f"warning: the window can't be looked after while the command runs: {error}.{end} "
            "Processes may serve again before the command has ended"
        )
