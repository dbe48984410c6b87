"""The parts of a manifest that say when a window is open."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from .fields import Fields, Reading
from .model import Exclusion, Fixed, InvalidWindow, Occurrence, Override, Recurring
from .schedule import check_schedule, zone

_OVERRIDE = ("occurrence", "start", "end", "skip", "reason")
_EXCLUSION = ("start", "end", "reason")
MOST_OVERRIDES = 16
MOST_EXCLUSIONS = 64
LONGEST_REASON = 256
LONGEST_ANNOUNCEMENT = timedelta(hours=720)
_YEAR = 31_536_000
_UNREADABLE = re.compile(r"[^ \t\n\f\r!-~]|(?<![/0-9])[0-9]{3}|/(?!0?[1-9][0-9]{0,2}([^0-9]|$))")
"""What cronsim takes and the API server does not: other white space, numbers and steps too long."""


def parse_timing(spec: Fields) -> Fixed | Recurring:
    """When the window is open, before anything changes its occurrences."""
    if "start" in spec and "schedule" in spec:
        mend = "keep start for one window, or schedule for one that comes again"
        raise spec.invalid("schedule", "start and schedule exclude each other", mend)
    if "schedule" in spec:
        return _recurring(spec)
    if "start" not in spec:
        mend = (
            'say start: "2026-06-01T22:00:00Z" (a time in the past means now), '
            'or schedule: "0 2 * * 6"'
        )
        raise spec.invalid("start", "start or schedule is missing", mend)
    return _one_shot(spec)


def parse_overrides(spec: Fields) -> tuple[Override, ...]:
    """What changes single occurrences."""
    if "overrides" not in spec:
        return ()
    paths: dict[datetime, str] = {}

    def parse(item: Fields) -> Override:
        override = _override(item)
        if (earlier := paths.setdefault(override.occurrence, item.path)) != item.path:
            problem = f"{item.raw('occurrence')!r} is changed by {earlier} too"
            raise item.invalid("occurrence", problem, "say all that changes it in one item")
        return override

    return spec.objects("overrides", MOST_OVERRIDES, _OVERRIDE, parse)


def parse_exclusions(spec: Fields) -> tuple[Exclusion, ...]:
    """What is cut out of occurrences."""
    if "exclusions" not in spec:
        return ()
    return spec.objects("exclusions", MOST_EXCLUSIONS, _EXCLUSION, _exclusion)


def parse_announcement(fields: Fields) -> timedelta | None:
    """How long before an occurrence answers say that it is coming."""
    if "announceBefore" not in fields:
        return None
    return fields.duration("announceBefore", LONGEST_ANNOUNCEMENT)


def parse_ttl(spec: Fields) -> int | None:
    """After how many seconds a finished window is deleted."""
    if "ttlSecondsAfterFinished" not in spec:
        return None
    if "schedule" in spec:
        mend = "leave it out: a schedule never finishes"
        raise spec.invalid("ttlSecondsAfterFinished", "does not go with schedule", mend)
    return spec.number("ttlSecondsAfterFinished", 0, _YEAR)


def _one_shot(spec: Fields) -> Fixed:
    if "timeZone" in spec:
        mend = "leave it out: start and end carry their own offset"
        raise spec.invalid("timeZone", "goes with schedule only", mend)
    if "end" in spec and "duration" in spec:
        raise spec.invalid("end", "end and duration exclude each other", "write one of them")
    read = Reading()
    start = read(spec.instant, "start")
    end = read(spec.instant, "end") if "end" in spec else None
    length = read(spec.duration, "duration") if "duration" in spec else None
    read.end()
    if length is not None:
        end = start + length
    if end is not None and end <= start:
        raise _ends_too_early(spec, "start", "write a later end, or a duration")
    return Fixed((Occurrence(start, end),))


def _recurring(spec: Fields) -> Recurring:
    if "end" in spec:
        raise spec.invalid("end", "does not go with schedule", "write a duration")
    read = Reading()
    found = Recurring(
        schedule=read(_schedule, spec),
        time_zone=read(_time_zone, spec),
        duration=read(_duration, spec),
    )
    read.end()
    return found


def _schedule(spec: Fields) -> str:
    schedule = spec.text("schedule", 128)
    if found := _UNREADABLE.search(schedule):
        mend = "write cron fields such as '0 2 * * SUN' or '*/15 * * * *', with spaces between them"
        raise spec.invalid("schedule", f"{schedule!r} can't be read at {found[0]!r}", mend)
    check_schedule(schedule)
    return schedule


def _time_zone(spec: Fields) -> str:
    _check_goes_with_schedule(spec, "timeZone", "Europe/Berlin, or Etc/UTC")
    zone(name := spec.text("timeZone", 64))
    return name


def _duration(spec: Fields) -> timedelta:
    _check_goes_with_schedule(spec, "duration", "2h")
    return spec.duration("duration")


def _check_goes_with_schedule(spec: Fields, name: str, example: str) -> None:
    if name not in spec:
        raise spec.invalid(name, "is needed with schedule", f"say {name}: {example}")


def _override(item: Fields) -> Override:
    item.needed("occurrence", "write the start that the occurrence has by start or schedule")
    read = Reading()
    given = Override(
        occurrence=read(item.instant, "occurrence"),
        start=read(item.instant, "start") if "start" in item else None,
        end=read(item.instant, "end") if "end" in item else None,
        skip=read(item.flag, "skip"),
        reason=read(_reason, item),
    )
    read.end()
    changes = given.start is not None or given.end is not None
    if given.skip == changes:
        problem = "skip: true goes without start and end" if changes else "changes nothing"
        raise InvalidWindow(item.path, problem, "say start, end or skip: true")
    if given.end is not None and given.end <= (given.start or given.occurrence):
        raise _ends_too_early(item, "start" if given.start else "occurrence", "write a later end")
    return given


def _exclusion(item: Fields) -> Exclusion:
    for name in ("start", "end"):
        item.needed(name, "write both, start and end")
    read = Reading()
    exclusion = Exclusion(
        read(item.instant, "start"), read(item.instant, "end"), read(_reason, item)
    )
    read.end()
    if exclusion.end <= exclusion.start:
        raise _ends_too_early(item, "start", "write a later end")
    return exclusion


def _reason(item: Fields) -> str:
    return item.prose("reason", LONGEST_REASON) if "reason" in item else ""


def _ends_too_early(fields: Fields, begin: str, mend: str) -> InvalidWindow:
    problem = f"{fields.raw('end')!r} is not after {begin} {fields.raw(begin)!r}"
    return fields.invalid("end", problem, mend)
