"""The occurrences of a window: its calendar, overridden, ended and with stretches cut out.

Each step is worked out where one looks, never for all time, so that every valid window costs
little: one that opens each minute for a year, one with exclusions that last for years.
"""

from __future__ import annotations

import functools
import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TypeGuard

from .model import Exclusion, Fixed, Occurrence, Override, Recurring, Window
from .schedule import calendar_of
from .zones import instant_of, seconds_of

_BEGIN_OF_TIME = datetime.min.replace(tzinfo=UTC)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


def occurrence_at(window: Window, now: datetime) -> Occurrence | None:
    """The occurrence that contains an instant; of several, the one that ends last.

    Where exclusions cut it, the piece of it that contains the instant. Whether the window is
    suspended is not asked here, nor by the others.
    """
    return course_of(window).at(now)


def next_occurrence(window: Window, now: datetime) -> Occurrence | None:
    """The first occurrence, or piece of one, that starts after an instant.

    Of several that start together, the one that ends last.
    """
    return course_of(window).after(now)


def occurrences_between(window: Window, begin: datetime, until: datetime) -> Iterator[Occurrence]:
    """The occurrences, or pieces, that overlap ``[begin, until)``, in the order of their starts."""
    return course_of(window).between(begin, until)


def course_of(window: Window) -> Course:
    """The course of a window; the same for windows that open alike."""
    return _course(window.timing, window.overrides, window.ended_at, window.exclusions)


@functools.lru_cache(maxsize=1024)
def _course(
    timing: Fixed | Recurring,
    overrides: tuple[Override, ...],
    ended_at: datetime | None,
    exclusions: tuple[Exclusion, ...],
) -> Course:
    return Course(timing, overrides, ended_at, exclusions)


class Course:
    """What `timing`, `overrides`, `ended_at` and `exclusions` add up to."""

    def __init__(
        self,
        timing: Fixed | Recurring,
        overrides: tuple[Override, ...] = (),
        ended_at: datetime | None = None,
        exclusions: tuple[Exclusion, ...] = (),
    ) -> None:
        self._whole = _Whole(timing, overrides, ended_at)
        free = _free(exclusions)
        self._free_from = [begin for begin, _ in free]
        self._free_until = [end for _, end in free]
        self._first_from: list[Occurrence | None] = [None] * (len(free) + 1)
        # Backward: one that begins far behind many exclusions is found once, and not at an edge.
        for number in reversed(range(1, len(free))):
            self._first_from[number] = self._find_first(number)

    def at(self, now: datetime) -> Occurrence | None:
        """`occurrence_at`."""
        number = self._stretch(now)
        found = self._whole.at(now) if now < self._free_until[number] else None
        return None if found is None else self._cut(found, number)

    def after(self, now: datetime) -> Occurrence | None:
        """`next_occurrence`."""
        number = self._stretch(now)
        found = self._whole.after(now) if now < self._free_until[number] else None
        if found is not None and found.start < self._free_until[number]:
            return self._cut(found, number)
        return self._first_from[number + 1]

    def _find_first(self, number: int) -> Occurrence | None:
        """The first piece that starts in a stretch without exclusions, or in a later one."""
        begin = self._free_from[number]
        if (found := self._whole.at(begin)) is not None:
            return self._cut(found, number)
        if (found := self._whole.after(begin)) is None:
            return None
        # Nothing is open in between, however many exclusions there are.
        number = self._stretch(found.start)
        if found.start < self._free_until[number]:
            return self._cut(found, number)
        return self._first_from[number + 1]

    def between(self, begin: datetime, until: datetime) -> Iterator[Occurrence]:
        """`occurrences_between`."""
        for number in range(self._stretch(begin), len(self._free_from)):
            low = max(self._free_from[number], begin)
            high = min(self._free_until[number], until)
            if low >= until:
                return
            if low < high:
                for found in self._whole.between(low, high):
                    yield self._cut(found, number)

    def _stretch(self, instant: datetime) -> int:
        """The number of the last stretch without exclusions that has begun."""
        return max(bisect_right(self._free_from, instant) - 1, 0)

    def _cut(self, found: Occurrence, number: int) -> Occurrence:
        """The piece of an occurrence that lies in a stretch without exclusions."""
        low, high = self._free_from[number], self._free_until[number]
        ends_within = high == _END_OF_TIME or (found.end is not None and found.end <= high)
        if found.start >= low and ends_within:
            return found
        return Occurrence(max(found.start, low), found.end if ends_within else high)


def _free(exclusions: Iterable[Exclusion]) -> list[tuple[datetime, datetime]]:
    """The stretches that no exclusion covers, in order; these may overlap and come in any order.

    One begins with time itself, and may be empty.
    """
    free: list[tuple[datetime, datetime]] = []
    begin = _BEGIN_OF_TIME
    for exclusion in sorted(exclusions, key=lambda e: e.start):
        if exclusion.start > begin or not free:
            free.append((begin, exclusion.start))
        begin = max(begin, exclusion.end)
    return [*free, (begin, _END_OF_TIME)]


class _Whole:
    """The occurrences before exclusions are cut out: those of a schedule, and a list of others."""

    def __init__(
        self,
        timing: Fixed | Recurring,
        overrides: tuple[Override, ...],
        ended_at: datetime | None,
    ) -> None:
        changed = {override.occurrence: override for override in overrides}
        self._calendars: list[_Listed | _Regular] = []
        given = timing.occurrences if isinstance(timing, Fixed) else _named(timing, changed)
        overridden = (_overridden(o, changed.get(o.start)) for o in given)
        listed = [_ended(o, ended_at) for o in overridden if o is not None]
        if listed:
            self._calendars.append(_Listed(listed))
        if isinstance(timing, Recurring):
            self._calendars.append(_Regular(timing, changed, ended_at))

    def at(self, now: datetime) -> Occurrence | None:
        found = [calendar.at(now) for calendar in self._calendars]
        return max(filter(None, found), key=_ends_last, default=None)

    def after(self, now: datetime) -> Occurrence | None:
        found = [calendar.after(now) for calendar in self._calendars]
        return min(filter(None, found), key=_starts_first, default=None)

    def between(self, begin: datetime, until: datetime) -> Iterator[Occurrence]:
        found = [calendar.between(begin, until) for calendar in self._calendars]
        return heapq.merge(*found, key=_starts_first)


