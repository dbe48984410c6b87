"""Time zones that have something to teach, and where their clocks jump."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

ZONES = (
    # Common ones, north and south, and none at all.
    "Etc/UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles",
    "America/Chicago", "Australia/Sydney", "Pacific/Auckland", "America/Santiago",
    "America/Asuncion", "Africa/Johannesburg", "Asia/Tokyo", "Asia/Singapore",
    # Offsets of a half hour and of three quarters.
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Yangon", "Australia/Adelaide", "Australia/Darwin",
    "Australia/Eucla", "Pacific/Chatham", "Pacific/Marquesas", "America/St_Johns",
    # Jumps of half an hour, of two hours, of a whole day.
    "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Pacific/Fakaofo",
    # Summer time that is written as the standard one, and winter or Ramadan as what is moved.
    "Europe/Dublin", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Windhoek",
    # Rules that were changed, or given up.
    "Europe/Moscow", "Europe/Istanbul", "Europe/Volgograd", "Europe/Samara", "Asia/Tehran",
    "Asia/Amman", "Asia/Damascus", "Asia/Ulaanbaatar", "Asia/Pyongyang", "Asia/Almaty",
    "America/Sao_Paulo", "America/Mexico_City", "America/Caracas", "America/Grand_Turk",
    "America/Metlakatla", "Africa/Khartoum", "Africa/Juba", "Africa/Sao_Tome", "Africa/Tripoli",
    "Pacific/Norfolk", "Pacific/Tongatapu", "Pacific/Bougainville", "Antarctica/Casey",
    # Jumps at midnight, at one minute past it, by rules of one's own.
    "America/Havana", "America/Nuuk", "America/Scoresbysund", "Asia/Beirut", "Asia/Gaza",
    "Asia/Jerusalem", "Africa/Cairo", "Atlantic/Azores", "America/Goose_Bay",
)  # fmt: skip

DECADES = ((2010, 2020), (2024, 2034))
"""From the beginning of the first year to that of the second."""

_DAY, _HOUR, _MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def local(instant: datetime, zone: str) -> datetime:
    """What a clock on the wall shows."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def offset(instant: datetime, zone: str) -> timedelta:
    """How far the clock on the wall is ahead of UTC."""
    return local(instant, zone) - instant.replace(tzinfo=None)


@functools.cache
def jumps(zone: str, year: int) -> tuple[datetime, ...]:
    """The first instants of a year (in UTC) at which the clock is not as far ahead as before.

    None of a decade of ours jumps twice within a day.
    """
    found = []
    instant, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while instant < end:
        if offset(instant, zone) != offset(instant + _DAY, zone):
            found.append(_first_changed(instant, zone))
        instant += _DAY
    return tuple(found)


def jumps_between(zone: str, begin: datetime, until: datetime) -> list[datetime]:
    """Those after `begin` and before `until`, in order."""
    years = range(begin.year - 1, until.year + 1)
    return [jump for year in years for jump in jumps(zone, year) if begin < jump < until]


def _first_changed(instant: datetime, zone: str) -> datetime:
    """The first minute of the next day whose offset is not that of the instant."""
    before = offset(instant, zone)
    for step in (_HOUR, _MINUTE):
        while offset(instant + step, zone) == before:
            instant += step
    return instant + _MINUTE
