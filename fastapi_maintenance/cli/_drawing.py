"""Windows on a line of time, as text: pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice

from fastapi_maintenance.windows import Mode, Occurrence, Window, matches, next_occurrence
from fastapi_maintenance.windows.occurrences import longest_between

MOST = 400
"""Occurrences of one window that are drawn."""
_LEAST_CELLS = 20
_MOST_NAMES = 5
_FEW_DAYS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands for what."""

    full: str
    read_only: str
    excluded: str
    overlap: str
    nothing: str


UNICODE = Signs("█", "▒", "░", "!", "·")
ASCII = Signs("#", "=", "x", "!", ".")


@dataclass(frozen=True)
class Drawing:
    """The days from an instant on, in a width."""

    windows: Sequence[Window]
    begin: datetime
    length: timedelta
    width: int
    signs: Signs = UNICODE
    with_namespaces: bool = False

    def lines(self) -> Iterator[str]:
        """All of it: days, a row for each window of these, overlaps, and what the signs mean."""
        if self._drawn:
            yield from self._picture(self._drawn)
        else:
            yield f"Nothing opens in these {self.length.days} days."
        yield from self._others([w for w in self._sorted if not self._has_some(w)])

    def _picture(self, windows: Sequence[Window]) -> Iterator[str]:
        yield " " * self._label + self._days()
        for window in windows:
            yield self._named(self._title(window)) + self._row(window)
        if clash := self._overlaps(windows):
            yield self._named("overlap") + clash
        yield ""
        yield self._legend()
        yield from self._listed(windows)

    def _has_some(self, window: Window) -> bool:
        return any(_all(replace(window, exclusions=()), self.begin, self._until))

    def _others(self, windows: Sequence[Window]) -> Iterator[str]:
        """What is not drawn, and why; what is over is over."""
        for window in windows:
            following = next_occurrence(window, self.begin)
            if window.suspend:
                yield f"{self._title(window)}: suspended"
            elif following is not None:
                yield f"{self._title(window)}: not in these days; {_stretch(following)}"
        over = [w for w in windows if not w.suspend and next_occurrence(w, self.begin) is None]
        if over:
            yield f"over: {_few([self._title(window) for window in over])}"

    @property
    def _until(self) -> datetime:
        return self.begin + self.length

    @cached_property
    def _drawn(self) -> list[Window]:
        """Those of which there is anything in these days, be it cut."""
        return [window for window in self._sorted if self._has_some(window)]

    @cached_property
    def _sorted(self) -> list[Window]:
        return sorted(self.windows, key=lambda window: window.key)

    @cached_property
    def _label(self) -> int:
        longest = max(len(self._title(window)) for window in self._drawn)
        return min(max(longest, len("overlap")), self.width // 3) + 2

    @property
    def _cells(self) -> int:
        return max(self.width - self._label - 1, _LEAST_CELLS)

    def _title(self, window: Window) -> str:
        return window.key if self.with_namespaces else window.name

    def _named(self, title: str) -> str:
        room = self._label - 2
        return (title if len(title) <= room else title[: room - 1] + "~").ljust(self._label)

    def _cell(self, instant: datetime) -> int:
        """In which cell it lies."""
        return int((instant - self.begin) / self.length * self._cells)

    def _days(self) -> str:
        """The names of the days where they begin, and hours of few days, as far as there is room.

        The first has begun already, and days go before hours.
        """
        line = [" "] * self._cells
        first, *ticks = self._ticks()
        days = [(self._cell(tick), f"{tick:|%a %d}") for tick in ticks if not tick.hour]
        hours = [(self._cell(tick), f"{tick:|%H:%M}") for tick in ticks if tick.hour]
        for at, text in (*days, (0, f"{first:|%a %d}"), *hours):
            end = at + len(text)
            if end <= self._cells and not "".join(line[max(at - 1, 0) : end + 1]).strip():
                line[at:end] = text
        return "".join(line).rstrip()

    def _ticks(self) -> list[datetime]:
        """The begin of the first day, and what comes after the begin of the picture."""
        day = self.begin.astimezone().replace(
            tzinfo=None, hour=0, minute=0, second=0, microsecond=0
        )
        step = timedelta(hours=6) if self.length <= _FEW_DAYS else timedelta(days=1)
        count = (self.length + timedelta(days=2)) // step
        # Through local time: a day may have 23 or 25 hours.
        ticks = [(day + step * number).astimezone() for number in range(count)]
        return [ticks[0], *(tick for tick in ticks if tick > self.begin)]

    def _row(self, window: Window) -> str:
        cells = [self.signs.nothing] * self._cells
        for occurrence in _all(replace(window, exclusions=()), self.begin, self._until):
            self._mark(cells, occurrence, self.signs.excluded)
        sign = self.signs.full if window.mode is Mode.FULL else self.signs.read_only
        for occurrence in _all(window, self.begin, self._until):
            self._mark(cells, occurrence, sign)
        return "".join(cells)

    def _mark(self, cells: list[str], stretch: Occurrence, sign: str) -> None:
        """At least one cell, however short it is."""
        first = max(self._cell(stretch.start), 0)
        last = self._cells if stretch.end is None else self._cell(stretch.end)
        for number in range(first, min(max(last, first + 1), self._cells)):
            cells[number] = sign

    def _overlaps(self, windows: Sequence[Window]) -> str | None:
        """Where two windows are open for one app; None: nowhere."""
        cells = [" "] * self._cells
        opened = [list(_all(window, self.begin, self._until)) for window in windows]
        for members in _of_one_app(windows):
            found = [(number, stretch) for number in members for stretch in opened[number]]
            for stretch in _clashes(found, self._until):
                self._mark(cells, stretch, self.signs.overlap)
        line = "".join(cells)
        return line.rstrip() if line.strip() else None

    def _legend(self) -> str:
        signs = self.signs
        return (
            f"{signs.full} all refused   {signs.read_only} reads pass   {signs.excluded} excluded"
            f"   {signs.overlap} two windows for one app"
        )

    def _listed(self, windows: Sequence[Window]) -> Iterator[str]:
        """The first of each, in words."""
        for window in windows:
            first = next(_all(window, self.begin, self._until), None)
            yield f"{self._title(window)}: {_stretch(first) if first else 'cut by exclusions'}"


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _all(window: Window, begin: datetime, until: datetime) -> Iterator[Occurrence]:
    if window.suspend:
        return iter(())
    return islice(longest_between(window, begin, until), MOST)


def _of_one_app(windows: Sequence[Window]) -> set[tuple[int, ...]]:
    """The numbers of those that are for one app, for each; of two globs, where one has the other.

    So that the time is that of the windows, and not of their pairs.
    """
    apps = {app for window in windows for app in window.apps}
    return {
        tuple(
            number
            for number, window in enumerate(windows)
            if any(matches(pattern, app) for pattern in window.apps)
        )
        for app in apps
    }


def _clashes(opened: Iterable[tuple[int, Occurrence]], until: datetime) -> Iterator[Occurrence]:
    """When two of different numbers are open."""
    last = other = (-1, datetime.min.replace(tzinfo=UTC))
    """The latest end so far, and the latest of another number."""
    for number, stretch in sorted(opened, key=lambda each: each[1].start):
        end = stretch.end or until
        rival = other[1] if number == last[0] else last[1]
        if stretch.start < rival:
            yield Occurrence(stretch.start, min(end, rival))
        if number == last[0]:
            last = number, max(last[1], end)
        elif end > last[1]:
            last, other = (number, end), last
        elif number == other[0] or end > other[1]:
            other = number, max(other[1], end) if number == other[0] else end


def _stretch(occurrence: Occurrence) -> str:
    start = occurrence.start.astimezone().strftime("%a %d %b %H:%M")
    if occurrence.end is None:
        return f"from {start}, until it is ended"
    end = occurrence.end.astimezone()
    form = "%H:%M %Z" if end.date() == occurrence.start.astimezone().date() else "%a %d %b %H:%M %Z"
    return f"{start} - {end.strftime(form)}"
