"""When a schedule opens, whatever changes its occurrences aside; with bounded work.

The rule for local time is Debian cron's, as cronsim implements it. A schedule opens once per
scheduled local time: in a spring gap at the first instant after the gap, in an autumn overlap at
the first of the two. With a wildcard in its minute or hour field it follows elapsed time instead:
at every instant whose local time fits, none for a time in a gap, two for one in an overlap.

What an expression means is cronsim's word. When the clocks jump is reckoned here: cronsim starts
anew with each question, and loses its way where they jump by or at other than full hours.
"""

from __future__ import annotations

import functools
import math
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from .extras import load
from .model import InvalidWindow, Recurring
from .zones import DAY, LAST_DAY, LONGEST_JUMP, Stretch, instant_of, seconds_of, stretch
from .zones import zone as zone

_LONGEST_PAUSE = 41 * 366
"""Days; a schedule that does not open for as long never does: a leap day falls on each day of the
week within forty years."""


_BEGIN_OF_SEARCH = date(2000, 1, 1).toordinal() - 1


def starts(timing: Recurring, after: datetime) -> Iterator[datetime]:
    """The instants after another at which a schedule opens, each once, in order."""
    calendar = calendar_of(timing.schedule, timing.time_zone)
    found = calendar.first(seconds_of(after) + 1)
    while found is not None and (start := instant_of(found)) is not None:
        yield start
        found = calendar.first(found + 1)


def check_schedule(schedule: str) -> None:
    """Raise InvalidWindow unless the expression is a cron expression of five fields."""
    fields = schedule.split() if schedule.isascii() else []
    if len(fields) != 5:
        raise InvalidWindow(
            "spec.schedule",
            f"{schedule!r} has {len(fields)} fields",
            "write five: minute hour day-of-month month day-of-week, as in '0 2 * * SUN'",
        )
    error = load("cronsim", "schedules").CronSimError
    try:
        _cron(schedule)
    except error as cause:
        raise InvalidWindow(
            "spec.schedule",
            f"{schedule!r}: {cause}",
            "write cron fields such as '0 2 * * SUN', '30 1 L * *' or '0 3 * * MON#1'",
        ) from cause


def _cron(schedule: str) -> Any:
    return load("cronsim", "schedules").CronSim(schedule, datetime(2026, 1, 1, tzinfo=UTC))


@functools.lru_cache(maxsize=1024)
def calendar_of(schedule: str, time_zone: str) -> Calendar:
    """The calendar of a schedule: windows that open together share what was found out."""
    return Calendar(schedule, time_zone)


class Calendar:
    """The starts of a schedule in a zone, in seconds since the beginning of the year 1."""

    def __init__(self, schedule: str, time_zone: str) -> None:
        self._times = _LocalTimes(schedule)
        self._zone = time_zone
        self._last_here = stretch(time_zone, 0)
        minute, hour, *_ = schedule.split()
        self.once = not (minute.startswith("*") or hour.startswith("*"))
        """Whether it opens once for each local time, whatever the clocks do."""

    def first(self, at: int) -> int | None:
        """The first start at or after an instant."""
        while True:
            here = self._stretch(at)
            if at == here.begin and self._opens_after_gap(here):
                return at
            local = self._times.first(max(at, self._fresh_from(here)) + here.offset)
            if local is None:
                return None
            if (start := local - here.offset) < here.end:
                return start
            # Far from here no local time is one of those that were already looked at.
            is_far = here.end - at > LONGEST_JUMP
            at = max(here.end, start - LONGEST_JUMP) if is_far else here.end

    def last(self, at: int) -> int | None:
        """The last start at or before an instant."""
        while True:
            here = self._stretch(at)
            local = self._times.last(at + here.offset)
            if local is not None and (start := local - here.offset) >= self._fresh_from(here):
                return start
            if self._opens_after_gap(here):
                return here.begin
            if local is None:
                return None
            is_far = at - here.begin > LONGEST_JUMP
            at = min(here.begin - 1, start + LONGEST_JUMP) if is_far else here.begin - 1

    def _stretch(self, at: int) -> Stretch:
        here = self._last_here
        if not here.begin <= at < here.end:
            self._last_here = here = stretch(self._zone, at)
        return here

    def local_times(self, begin: int, end: int) -> Iterator[int]:
        """The local times in ``[begin, end)``, whether the clocks show them or not."""
        found = self._times.first(begin)
        while found is not None and found < end:
            yield found
            found = self._times.first(found + 1)

    def _fresh_from(self, here: Stretch) -> int:
        """From when on local times count: after an overlap, when they come for the first time."""
        overlap = here.before - here.offset
        return here.begin + overlap if self.once and overlap > 0 else here.begin

    def _opens_after_gap(self, here: Stretch) -> bool:
        """Whether it opens as a stretch begins, since local times in the gap before it fit."""
        if not self.once or here.offset <= here.before:
            return False
        local = self._times.first(here.begin + here.before)
        return local is not None and local < here.begin + here.offset


