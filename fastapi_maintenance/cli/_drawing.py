"""Windows on a line of time, as text: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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


@dataclass(frozen=True, slots=True)
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
        windows = sorted(self.windows, key=lambda w: w.key)
        drawn = [window for window in windows if self._has_some(window)]
        if drawn:
            yield from self._picture(drawn)
        else:
            yield f"Nothing opens in these {self.length.days} days."
        yield from self._others([window for window in windows if window not in drawn])

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
        """Whether anything of it is to be drawn, be it cut."""
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

    @property
    def _label(self) -> int:
        longest = max(len(self._title(window)) for window in self.windows if self._has_some(window))
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
        for number, first in enumerate(windows):
            for more, second in enumerate(windows[number + 1 :], number + 1):
                if any(_meet(a, b) for a in first.apps for b in second.apps):
                    for stretch in _common(opened[number], opened[more], self._until):
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


def _common(
    first: Sequence[Occurrence], second: Sequence[Occurrence], until: datetime
) -> Iterator[Occurrence]:
    """When both are open: whichever ends first makes room for its next."""
    mine, other = 0, 0
    while mine < len(first) and other < len(second):
        a, b = first[mine], second[other]
        ends = a.end or until, b.end or until
        start = max(a.start, b.start)
        if start < min(ends):
            yield Occurrence(start, min(ends))
        mine, other = (mine + 1, other) if ends[0] <= ends[1] else (mine, other + 1)


def _meet(first: str, second: str) -> bool:
    return matches(first, second) or matches(second, first)


def _stretch(occurrence: Occurrence) -> str:
    start = occurrence.start.astimezone().strftime("%a %d %b %H:%M")
    if occurrence.end is None:
        return f"from {start}, until it is ended"
    end = occurrence.end.astimezone()
    form = "%H:%M %Z" if end.date() == occurrence.start.astimezone().date() else "%a %d %b %H:%M %Z"
    return f"{start} - {end.strftime(form)}"
