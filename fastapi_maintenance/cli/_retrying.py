"""What may pass within seconds is tried again: a server that restarts, a connection that broke."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable

from ._failures import is_of_credentials
from ._output import tell

T = TypeVar("T")

PASSING = (429, 500, 502, 503, 504)
"""Answers of a server that may soon give another."""
PATIENCE = 8.0
"""Seconds for which it is tried."""
_PAUSE, _LONGEST_PAUSE = 0.5, 2.0


def passes(error: ApiError | Unreachable) -> bool:
    """Whether it may be over in a moment."""
    if isinstance(error, ApiError):
        return error.status in PASSING
    return not is_of_credentials(error)


async def patiently(
    attempt: Callable[[], Awaitable[T]], is_told: Callable[[], bool] = lambda: False
) -> T:
    """What an attempt comes to that may be made twice.

    Args:
        attempt: which asks the API server.
        is_told: whether a signal came, so that nobody waits for it any more.

    Raises:
        ApiError, Unreachable: it does not pass, or has not in time.
    """
    began, pause = time.monotonic(), _PAUSE
    while True:
        try:
            return await attempt()
        except (ApiError, Unreachable) as error:
            left = PATIENCE - (time.monotonic() - began)
            if not passes(error) or is_told() or left <= 0:
                raise
            if pause == _PAUSE:
                tell(f"the API server does not answer as it should, trying again: {error}")
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
