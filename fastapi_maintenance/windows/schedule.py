"""When a window is open: its occurrences, in order, with bounded work.

The rule for local time is Debian cron's, as cronsim implements it. A schedule opens once per
scheduled local time: in a spring gap at the first instant after the gap, in an autumn overlap at
the first of the two. With a wildcard in its minute or hour field it follows elapsed time instead.
"""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .extras import load
from .model import Fixed, InvalidWindow, Occurrence, Recurring

# These differ from machine to machine, or are not on all of them.
_NOT_EVERYWHERE = frozenset({"Local", "localtime", "posixrules", "Factory"})
_FIRST_LOOK_BACK = timedelta(minutes=2)


def occurrence_at(timing: Fixed | Recurring, now: datetime) -> Occurrence | None:
    """The occurrence that contains an instant; of several, the one that ends last."""
    if isinstance(timing, Recurring):
        start = _latest_start(timing, now)
        return None if start is None else _from(start, timing.duration)
    containing = [o for o in timing.occurrences if o.contains(now)]
    return max(containing, key=lambda o: (o.end is None, o.end or o.start), default=None)


def next_occurrence(timing: Fixed | Recurring, now: datetime) -> Occurrence | None:
    """The first occurrence that starts after an instant."""
    if isinstance(timing, Recurring):
        start = next(_starts(timing, now), None)
        return None if start is None else _from(start, timing.duration)
    return next((o for o in timing.occurrences if o.start > now), None)


def occurrences_between(
    timing: Fixed | Recurring, begin: datetime, until: datetime
) -> Iterator[Occurrence]:
    """The occurrences that overlap ``[begin, until)``, in the order of their starts."""
    if isinstance(timing, Fixed):
        yield from (
            o for o in timing.occurrences if o.start < until and (o.end is None or o.end > begin)
        )
        return
    for start in _starts(timing, begin - timing.duration):
        if start >= until:
            return
        yield _from(start, timing.duration)


def check_schedule(schedule: str) -> None:
    """Raise InvalidWindow unless the expression is a cron expression of five fields."""
    fields = schedule.split() if schedule.isascii() else []
    if len(fields) != 5:
        raise InvalidWindow(
            "spec.schedule",
            f"{schedule!r} has {len(fields)} fields",
            "write five: minute hour day-of-month month day-of-week, as in '0 2 * * SUN'",
        )
    error = load("cronsim", "schedules").CronSimError
    try:
        _cron(schedule, datetime(2026, 1, 1, tzinfo=UTC))
    except error as cause:
        raise InvalidWindow(
            "spec.schedule",
            f"{schedule!r}: {cause}",
            "write cron fields such as '0 2 * * SUN', '30 1 L * *' or '0 3 * * MON#1'",
        ) from cause


@functools.lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of a name; raises InvalidWindow where it is unknown."""
    try:
        if name in _NOT_EVERYWHERE or name.startswith(("posix/", "right/")):
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as cause:
        raise InvalidWindow(
            "spec.timeZone",
            f"{name!r} is not a time zone known here",
            "write an IANA name such as Europe/Berlin or Etc/UTC; "
            "a system without a zone database needs the package tzdata",
        ) from cause


def _from(start: datetime, duration: timedelta) -> Occurrence:
    try:
        return Occurrence(start, start + duration)
    except OverflowError:  # beyond the year 9999 there are no instants
        return Occurrence(start)


def _starts(timing: Recurring, after: datetime) -> Iterator[datetime]:
    """The instants after `after` at which the schedule opens, each once, in order."""
    minute, hour, *_ = timing.schedule.split()
    ticks = _elapsed if minute.startswith("*") or hour.startswith("*") else _cron
    previous = after
    # The calendar ends with the year 9999.
    with contextlib.suppress(OverflowError):
        for tick in ticks(timing.schedule, after.astimezone(zone(timing.time_zone))):
            start = tick.astimezone(UTC)
            # Where clocks go back, cron begins with local times that have been before.
            if start > previous:
                previous = start
                yield start


def _latest_start(timing: Recurring, now: datetime) -> datetime | None:
    """The latest start at or before `now` whose occurrence contains it.

    Looks back ever further, so that neither a dense schedule nor a long duration is costly.
    """
    reach = min(timing.duration, _FIRST_LOOK_BACK)
    while True:
        latest = None
        for start in _starts(timing, now - reach):
            if start > now:
                break
            latest = start
        if latest is not None or reach >= timing.duration:
            return latest
        reach = min(reach * 8, timing.duration)


def _elapsed(schedule: str, here: datetime) -> Iterator[datetime]:
    """Every instant whose local time fits: none for a time in a gap, two for one in an overlap.

    Cron counts on a clock without a zone here. With one, cronsim loses its way where the clocks
    jump by or at other than full hours: in Pacific/Chatham it goes round in circles.
    """
    second_passes: deque[datetime] = deque()
    now, now_again = _passes(here)
    for clock in _cron(schedule, here.replace(tzinfo=None) - (now_again - now)):
        first, second = _passes(clock.replace(tzinfo=here.tzinfo))
        while second_passes and second_passes[0] < first:
            yield second_passes.popleft()
        if first <= second:  # else it is in a gap
            yield first
        if first < second:
            second_passes.append(second)


def _passes(local: datetime) -> tuple[datetime, datetime]:
    """The two instants of a local time: one and the same, unless the clocks jump there."""
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _cron(schedule: str, local: datetime) -> Iterator[datetime]:
    ticks: Iterator[datetime] = load("cronsim", "schedules").CronSim(schedule, local)
    return ticks
