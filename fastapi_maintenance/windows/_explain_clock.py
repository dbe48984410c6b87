"""What jumping clocks do to a schedule, in words of its own local times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from .model import Recurring
from .schedule import calendar_of
from .zones import LONGEST_JUMP, Stretch, instant_of, seconds_of, stretch

_MOST_JUMPS = 200
"""That are looked at: some fifty years of daylight saving time."""
_MOST_TIMES = 60
"""Local times that are named of one jump; there are more only in minutely schedules."""


class Effect(StrEnum):
    """What a jump of the clocks does to the local times that fall into it."""

    MOVED = "moved to the first instant after the gap"
    FIRST_OF_TWO = "opened at the first of two"
    LEFT_OUT = "left out, as elapsed time counts"
    TWICE = "opened twice, as elapsed time counts"


@dataclass(frozen=True, slots=True)
class ClockChange:
    """Clocks that jump where a schedule would open."""

    at: datetime
    """When they jump."""
    by: timedelta
    """Forward; less than nothing where they go back."""
    times: tuple[datetime, ...]
    """The local times of the schedule that do not exist, or come twice; without a zone."""
    effect: Effect
    starts: tuple[datetime, ...]
    """What these times come to."""


def clock_changes(timing: Recurring, begin: datetime, until: datetime) -> Iterator[ClockChange]:
    """The jumps of the clocks that concern what a schedule opens in ``[begin, until]``."""
    for here in islice(_jumps(timing.time_zone, begin, until), _MOST_JUMPS):
        change = _change(timing, here)
        if change and any(begin <= i <= until for i in (change.at, *change.starts)):
            yield change


def _jumps(zone: str, begin: datetime, until: datetime) -> Iterator[Stretch]:
    """The stretches of a zone that begin with a jump, and those next to the times asked for."""
    here = stretch(zone, seconds_of(begin))
    while True:
        if here.offset != here.before:
            yield here
        if here.end > seconds_of(until) + LONGEST_JUMP:
            return
        following = stretch(zone, here.end)
        if following.begin <= here.begin:  # the end of the calendar
            return
        here = following


def _change(timing: Recurring, here: Stretch) -> ClockChange | None:
    calendar = calendar_of(timing.schedule, timing.time_zone)
    low, high = sorted((here.begin + here.before, here.begin + here.offset))
    times = list(islice(calendar.local_times(low, high), _MOST_TIMES))
    if not times:
        return None
    is_gap = here.offset > here.before
    if is_gap:
        effect = Effect.MOVED if calendar.once else Effect.LEFT_OUT
        starts = [here.begin] if calendar.once else []
    else:
        effect = Effect.FIRST_OF_TWO if calendar.once else Effect.TWICE
        first = [time - here.before for time in times]
        starts = first if calendar.once else first + [time - here.offset for time in times]
    return ClockChange(
        at=_instant(here.begin),
        by=timedelta(seconds=here.offset - here.before),
        times=tuple(_instant(time).replace(tzinfo=None) for time in times),
        effect=effect,
        starts=tuple(_instant(start) for start in starts),
    )


def _instant(seconds: int) -> datetime:
    instant = instant_of(seconds)
    assert instant is not None, "a jump lies within the calendar"
    return instant
