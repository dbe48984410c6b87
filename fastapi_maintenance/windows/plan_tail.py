"""What a plan must say of the time behind its horizon, so that it is right about that before.

Two things before the horizon depend on what comes behind it. The next occurrence is told of, and
announced, before it starts. And an unbroken union of windows, to whose end ``Retry-After`` counts,
may run on far beyond: from each end that lies behind the horizon to the end of whatever covers it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from .model import Occurrence, Window
from .occurrences import next_occurrence, occurrence_at

MOST_BEHIND = 256
"""Occurrences of one window."""
_INSTANT = timedelta(microseconds=1)
_LONGEST_UNION = 32
"""Steps, as many as whoever reads the plan takes at most."""
_MOST_STEPS = 2048
"""Of all unions together; there are more only where many windows never close."""

_Steps = list[tuple[datetime, frozenset[int]]]
"""Ends of occurrences, each with the windows that led there, by their numbers."""


def occurrences_behind(
    windows: Sequence[Window], before: Sequence[Iterable[Occurrence]], horizon: datetime
) -> list[list[Occurrence]]:
    """For each window the occurrences that start at the horizon or later and matter before it.

    Args:
        windows: all that a plan holds.
        before: their occurrences that start before the horizon.
        horizon: the instant from which on nothing more is promised.
    """
    found: list[set[Occurrence]] = [set() for _ in windows]
    for window, occurrences in zip(windows, found, strict=True):
        if following := next_occurrence(window, horizon - _INSTANT):
            occurrences.add(following)
    for number, occurrence in _runs_on(windows, before, horizon):
        if occurrence.start >= horizon:
            found[number].add(occurrence)
    return [sorted(each, key=lambda o: o.start)[:MOST_BEHIND] for each in found]


def _runs_on(
    windows: Sequence[Window], before: Sequence[Iterable[Occurrence]], horizon: datetime
) -> set[tuple[int, Occurrence]]:
    """What the unions that reach the horizon run on through, whichever windows they are of.

    A request is refused by some of the windows, and its union takes the longest occurrence of
    those at each step. So a step by one window is possible only if none of the windows that led
    there lasts longer.
    """
    covering = functools.cache(functools.partial(_covering, windows))
    visited: dict[datetime, list[frozenset[int]]] = {}
    found: set[tuple[int, Occurrence]] = set()
    steps = _new(visited, _first_steps(before, horizon))
    for _ in range(_LONGEST_UNION):
        following: _Steps = []
        for end, members in steps:
            possible = _longest(covering(end), members)
            found.update(possible)
            following += [(o.end, members | {number}) for number, o in possible if o.end]
        steps = _new(visited, following)
        if not steps or len(visited) > _MOST_STEPS:
            break
    return found


def _first_steps(before: Sequence[Iterable[Occurrence]], horizon: datetime) -> _Steps:
    """The ends behind the horizon of what begins before it."""
    return [
        (occurrence.end, frozenset([number]))
        for number, occurrences in enumerate(before)
        for occurrence in occurrences
        if occurrence.start < horizon and occurrence.end and occurrence.end >= horizon
    ]


def _covering(windows: Sequence[Window], instant: datetime) -> list[tuple[int, Occurrence]]:
    found = ((number, occurrence_at(window, instant)) for number, window in enumerate(windows))
    return [(number, occurrence) for number, occurrence in found if occurrence is not None]


def _longest(
    covering: list[tuple[int, Occurrence]], members: frozenset[int]
) -> list[tuple[int, Occurrence]]:
    """Those that last at least as long as those of the members."""
    ends = [occurrence.end for number, occurrence in covering if number in members]
    if None in ends:
        return []
    least = max((end for end in ends if end is not None), default=None)
    return [
        (number, occurrence)
        for number, occurrence in covering
        if least is None or occurrence.end is None or occurrence.end >= least
    ]


def _new(visited: dict[datetime, list[frozenset[int]]], steps: _Steps) -> _Steps:
    """The steps that lead anywhere new: with fewer windows one may go on in more ways."""
    new = []
    for end, members in sorted(steps, key=lambda step: (step[0], len(step[1]), sorted(step[1]))):
        known = visited.setdefault(end, [])
        if not any(other <= members for other in known):
            known.append(members)
            new.append((end, members))
    return new
