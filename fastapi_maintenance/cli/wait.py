"""``wait``: until a window is enforced, drained or over."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum
from typing import Annotated

import typer

from ._cluster import Cluster
from ._failures import FAILED
from ._hints import named
from ._options import IfNoProcesses, Name, Timeout, Unreported
from ._output import Progress
from ._seen import see
from ._times import duration_of, ending, now
from ._waiting import PAUSE, TimedOut, Wait


class Goal(StrEnum):
    """What can be waited for."""

    ENFORCED = "enforced"
    DRAINED = "drained"
    ENDED = "ended"


_For = Annotated[Goal, typer.Option("--for", help="What to wait for.")]


async def wait(
    cluster: Cluster,
    name: Name,
    for_: _For = Goal.DRAINED,
    timeout: Timeout = "5m",
    if_no_processes: IfNoProcesses = Unreported.FAIL,
) -> None:
    """Wait until a window is enforced, drained or over.

    Exit: 0 it is so, 1 not in time, 3 no operator answers.
    """
    length = duration_of(timeout, "--timeout")
    if for_ is Goal.ENDED:
        await _until_ended(cluster, name, length.total_seconds())
    else:
        ok = if_no_processes is Unreported.OK
        judged = await Wait(cluster, name, for_, length, ok).run()
        print(f"maintenancewindow/{name} is {for_}: {judged.message}")
        return
    print(f"maintenancewindow/{name} is not open")


async def _until_ended(cluster: Cluster, name: str, seconds: float) -> None:
    """Until no occurrence is open; a window that is gone is over."""
    deadline, progress = time.monotonic() + seconds, Progress()
    try:
        while (item := await cluster.find_window(name)) is not None:
            seen = see(item, now())
            if seen.current is None:
                return
            text = f"open until {ending(seen.current.end, seen.at)}"
            if time.monotonic() >= deadline:
                mend = f"end it: fastapi-maintenance end {named(name, cluster.namespace)}"
                raise TimedOut(f"not ended after {seconds:g} s: {text}", mend, FAILED)
            progress.say(text)
            await asyncio.sleep(PAUSE)
    finally:
        progress.done()
