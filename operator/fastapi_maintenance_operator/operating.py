"""The operator from its start to its end: it stands by, and leads for one term after another.

Each term begins with nothing in memory: what a former term knew may be wrong by now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .controller import Controller
from .election import Election
from .lease import LeaseLost
from .watcher import Watcher

logger = logging.getLogger(__name__)


class Operation:
    """Who leads, and what for.

    Args:
        lease: Held during a term.
        make_controller: A new one for each term.
        make_watcher: What tells a controller of changes.
    """

    def __init__(
        self,
        lease: Election,
        make_controller: Callable[[], Controller],
        make_watcher: Callable[[Controller], Watcher],
    ) -> None:
        self.lease = lease
        self._make_controller, self._make_watcher = make_controller, make_watcher
        self.controller: Controller | None = None
        """What works in this term; None while standing by."""

    @property
    def ready(self) -> bool:
        """A standby is ready: it takes over by itself. A leader, once it has seen everything."""
        return self.lease.standing_by if self.controller is None else self.controller.ready

    @property
    def informed(self) -> Controller | None:
        """What works in this term, once it has seen everything."""
        return self.controller if self.controller and self.controller.ready else None

    @property
    def last_round(self) -> float:
        """When it last came round, on the monotonic clock."""
        return self.lease.last_try if self.controller is None else self.controller.last_round

    async def run(self) -> None:
        """Stand by and lead by turns, until cancelled; then give the Lease back."""
        try:
            while True:
                await self.lease.acquire()
                await self._lead()
        finally:
            await self.lease.release()

    async def _lead(self) -> None:
        logger.info("leading: %s", self.lease.identity)
        controller = self.controller = self._make_controller()
        try:
            async with self._make_watcher(controller) as watcher:
                await _first_of(self.lease.keep(), controller.run(), watcher.watch())
        except LeaseLost as error:
            logger.warning("leading no longer: %s", error)
        finally:
            self.controller = None


async def _first_of(*works: Awaitable[None]) -> None:
    """Run all until one of them ends; it ends the others, and its error is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
