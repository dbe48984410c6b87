"""The occurrences of a window: its calendar, overridden, ended and with stretches cut out.

Each step is worked out where one looks, never for all time, so that every valid window costs
little: one that opens each minute for a year, one with exclusions that last for years.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from .model import Exclusion, Fixed, Occurrence, Override, Recurring, Window
from .uncut import Uncut

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


def longest_between(window: Window, begin: datetime, until: datetime) -> Iterator[Occurrence]:
    """`occurrences_between`, but of those that start together only the one that ends last.

    That one is all that `occurrence_at` and `next_occurrence` find of them. There may be as many as
    an occurrence is long, where an exclusion cuts them.
    """
    return course_of(window).longest_between(begin, until)


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
        self._uncut = Uncut(timing, overrides, ended_at)
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
        found = self._uncut.at(now) if now < self._free_until[number] else None
        return None if found is None else self._cut(found, number)

    def after(self, now: datetime) -> Occurrence | None:
        """`next_occurrence`."""
        number = self._stretch(now)
        found = self._uncut.after(now) if now < self._free_until[number] else None
        if found is not None and found.start < self._free_until[number]:
            return self._cut(found, number)
        return self._first_from[number + 1]

    def _find_first(self, number: int) -> Occurrence | None:
        """The first piece that starts in a stretch without exclusions, or in a later one."""
        begin = self._free_from[number]
        if (found := self._uncut.at(begin)) is not None:
            return self._cut(found, number)
        if (found := self._uncut.after(begin)) is None:
            return None
        # Nothing is open in between, however many exclusions there are.
        number = self._stretch(found.start)
        if found.start < self._free_until[number]:
            return self._cut(found, number)
        return self._first_from[number + 1]

    def between(self, begin: datetime, until: datetime) -> Iterator[Occurrence]:
        """`occurrences_between`."""
        for number, low, high in self._stretches(begin, until):
            for found in self._uncut.between(low, high):
                yield self._cut(found, number)

    def longest_between(self, begin: datetime, until: datetime) -> Iterator[Occurrence]:
        """`longest_between`."""
        for number, low, high in self._stretches(begin, until):
            start = self._free_from[number]  # of all that have started by then
            first = self._uncut.at(start)
            if first is not None and (first.end is None or first.end > low):
                yield self._cut(first, number)
            for found in self._uncut.between(low, high, start):
                if found.start != start:
                    yield self._cut(found, number)
                start = found.start

    def _stretches(
        self, begin: datetime, until: datetime
    ) -> Iterator[tuple[int, datetime, datetime]]:
        """The numbers of the stretches without exclusions, with what lies between two instants."""
        for number in range(self._stretch(begin), len(self._free_from)):
            low = max(self._free_from[number], begin)
            high = min(self._free_until[number], until)
            if low >= until:
                return
            if low < high:
                yield number, low, high

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
