"""Windows on a line of time, as text: pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from fastapi_maintenance.windows import Mode, Occurrence, Window, matches
from fastapi_maintenance.windows.occurrences import longest_between

MOST = 400
"""Occurrences of one window that are drawn."""
_LEAST_CELLS = 20


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
        """All of it: days, a row for each window, overlaps, and what the signs mean."""
        windows = sorted(self.windows, key=lambda w: w.key)
        rows = {window.key: self._row(window) for window in windows}
        yield " " * self._label + self._days()
        for window in windows:
            yield self._named(self._title(window)) + rows[window.key]
        if clash := self._overlaps(windows):
            yield self._named("overlap") + clash
        yield ""
        yield self._legend()
        yield from self._listed(windows)

    @property
    def _until(self) -> datetime:
        return self.begin + self.length

    @property
    def _label(self) -> int:
        longest = max(len(self._title(window)) for window in self.windows)
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
        """The names of the days where they begin, as far as there is room."""
        line = [" "] * self._cells
        day = self.begin.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        free = 0
        for number in range(self.length.days + 2):
            # Through local time: a day may have 23 or 25 hours.
            start = (day.replace(tzinfo=None) + timedelta(days=number)).astimezone()
            at, text = self._cell(start), start.strftime("|%a %d")
            if free <= at and at + len(text) <= self._cells:
                line[at : at + len(text)] = text
                free = at + len(text) + 1
        return "".join(line).rstrip()

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
            said = _stretch(first) if first else "does not open in these days"
            yield f"{self._title(window)}: {'suspended' if window.suspend else said}"


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
