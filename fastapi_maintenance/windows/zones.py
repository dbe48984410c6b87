"""Time zones: when the clocks of one jump, and from what to what.

Instants and local times are whole seconds since the beginning of the year 1 here: they are quick
to reckon with, and have no end as the calendar has.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .model import InvalidWindow

DAY = 86_400
LAST_DAY = datetime.max.toordinal() - 1
"""Counted from 0, as days are here."""
LONGEST_JUMP = 2 * DAY
"""More than clocks have jumped anywhere: by a day, where the date line was moved."""

# These differ from machine to machine, or are not on all of them.
_NOT_EVERYWHERE = frozenset({"Local", "localtime", "posixrules", "Factory"})
_BEGIN = datetime(1, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

_STRIDE = 2 * DAY
"""Between two looks for jumps; in no zone do two of them undo each other within six days."""
_CHUNK = 256 * DAY


class Stretch(NamedTuple):
    """A time ``[begin, end)`` in which the clocks of a zone do not jump."""

    begin: int
    end: int
    """Whether they jump then or not: it may be as far as one has looked."""
    offset: int
    """Seconds that local time is ahead of UTC."""
    before: int
    """The offset before the beginning; the same, unless the clocks jump there."""


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


def is_zone(name: str) -> bool:
    """Whether a time zone of this name is known here."""
    try:
        zone(name)
    except InvalidWindow:
        return False
    return True


def seconds_of(instant: datetime, before: timedelta = timedelta()) -> int:
    """An instant, or so long before it; parts of a second are cut off."""
    return (instant - _BEGIN - before) // _SECOND


def instant_of(seconds: int) -> datetime | None:
    """An instant; None outside of the years 1 to 9999."""
    try:
        return _BEGIN + timedelta(seconds=seconds)
    except OverflowError:
        return None


def stretch(name: str, at: int) -> Stretch:
    """The stretch of a zone that contains an instant."""
    known = _stretches(name, min(max(at, 0), LAST_DAY * DAY) // _CHUNK)
    return known[max(bisect_right(known, at, key=_begin) - 1, 0)]


def _begin(stretch: Stretch) -> int:
    return stretch.begin


@functools.lru_cache(maxsize=2048)
def _stretches(name: str, chunk: int) -> tuple[Stretch, ...]:
    """All stretches of a chunk of time, in order.

    They begin a little before it: what has just been when it begins is to be known, too.
    """
    here = zone(name)
    begin, end = chunk * _CHUNK - LONGEST_JUMP, (chunk + 1) * _CHUNK
    looks = range(begin, end + 1, _STRIDE)
    jumps = [jump for low in looks[:-1] for jump in _jumps(here, low, low + _STRIDE)]
    edges = [begin, *(jump for jump in jumps if jump < end), end]
    before = _offset(here, begin - 1)
    found = []
    for low, high in pairwise(edges):
        offset = _offset(here, low)
        found.append(Stretch(low, high, offset, before))
        before = offset
    return tuple(found)


def _jumps(here: ZoneInfo, low: int, high: int) -> Iterator[int]:
    """The instants in ``(low, high]`` at which the clocks jump: by halves, as in a search."""
    if _offset(here, low) == _offset(here, high):
        return
    if high - low == 1:
        yield high
        return
    middle = (low + high) // 2
    yield from _jumps(here, low, middle)
    yield from _jumps(here, middle, high)


def _offset(here: ZoneInfo, at: int) -> int:
    # On the first and the last days of the calendar some local times are outside of it.
    within = min(max(at, LONGEST_JUMP), (LAST_DAY - 1) * DAY)
    offset = (_BEGIN + timedelta(seconds=within)).astimezone(here).utcoffset()
    assert offset is not None
    return offset // _SECOND
