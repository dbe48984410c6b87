"""What start-up waits for: a list of all windows, and registration where the process reports."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi_maintenance.windows import Opening, Response, switched

if TYPE_CHECKING:
    from .reports import Reports
    from .watcher import Watcher

UNKNOWN = switched(
    Opening(
        response=Response(message="Service is starting", retry_after_seconds=5), probes_pass=True
    )
)
"""What holds before it has come, where requests are refused until then."""

_LOOK_AFTER, _LOOK_EVERY = 0.005, 0.05
"""Seconds until the first look at it, and between the later ones."""


def pauses() -> Iterator[float]:
    """Seconds from one look to the next, for ever."""
    pause = _LOOK_AFTER
    while True:
        yield pause
        pause = min(2 * pause, _LOOK_EVERY)


_NOT_LISTED = "no list of windows within %s s of starting"
_NOT_REPORTED = (
    "not registered as a MaintenanceProcess within %s s of starting: nobody who waits until all "
    "has drained waits for this process"
)

logger = logging.getLogger(__name__)


class FirstSync:
    """How long start-up waits, from one beginning of a backend on.

    Args:
        watcher: who lists.
        reports: who registers.
    """

    def __init__(self, watcher: Watcher, reports: Reports) -> None:
        self._watcher, self._reports = watcher, reports
        self._began_at = time.monotonic()
        self._is_late = False

    def must_wait(self, timeout: float) -> bool:
        """Whether to wait on; says once what is missing when the time for that is over."""
        synced = self._watcher.synced
        if synced and self._reports.allow_serving:
            return False
        if time.monotonic() < self._began_at + timeout:
            return True
        if not self._is_late:
            self._is_late = True
            logger.error(_NOT_REPORTED if synced else _NOT_LISTED, timeout)
        return False