class _LocalTimes:
    """The local times of a schedule, as a clock that never jumps shows them."""

    def __init__(self, schedule: str) -> None:
        cron = _cron(schedule)
        self._minutes: list[int] = sorted(cron.minutes)
        self._hours: list[int] = sorted(cron.hours)
        self._months, self._fits = cron.months, cron.match_day
        self._earliest = self._hours[0] * 60 + self._minutes[0]
        self._latest = self._hours[-1] * 60 + self._minutes[-1]
        # The days from one to another that have the same answer: what is asked for most often.
        never = self._search(_BEGIN_OF_SEARCH, 1) is None
        known = (-math.inf, math.inf, None) if never else (1, 0, None)
        self._next: tuple[float, float, int | None] = known
        self._previous: tuple[float, float, int | None] = known

    def first(self, at: int) -> int | None:
        """The first one at or after another."""
        day, minute = divmod(-(-at // 60), 1440)
        if minute > self._latest:
            day, minute = day + 1, 0
        found = self._day_from(day)
        if found is None:
            return None
        return found * DAY + self._time_from(minute if found == day else 0) * 60

    def last(self, at: int) -> int | None:
        """The last one at or before another."""
        day, minute = divmod(at // 60, 1440)
        if minute < self._earliest:
            day, minute = day - 1, 1439
        found = self._day_until(day)
        if found is None:
            return None
        return found * DAY + self._time_until(minute if found == day else 1439) * 60

    def _time_from(self, minute: int) -> int:
        """The first time of day from a minute on; there is one."""
        hour = self._hours[bisect_left(self._hours, minute // 60)]
        rest = minute - hour * 60
        if rest > self._minutes[-1]:
            hour, rest = self._hours[bisect_right(self._hours, hour)], 0
        return hour * 60 + self._minutes[bisect_left(self._minutes, rest)]

    def _time_until(self, minute: int) -> int:
        """The last time of day until a minute; there is one."""
        hour = self._hours[bisect_right(self._hours, minute // 60) - 1]
        rest = minute - hour * 60
        if rest < self._minutes[0]:
            hour, rest = self._hours[bisect_left(self._hours, hour) - 1], 59
        return hour * 60 + self._minutes[bisect_right(self._minutes, rest) - 1]

    def _day_from(self, day: int) -> int | None:
        low, high, found = self._next
        if not low <= day <= high:
            found = self._search(day, 1)
            self._next = day, math.inf if found is None else found, found
        return found

    def _day_until(self, day: int) -> int | None:
        low, high, found = self._previous
        if not low <= day <= high:
            found = self._search(day, -1)
            self._previous = -math.inf if found is None else found, day, found
        return found

    def _search(self, begin: int, step: int) -> int | None:
        """The nearest day that fits, `begin` included, forward or backward."""
        day = max(begin, 0) if step > 0 else min(begin, LAST_DAY)
        while 0 <= day <= LAST_DAY and abs(day - begin) <= _LONGEST_PAUSE:
            there = date.fromordinal(day + 1)
            if there.month not in self._months:
                day += _to_other_month(there, step)
            elif self._fits(there):
                return day
            else:
                day += step
        return None


def _to_other_month(there: date, step: int) -> int:
    """Days to the first one of the next month, or to the last one of the month before."""
    if step < 0:
        return -there.day
    return monthrange(there.year, there.month)[1] - there.day + 1
