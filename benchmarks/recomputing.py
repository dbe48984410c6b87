"""What it costs to work out what holds from an edge on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from fastapi_maintenance.windows import Timeline, Window

from .subjects import edged
from .subjects.ours import APP

Windows = list[Window]

MIXES: dict[str, Callable[[], Windows]] = {
    "weekly, each at its own time": edged.weekly,
    "one-shot, one after the other": lambda: edged.once(datetime.now(UTC)),
    "all due at once": edged.due_at_once,
    f"all due at once, each with {edged.MOST_OVERRIDES} overrides and "
    f"{edged.MOST_EXCLUSIONS} exclusions": edged.full_at_once,
    "a start each minute, each open for 400 days, with as many of both": edged.dense,
    "one after the other without a gap, each hour": edged.unbroken,
}
"""Ways for 50 windows to concern an app."""


class Taken(NamedTuple):
    """What each recomputation took."""

    processor_ms: list[float]
    """Of the thread: whoever else uses the machine makes no difference."""
    wall_ms: list[float]


def recompute(windows: Windows, known: int, edges: int) -> Taken:
    """Work out the next state, edge after edge, beginning now.

    What is worked out once, when windows become known, is not an edge's: it is done before.
    """
    timeline = Timeline([*edged.strangers(known - len(windows)), *windows], APP)
    now, taken = time.time(), Taken([], [])
    timeline.at(now)
    while len(taken.wall_ms) < edges and (now := timeline.at(now).valid_until) < math.inf:
        began, used = time.perf_counter_ns(), time.thread_time_ns()
        timeline.at(now)
        taken.processor_ms.append((time.thread_time_ns() - used) / 1e6)
        taken.wall_ms.append((time.perf_counter_ns() - began) / 1e6)
    return taken
