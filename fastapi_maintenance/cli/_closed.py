"""Why a window is not open, and what opens it: pure."""

from __future__ import annotations

import math
from datetime import timedelta

from ._failures import Failure
from ._hints import named
from ._kinds import quoted
from ._seen import Seen
from ._times import shown, span, until

_HOUR = timedelta(hours=1)
_LONG = 24
"""Hours; who waits longer holds a connection for what may be asked again then."""


def not_open(seen: Seen) -> Failure:
    """Of one that does not open any more as it is."""
    place = named(seen.name, seen.namespace)
    said = f"{quoted(seen.name)} is not open: {seen.state}"
    if seen.error is not None:
        return Failure(f"{said}: {seen.error}", f"see: fastapi-maintenance explain {place}")
    if seen.state == "Suspended":
        return Failure(said, f"let it open again: fastapi-maintenance resume {place}")
    since = f" since {shown(seen.ended, seen.at)} ({_ago(seen)})" if seen.ended else ""
    return Failure(f"{said}{since}", f"how to open it anew: fastapi-maintenance explain {place}")


def lapse_of(seen: Seen | None) -> str | None:
    """How one that was open has come not to be so, of None: it was deleted; None: it is open."""
    if seen is None:
        return "was deleted"
    if seen.current is not None:
        return None
    if seen.state == "Suspended":
        return "was suspended"
    if seen.ended is None:
        return f"is not open any more ({seen.state})"
    how = "was ended" if "endedAt" in seen.item["spec"] else "was over"
    return f"{how} at {shown(seen.ended, seen.at)}"


def opens_too_late(seen: Seen) -> Failure:
    """Of one that opens when nobody waits any more."""
    assert seen.following is not None
    start = seen.following.start
    hours = math.ceil((start - seen.at) / _HOUR) + 1
    problem = f"{quoted(seen.name)} opens at {until(start, seen.at)}, later than --timeout"
    later = ", or wait for it on that day" if hours > _LONG else ""
    return Failure(problem, f"wait longer: --timeout {hours}h{later}")


def _ago(seen: Seen) -> str:
    assert seen.ended is not None
    return f"{span(seen.at - seen.ended)} ago"
