"""Waiting for facts instead of sleeping: a slow machine makes a test slower, not red."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T],
    timeout: float = 60,
    what: str = "",
    *,
    interval: float = 0.05,
    hopeless: Callable[[], str | None] = lambda: None,
) -> T:
    """Poll `condition` until it returns something true, and return that.

    An exception from the condition counts as "not yet": what is awaited is often not there at
    first. `hopeless` may name a reason to give up before `timeout` seconds are over.

    Raises:
        AssertionError: naming what was awaited, and what the last try gave.
    """
    name = what or getattr(condition, "__name__", "the condition")
    deadline = time.monotonic() + timeout
    while True:
        # Read before the try: what dies during a try must not be blamed on a stale answer.
        reason, late = hopeless(), time.monotonic() > deadline
        cause: Exception | None = None
        try:
            value = condition()
        except Exception as error:  # whatever it was, it is shown if it is the last
            cause, last = error, f"{type(error).__name__}: {error}"
        else:
            if value:
                return value
            last = repr(value)
        if reason or late:
            why = reason or f"after {timeout:g} s"
            raise AssertionError(f"waited for {name}: {why}; last try: {last}") from cause
        time.sleep(interval)
