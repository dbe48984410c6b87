"""Windows as a calendar (iCalendar, RFC 5545), for those who plan around them. Pure.

Each occurrence is an event of its own: what a schedule opens, with daylight saving time, overrides
and exclusions, no recurrence rule can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from .model import Occurrence, Window
from .occurrences import longest_between
from .state import DEFAULT_MESSAGE, Mode

MEDIA_TYPE = "text/calendar; charset=utf-8"
MOST = 500
"""Events of one window."""

_LONGEST_LINE = 75  # octets, RFC 5545, 3.1


def calendar_text(
    windows: Iterable[Window],
    begin: datetime,
    until: datetime,
    stamp: datetime,
    name: str = "Maintenance",
) -> str:
    """What is open between two instants, as the text of a calendar.

    Args:
        windows: suspended ones are left out.
        begin: what ends before it is left out.
        until: so is what starts from here on.
        stamp: when this was made.
        name: what people see as the calendar's name.
    """
    head = [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//fastapi-maintenance//EN"),
        ("CALSCALE", "GREGORIAN"),
        ("NAME", _text(name)),
        ("X-WR-CALNAME", _text(name)),
        ("REFRESH-INTERVAL;VALUE=DURATION", "PT1H"),
    ]
    events = [
        line
        for window in sorted(windows, key=lambda w: w.key)
        if not window.suspend
        for occurrence in islice(longest_between(window, begin, until), MOST)
        for line in _event(window, occurrence, until, stamp)
    ]
    lines = [f"{name}:{value}" for name, value in [*head, *events, ("END", "VCALENDAR")]]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _event(
    window: Window, occurrence: Occurrence, until: datetime, stamp: datetime
) -> Iterator[tuple[str, str]]:
    start, end = _instant(occurrence.start), occurrence.end
    yield "BEGIN", "VEVENT"
    yield "UID", f"{window.uid or window.key.replace('/', '.')}-{start}@fastapi-maintenance.io"
    yield "DTSTAMP", _instant(stamp)
    yield "DTSTART", start
    yield "DTEND", _instant(max(until, occurrence.start) if end is None else end)
    yield "SEQUENCE", str(window.generation)
    yield "SUMMARY", _text(_summary(window, end))
    yield "DESCRIPTION", _text(_description(window))
    yield "CATEGORIES", "MAINTENANCE"
    yield "TRANSP", "TRANSPARENT"
    yield "END", "VEVENT"


def _summary(window: Window, end: datetime | None) -> str:
    what = "Read-only" if window.mode is Mode.READ_ONLY else "Maintenance"
    apps = "all apps" if "*" in window.apps else ", ".join(window.apps)
    return f"{what}: {apps}" + ("" if end else " (no planned end)")


def _description(window: Window) -> str:
    message = window.response.message
    return window.key if message == DEFAULT_MESSAGE else f"{window.key}\n{message}"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """As RFC 5545, 3.3.11 has it; a calendar has no place for other control characters."""
    value = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")
    return "".join(char for char in value if char >= " " and char != "\x7f")


def _folded(line: str) -> str:
    """In lines of at most 75 octets, cut between characters."""
    parts, part, room = [], "", _LONGEST_LINE
    for char in line:
        if len((part + char).encode()) > room:
            parts.append(part)
            part, room = "", _LONGEST_LINE - 1
        part += char
    return "\r\n ".join([*parts, part])
