"""What the library says beside what the oracle says."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi_maintenance.windows import Occurrence, Recurring, occurrences_between
from tests.unit.making import window

from .calendar import starts_by_day

SHORTEST = timedelta(seconds=1)


def library_starts(schedule: str, zone: str, begin: datetime, until: datetime) -> list[datetime]:
    """The starts in ``[begin, until)``, asked for by occurrences that last no time to speak of."""
    shortest = window(Recurring(schedule, zone, SHORTEST))
    return [o.start for o in occurrences_between(shortest, begin, until)]


def expected(timing: Recurring, begin: datetime, until: datetime) -> list[Occurrence]:
    """The occurrences that overlap a stretch, by the oracle."""
    starts = starts_by_day(timing.schedule, timing.time_zone, begin - timing.duration, until)
    found = [Occurrence(start, start + timing.duration) for start in starts]
    return [o for o in found if o.end is not None and begin < o.end]