class _Listed:
    """Occurrences that are known one by one."""

    def __init__(self, occurrences: Iterable[Occurrence | None]) -> None:
        self._all = sorted(filter(_lasts, occurrences), key=_starts_first)
        self._starts = [occurrence.start for occurrence in self._all]
        self._longest = list(accumulate(self._all, _longer))
        """For each, the one that ends last of it and those before."""

    def at(self, now: datetime) -> Occurrence | None:
        number = bisect_right(self._starts, now)
        found = self._longest[number - 1] if number else None
        return found if found is not None and found.contains(now) else None

    def after(self, now: datetime) -> Occurrence | None:
        number = bisect_right(self._starts, now)
        return self._all[number] if number < len(self._all) else None

    def between(self, begin: datetime, until: datetime) -> Iterator[Occurrence]:
        return (o for o in self._all if o.start < until and (o.end is None or o.end > begin))


class _Regular:
    """What a schedule opens, but for those starts that overrides name."""

    def __init__(
        self, timing: Recurring, without: Iterable[datetime], ended_at: datetime | None
    ) -> None:
        self._calendar = calendar_of(timing.schedule, timing.time_zone)
        self._duration = timing.duration
        self._ended_at = ended_at
        # One that would start just when it is ended does not take place either.
        dropped = {*without, *([ended_at] if ended_at else [])}
        self._without = frozenset(seconds_of(start) for start in dropped if _is_whole(start))
        self._known_beyond: dict[int, int | None] = {}

    def at(self, now: datetime) -> Occurrence | None:
        start, over = self._calendar.last(seconds_of(now)), seconds_of(now, self._duration)
        while start in self._without and start > over:
            start = self._calendar.last(start - 1)
        found = None if start in self._without else self._opened(start)
        return found if found is not None and found.contains(now) else None

    def after(self, now: datetime) -> Occurrence | None:
        start = self._calendar.first(seconds_of(now) + 1)
        return self._opened(self._beyond(start) if start in self._without else start)

    def _beyond(self, start: int) -> int | None:
        """The first start from one on that is not left out."""
        if start not in self._known_beyond:
            found = self._calendar.first(start + 1)
            while found in self._without:
                found = self._calendar.first(found + 1)
            self._known_beyond[start] = found
        return self._known_beyond[start]

    def between(self, begin: datetime, until: datetime) -> Iterator[Occurrence]:
        start = self._calendar.first(self._earliest(begin))
        while start is not None:
            if start not in self._without:
                found = self._opened(start)
                if found is None or found.start >= until:
                    return
                yield found
            start = self._calendar.first(start + 1)

    def _earliest(self, begin: datetime) -> int:
        """From when on an occurrence may start that lasts beyond `begin`."""
        after = seconds_of(begin, self._duration)
        if self._ended_at is not None and self._ended_at <= begin:
            after = max(after, seconds_of(self._ended_at))
        return after + 1

    def _opened(self, start: int | None) -> Occurrence | None:
        begin = None if start is None else instant_of(start)
        return None if begin is None else _ended(_from(begin, self._duration), self._ended_at)


def _named(timing: Recurring, starts: Iterable[datetime]) -> list[Occurrence]:
    """The occurrences that start at some instants, as far as a schedule has those."""
    calendar = calendar_of(timing.schedule, timing.time_zone)
    found = [s for s in starts if _is_whole(s) and calendar.last(seconds_of(s)) == seconds_of(s)]
    return [_from(start, timing.duration) for start in found]


def _is_whole(instant: datetime) -> bool:
    """Whether it has no parts of a second, as all starts of schedules have none."""
    return instant.microsecond == 0


def _lasts(occurrence: Occurrence | None) -> TypeGuard[Occurrence]:
    return occurrence is not None and (occurrence.end is None or occurrence.start < occurrence.end)


def _from(start: datetime, duration: timedelta) -> Occurrence:
    try:
        return Occurrence(start, start + duration)
    except OverflowError:  # beyond the year 9999 there are no instants
        return Occurrence(start)


def _overridden(given: Occurrence, override: Override | None) -> Occurrence | None:
    """What becomes of an occurrence; None where it does not take place."""
    if override is None:
        return given
    if override.skip:
        return None
    start = override.start or given.start
    if override.end is None and given.end is not None:
        return _from(start, given.end - given.start)
    return Occurrence(start, override.end)


def _ended(given: Occurrence, ended_at: datetime | None) -> Occurrence | None:
    """An occurrence that ends at an instant if it contains it; None where nothing is left."""
    if ended_at is None or not given.contains(ended_at):
        return given
    return Occurrence(given.start, ended_at) if given.start < ended_at else None


def _longer(first: Occurrence, second: Occurrence) -> Occurrence:
    return max(first, second, key=_ends_last)


def _ends_last(occurrence: Occurrence) -> tuple[datetime, bool, datetime]:
    return occurrence.end or _END_OF_TIME, occurrence.end is None, occurrence.start


def _starts_first(occurrence: Occurrence) -> tuple[datetime, timedelta, bool]:
    """Of those that start together, the one that ends last comes first."""
    end = occurrence.end
    return occurrence.start, occurrence.start - (end or _END_OF_TIME), end is not None
