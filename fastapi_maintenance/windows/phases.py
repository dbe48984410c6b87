"""What a single window does at an instant, and what several of them together mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .model import Occurrence, Window
from .occurrences import Course, course_of
from .request import RequestFacts
from .state import Mode, Opening, Refusal, open_end_last

LONGEST_UNION = 32
"""How many occurrences may follow each other before `until` stops looking further."""


class Phase(NamedTuple):
    """What a window does until its next edge."""

    window: Window
    course: Course
    current: Occurrence | None
    """The occurrence that is open; of several, the one that ends last."""
    following: Occurrence | None
    """The next that starts."""
    is_announced: bool
    """Whether answers say that the next one is coming."""
    edge: datetime | None
    """When the window does something else."""
    valid_from: float
    """POSIX seconds."""
    valid_until: float

    def covering(self, instant: datetime) -> Occurrence | None:
        """An occurrence that contains an instant that is not before this phase."""
        for known in (self.current, self.following):
            if known is not None and known.contains(instant):
                return known
        # Before the next start there is none; from then on there may be others.
        starts = self.following is not None and self.following.start < instant
        return self.course.at(instant) if starts else None

    def is_open_by(self, instant: datetime | None) -> bool:
        """Whether it is open now, or will have been by an instant; None is the end of time."""
        if self.current is not None or self.following is None:
            return self.current is not None
        return instant is None or self.following.start <= instant


def phase_at(window: Window, now: float, course: Course | None = None) -> Phase:
    """What a window does at an instant (POSIX seconds)."""
    course = course or course_of(window)
    instant = datetime.fromtimestamp(now, UTC)
    current, following = course.at(instant), course.after(instant)
    edges = [current.end if current else None, following.start if following else None]
    announced_from = _announced_from(window, following)
    is_announced = announced_from is not None and announced_from <= instant
    if not is_announced:
        edges.append(announced_from)
    edge = min((edge for edge in edges if edge is not None), default=None)
    until = math.inf if edge is None else edge.timestamp()
    return Phase(window, course, current, following, is_announced, edge, now, until)


def unknown_phase(window: Window) -> Phase:
    """Of a window that nobody has asked about yet: it holds at no instant."""
    return Phase(window, course_of(window), None, None, False, None, math.inf, -math.inf)


def _announced_from(window: Window, following: Occurrence | None) -> datetime | None:
    if following is None or window.announce_before is None:
        return None
    try:
        return following.start - window.announce_before
    except OverflowError:  # before the year 1
        return datetime.min.replace(tzinfo=UTC)


def refuses(window: Window, request: RequestFacts) -> bool:
    """Whether a window, once open, is for a request."""
    return (
        (window.mode is Mode.FULL or not request.is_safe)
        and window.match.covers(request)
        and not window.allow.lets_through(request)
    )


def refusal_of(phases: Sequence[Phase]) -> Refusal | None:
    """What those windows mean together that are open, for the requests that all of them refuse."""
    opened = [phase for phase in phases if phase.current is not None]
    if not opened:
        return None
    last = max(opened, key=_end)
    window, end = last.window, last.current.end if last.current else None
    opening = Opening(window.mode, window.response, f"window={window.key}", end, probes_pass=True)
    return Refusal(opening, end_of_union(end, phases))


def end_of_union(end: datetime | None, phases: Sequence[Phase]) -> datetime | None:
    """The first instant from `end` on at which none of the windows is open.

    Goes no further than some occurrences that follow each other: who comes back then, is told
    again. All windows have their turn, so that a short one does not hide a long one.
    """
    left = LONGEST_UNION
    is_over = False
    while not is_over and left > 0:
        is_over = True
        for phase in phases:
            if end is None:
                return None
            if left > 0 and (found := phase.covering(end)) is not None:
                end, is_over = found.end, False
                left -= 1
    return end


def _end(phase: Phase) -> float:
    return open_end_last(phase.current.end if phase.current else None)
