"""What start-up waits for: a list of all windows, and registration where the process reports."""

from __future__ import annotations

import logging
import time
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

LOOK_EVERY = 0.005
"""Seconds between two looks at it."""

_NOT_LISTED = "no list of windows within %s s of starting"
_NOT_REPORTED = (
    "not registered as a MaintenanceProcess within %s s of starting: nobody who waits until all "
    "has drained waits for this process"
)

logger = logging.getLogger(__name__)


def must_wait(watcher: Watcher, reports: Reports, began_at: float, timeout: float) -> bool:
    """Whether to wait on; says what is missing when the time for that is over."""
    if watcher.synced and reports.allow_serving:
        return False
    if time.monotonic() < began_at + timeout:
        return True
    logger.error(_NOT_LISTED if not watcher.synced else _NOT_REPORTED, timeout)
    return False
