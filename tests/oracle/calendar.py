"""When a schedule opens, by walking through time with an eye on the clock on the wall.

Twice: minute by minute, as the rule says it, and day by day, for whole decades. A schedule opens
when the clock reaches or passes one of its times for the first time. So what a gap leaves out
opens at the first instant after it, and what an overlap shows again does not open again. With a
wildcard in minutes or hours it opens whenever the clock shows one of its times.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from .cron import Cron, read
from .zones import jumps_between, local, offset

RUN_UP = timedelta(days=3)
"""Longer than any gap or overlap: the walk knows how far the clock had come when it matters."""

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def starts_by_minute(schedule: str, zone: str, begin: datetime, until: datetime) -> list[datetime]:
    """All starts in ``[begin, until)``, which are whole minutes."""
    cron, found = read(schedule), []
    instant = begin - RUN_UP
    reached = local(instant, zone) - _MINUTE
    while instant < until:
        shown = local(instant, zone)
        assert shown.second == 0, f"the clock of {zone} is off by seconds"
        if _opens(cron, reached, shown) and instant >= begin:
            found.append(instant)
        reached = max(reached, shown)
        instant += _MINUTE
    return found


def _opens(cron: Cron, reached: datetime, shown: datetime) -> bool:
    """Whether it opens at a minute, when the clock shows this and had come so far before."""
    if cron.elapsed:
        return cron.names(shown)
    while reached < shown:
        reached += _MINUTE
        if cron.names(reached):
            return True
    return False


def starts_by_day(schedule: str, zone: str, begin: datetime, until: datetime) -> list[datetime]:
    """The same, quicker: between two jumps the clock on the wall runs as any other."""
    cron = read(schedule)
    found: dict[datetime, None] = {}  # in order, and several times in a gap are one start
    reached = datetime.min
    for first, last in _stretches(zone, begin - RUN_UP, until):
        ahead = offset(first, zone)
        shown_first, shown_last = (i.replace(tzinfo=None) + ahead for i in (first, last))
        wanted = shown_first if cron.elapsed or reached == datetime.min else reached
        for shown in _named(cron, wanted, shown_last):
            found[max(first, shown.replace(tzinfo=UTC) - ahead)] = None
        reached = max(reached, shown_last)
    return [start for start in found if begin <= start < until]


def _stretches(zone: str, begin: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From one jump to the next."""
    edges = [begin, *jumps_between(zone, begin, until), until]
    return itertools.pairwise(edges)


def _named(cron: Cron, first: datetime, last: datetime) -> Iterator[datetime]:
    """All times on the wall in ``[first, last)`` that an expression names."""
    times = cron.times_of_day()
    midnight = datetime(first.year, first.month, first.day)
    while midnight < last:
        if cron.names_day(midnight.date()):
            yield from (t for time in times if first <= (t := midnight + time) < last)
        midnight += _DAY
