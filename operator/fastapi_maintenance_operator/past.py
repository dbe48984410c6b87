"""What a window has behind it: the occurrence that ended last, and when it is to be deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi_maintenance.windows import (
    Fixed,
    Occurrence,
    Window,
    next_occurrence,
    occurrence_at,
    occurrences_between,
)

_LOOKS = tuple(timedelta(days=days) for days in (0.1, 2, 40, 400, 3000))
"""How far back, one after the other: most windows opened lately, and 29 February is rare."""


def last_occurrence(window: Window, now: datetime) -> Occurrence | None:
    """The occurrence that ended last, by the calendar alone; None if there was none for years."""
    if isinstance(window.timing, Fixed):
        return _ended_last(window, datetime.min.replace(tzinfo=now.tzinfo), now)
    looks = (_ended_last(window, now - look, now) for look in _LOOKS)
    return next((found for found in looks if found), None)


def expires_at(window: Window, now: datetime) -> datetime | None:
    """When a finished window is to be deleted, by ``ttlSecondsAfterFinished``; None: it stays.

    One that is suspended has not finished. One whose occurrence was skipped or cut away whole
    finished when that would have begun.
    """
    ttl = window.ttl_seconds_after_finished
    if ttl is None or window.suspend or not isinstance(window.timing, Fixed):
        return None
    if occurrence_at(window, now) or next_occurrence(window, now):
        return None
    last = last_occurrence(window, now)
    finished = last.end if last else max(o.start for o in window.timing.occurrences)
    return finished + timedelta(seconds=ttl) if finished else None


def _ended_last(window: Window, begin: datetime, now: datetime) -> Occurrence | None:
    found = (o for o in occurrences_between(window, begin, now) if o.end and o.end <= now)
    return max(found, key=lambda o: (o.end, o.start), default=None)
