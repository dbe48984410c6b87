"""What a plan must say of the time behind its horizon, so that it is right about that before.

Two things before the horizon depend on what comes behind it. The next occurrence is told of, and
announced, before it starts. And an unbroken union of windows, to whose end ``Retry-After`` counts,
may run on far beyond: from each end that lies behind the horizon to the end of whatever covers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from .model import Fixed, Occurrence, Window
from .occurrences import next_occurrence, occurrence_at
from .phases import LONGEST_UNION

MOST_BEHIND = 256
"""Occurrences of one window: where more would matter, unions are told of as shorter."""
_MOST_LOOKS = 20_000
"""At a window, for all unions together; more are needed only where many windows never close."""
_INSTANT = timedelta(microseconds=1)


class _Step(NamedTuple):
    """A union of some windows has come to an instant."""

    end: datetime
    turn: int
    """The number of the window that led there; the next ones have their turns first."""
    members: frozenset[int]
    """All that led there, which are of the union for certain."""


def occurrences_behind(
    windows: Sequence[Window], before: Sequence[Sequence[Occurrence]], horizon: datetime
) -> list[list[Occurrence]]:
    """For each window the occurrences that start at the horizon or later and matter before it.

    Args:
        windows: all that a plan holds, in its order.
        before: their occurrences that start before the horizon.
        horizon: the instant from which on nothing more is promised.
    """
    if all(isinstance(window.timing, Fixed) for window in windows):
        return [[] for _ in windows]  # all of them stand before the horizon already
    following = [next_occurrence(window, horizon - _INSTANT) for window in windows]
    near = [
        [o for o in (*occurrences, after) if o and (o.end is None or o.end >= horizon)]
        for occurrences, after in zip(before, following, strict=True)
    ]
    found = [{after} if after else set() for after in following]
    for number, occurrence in _runs_on(windows, near, horizon):
        if occurrence.start >= horizon:
            found[number].add(occurrence)
    return [sorted(each, key=_start)[:MOST_BEHIND] for each in found]


def _runs_on(
    windows: Sequence[Window], near: Sequence[Sequence[Occurrence]], horizon: datetime
) -> set[tuple[int, Occurrence]]:
    """What the unions that reach the horizon run on through, whichever windows they are of."""
    covering: dict[datetime, list[list[Occurrence]]] = {}
    visited: dict[tuple[datetime, int], list[frozenset[int]]] = {}
    found: set[tuple[int, Occurrence]] = set()
    steps = _new(visited, _first_steps(near, horizon))
    left = _MOST_LOOKS
    for _ in range(LONGEST_UNION):
        following = []
        for step in steps[: left // len(windows)]:
            left -= len(windows)
            if step.end not in covering:
                covering[step.end] = _covering(windows, near, step.end)
            for number, occurrence in _possible(covering[step.end], step):
                found.add((number, occurrence))
                if occurrence.end is not None:
                    following.append(_Step(occurrence.end, number, step.members | {number}))
        steps = _new(visited, following)
    return found


def _first_steps(near: Sequence[Sequence[Occurrence]], horizon: datetime) -> list[_Step]:
    """The ends behind the horizon of what begins before it.

    Where it is what is open last, all windows have their turns; where its window has led there
    from another end before, that window has just had its own.
    """
    return [
        _Step(occurrence.end, turn, frozenset([number]))
        for number, occurrences in enumerate(near)
        for occurrence in occurrences
        if occurrence.start < horizon and occurrence.end is not None
        for turn in (-1, number)
    ]


def _covering(
    windows: Sequence[Window], near: Sequence[Sequence[Occurrence]], instant: datetime
) -> list[list[Occurrence]]:
    """For each window what contains an instant: the longest, and what one knew before of it."""
    found = []
    for window, known in zip(windows, near, strict=True):
        longest = occurrence_at(window, instant)
        others = [o for o in known if o.contains(instant) and o != longest]
        found.append([longest, *others] if longest else others)
    return found


def _possible(covering: list[list[Occurrence]], step: _Step) -> Iterator[tuple[int, Occurrence]]:
    """By which windows a union may go on: none is passed over that is of it for certain."""
    for turn in range(1, len(covering) + 1):
        number = (step.turn + turn) % len(covering)
        for occurrence in covering[number]:
            yield number, occurrence
        if covering[number] and number in step.members:
            return


def _new(
    visited: dict[tuple[datetime, int], list[frozenset[int]]], steps: list[_Step]
) -> list[_Step]:
    """The steps that lead anywhere new: with fewer windows one may go on in more ways."""
    new = []
    for step in sorted(steps, key=lambda s: (s.end, s.turn, len(s.members), sorted(s.members))):
        known = visited.setdefault((step.end, step.turn), [])
        if not any(members <= step.members for members in known):
            known.append(step.members)
            new.append(step)
    return new


def _start(occurrence: Occurrence) -> datetime:
    return occurrence.start
