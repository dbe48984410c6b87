"""The occurrences of a window before exclusions are cut out of them."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TypeGuard

from .model import Fixed, Occurrence, Override, Recurring
from .schedule import calendar_of
from .zones import instant_of, seconds_of

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


class Uncut:
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
        """The one that contains an instant; of several, the one that ends last."""
        found = [calendar.at(now) for calendar in self._calendars]
        return max(filter(None, found), key=_ends_last, default=None)

    def after(self, now: datetime) -> Occurrence | None:
        """The first that starts after an instant; of several, the one that ends last."""
        found = [calendar.after(now) for calendar in self._calendars]
        return min(filter(None, found), key=_starts_first, default=None)

    def between(
        self, begin: datetime, until: datetime, after: datetime | None = None
    ) -> Iterator[Occurrence]:
        """Those that overlap ``[begin, until)`` and start after an instant, in their order."""
        found = [calendar.between(begin, until, after) for calendar in self._calendars]
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

    def between(
        self, begin: datetime, until: datetime, after: datetime | None
    ) -> Iterator[Occurrence]:
        first = 0 if after is None else bisect_right(self._starts, after)
        listed = self._all[first:]
        return (o for o in listed if o.start < until and (o.end is None or o.end > begin))


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
        # For each of those the next and the last that take place, so that a row of them costs
        # nothing where one looks.
        self._beyond: dict[int | None, int | None] = {}
        self._before: dict[int | None, int | None] = {}
        for start in sorted(self._without, reverse=True):
            following = self._calendar.first(start + 1)
            self._beyond[start] = self._beyond.get(following, following)
        for start in sorted(self._without):
            previous = self._calendar.last(start - 1)
            self._before[start] = self._before.get(previous, previous)

    def at(self, now: datetime) -> Occurrence | None:
        start = self._calendar.last(seconds_of(now))
        found = self._opened(self._before.get(start, start))
        return found if found is not None and found.contains(now) else None

    def after(self, now: datetime) -> Occurrence | None:
        start = self._calendar.first(seconds_of(now) + 1)
        return self._opened(self._beyond.get(start, start))

    def between(
        self, begin: datetime, until: datetime, after: datetime | None
    ) -> Iterator[Occurrence]:
        earliest = self._earliest(begin)
        if after is not None:
            earliest = max(earliest, seconds_of(after) + 1)
        start = self._calendar.first(earliest)
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
