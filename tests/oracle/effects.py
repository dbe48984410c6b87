"""What becomes of a window's occurrences, worked out by writing all of them down."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from fastapi_maintenance.windows import Exclusion, Fixed, Occurrence, Override, Window

from .calendar import starts_by_day


def pieces(window: Window, first: datetime, last: datetime) -> list[Occurrence]:
    """All stretches of maintenance of a window, whose calendar is read from one instant to another.

    Calendar, then overrides, then the early end, then the exclusions; in the order of the starts.
    """
    found = _calendar(window, first, last)
    found = [o for each in found for o in _overridden(each, window.overrides)]
    if window.ended_at is not None:
        found = [o for each in found for o in _ended(each, window.ended_at)]
    for exclusion in window.exclusions:
        found = [o for each in found for o in _cut(each, exclusion)]
    return sorted(found, key=lambda o: (o.start, ending(o)))


def ending(occurrence: Occurrence) -> float:
    """POSIX seconds; an end that nobody knows comes after all others."""
    return math.inf if occurrence.end is None else occurrence.end.timestamp()


def last_of(found: Iterable[Occurrence], now: datetime) -> Occurrence | None:
    """Of those that contain an instant, the one that ends last."""
    return max((o for o in found if _contains(o, now)), key=ending, default=None)


def unbroken(found: list[Occurrence], now: datetime) -> list[datetime | None]:
    """How far it is open from now on: the end of what is open, of what is open then, and so on."""
    ends = list[datetime | None]()
    instant: datetime | None = now
    while instant is not None and (covering := last_of(found, instant)):
        instant = covering.end
        ends.append(instant)
    return ends


def _contains(occurrence: Occurrence, instant: datetime) -> bool:
    return occurrence.start <= instant and instant.timestamp() < ending(occurrence)


def _calendar(window: Window, first: datetime, last: datetime) -> list[Occurrence]:
    timing = window.timing
    if isinstance(timing, Fixed):
        return list(timing.occurrences)
    starts = _starts(timing.schedule, timing.time_zone, first, last)
    return [Occurrence(start, start + timing.duration) for start in starts]


_starts = functools.cache(starts_by_day)


def _overridden(planned: Occurrence, overrides: Iterable[Override]) -> list[Occurrence]:
    for override in overrides:
        if override.occurrence == planned.start:
            if override.skip:
                return []
            start = override.start or planned.start
            length = planned.end - planned.start if planned.end else None
            postponed = start + length if length is not None else None
            return [Occurrence(start, override.end or postponed)]
    return [planned]


def _ended(planned: Occurrence, ended_at: datetime) -> list[Occurrence]:
    if not _contains(planned, ended_at):
        return [planned]
    return [replace(planned, end=ended_at)] if planned.start < ended_at else []


def _cut(planned: Occurrence, out: Exclusion) -> list[Occurrence]:
    """What is left of it before and behind an exclusion."""
    if ending(planned) <= out.start.timestamp() or out.end <= planned.start:
        return [planned]
    before = [Occurrence(planned.start, out.start)] if planned.start < out.start else []
    behind = [Occurrence(out.end, planned.end)] if out.end.timestamp() < ending(planned) else []
    return before + behind
