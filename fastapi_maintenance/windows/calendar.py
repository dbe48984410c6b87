"""Windows as an iCalendar (RFC 5545), for a calendar that subscribes to them.

Each piece of an occurrence is one event with its instants in UTC: what exclusions, overrides,
``endedAt`` and clock changes make of a schedule no recurrence rule could say. A name and what users
are told is all the text there is, unless notes are asked for: readers of a calendar may be many.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from ._explain_occurrences import Told, number_of_piece, told_from
from .model import Window
from .state import DEFAULT_MESSAGE, Mode

CALENDAR_HORIZON = timedelta(days=90)
MOST_EVENTS = 400
"""Of one window: more than one every six hours for three months."""
MOST_OF_ALL = 5000
"""Of all windows together, the earliest."""
MEDIA_TYPE = "text/calendar; charset=utf-8"

_PRODUCT = "-//fastapi-maintenance.io//Maintenance windows//EN"
_DOMAIN = "fastapi-maintenance.io"
_LONGEST_LINE = 75
"""Octets, without the line break (RFC 5545, 3.1)."""
_ESCAPES = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no text may hold (RFC 5545, 3.1), and what no encoding has."""


def make_calendar(
    windows: Iterable[Window],
    now: datetime,
    horizon: timedelta = CALENDAR_HORIZON,
    *,
    title: str = "Maintenance",
    notes: bool = False,
) -> str:
    """The occurrences of windows that are open or will open before a horizon, as iCalendar text.

    An event's UID comes from the window's uid, or where it has none (in a file) from its name, and
    from the start that the occurrence has without overrides: it stays the same when the occurrence
    is postponed, extended or ended. What has no end yet ends with the horizon, and says so.

    Args:
        windows: in any order; suspended ones have no occurrences.
        now: ``DTSTAMP``, and from when on.
        horizon: how far to look, counted from `now`.
        title: what the calendar is called.
        notes: whether a window's `description` is in its events; it is for those who run it.
    """
    until = now + horizon
    found = _planned(windows, now, until)
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{_PRODUCT}",
        f"NAME:{_text(title)}",
        f"X-WR-CALNAME:{_text(title)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT15M",
    ]
    if len(found) > MOST_OF_ALL:
        lines.append(f"DESCRIPTION:The next {MOST_OF_ALL} times\\; there are more.")
    for window, told in found[:MOST_OF_ALL]:
        lines += _event(window, told, now, until, notes)
    return "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCALENDAR"])


def _planned(
    windows: Iterable[Window], now: datetime, until: datetime
) -> list[tuple[Window, Told]]:
    """What is open and what will be, by time; no more than is told, and one to know of the rest."""
    wanted = sorted((w for w in windows if not w.suspend), key=lambda w: w.key)
    merged = heapq.merge(*(_of_window(w, now, until) for w in wanted), key=_start)
    return list(islice(merged, MOST_OF_ALL + 1))


def _of_window(window: Window, now: datetime, until: datetime) -> Iterator[tuple[Window, Told]]:
    return ((window, told) for told in islice(told_from(window, now, until), MOST_EVENTS))


def _start(pair: tuple[Window, Told]) -> datetime:
    piece = pair[1].piece
    assert piece is not None
    return piece.start


def _event(
    window: Window, told: Told, now: datetime, until: datetime, notes: bool
) -> Iterator[str]:
    piece = told.piece
    assert piece is not None
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(_uid(window, told))}"
    yield f"DTSTAMP:{_instant(now)}"
    yield f"DTSTART:{_instant(piece.start)}"
    yield f"DTEND:{_instant(_whole_end(piece.start, piece.end or until))}"
    yield f"SEQUENCE:{window.generation}"
    yield f"SUMMARY:{_text(_summary(window, piece.end))}"
    yield "DESCRIPTION:" + _text("\n".join(_description(window, told, notes)))
    yield f"LOCATION:{_text(window.namespace)}"
    yield "CATEGORIES:MAINTENANCE"
    # Nobody's time is taken: invitations at that time are no conflict.
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _uid(window: Window, told: Told) -> str:
    start, number = _instant(told.original.start), number_of_piece(window, told)
    piece = f"-{number}" if number else ""
    return f"{window.uid or window.key}-{start}{piece}@{_DOMAIN}"


def _summary(window: Window, end: datetime | None) -> str:
    apps = "all apps" if "*" in window.apps else ", ".join(window.apps)
    kind = "Maintenance" if window.mode is Mode.FULL else "Read-only"
    return f"{kind}: {apps}" + ("" if end else " (no planned end)")


def _description(window: Window, told: Told, notes: bool) -> Iterator[str]:
    yield f"MaintenanceWindow {window.name} in {window.namespace}"
    if told.piece is not None and told.piece.end is None:
        yield "It lasts until it is ended."
    for change in told.changes:
        reason = f": {change.reason}" if notes and change.reason else ""
        yield f"This time it was {change.cause}{reason}."
    if window.response.message != DEFAULT_MESSAGE:
        yield window.response.message
    if notes and window.description:
        yield window.description


def _whole_end(start: datetime, end: datetime) -> datetime:
    """An end in whole seconds; it must be later than the start (RFC 5545, 3.8.2.2)."""
    whole = start.replace(microsecond=0)
    return max(end.replace(microsecond=0), whole + timedelta(seconds=1))


def _instant(instant: datetime) -> str:
    """The form with UTC time (RFC 5545, 3.3.5); strftime leaves out zeros of early years."""
    return f"{instant.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z".translate(
        {ord("-"): None, ord(":"): None}
    )


def _text(text: str) -> str:
    """A value of the type TEXT (RFC 5545, 3.3.11)."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_ESCAPES.get(char, char) for char in _CONTROL.sub("", lines))


def _folded(line: str) -> str:
    """A line in pieces that are short enough, none of which ends within a character."""
    folded, length = [], 0
    for char in line:
        size = len(char.encode())
        if length + size > _LONGEST_LINE:
            folded.append("\r\n ")
            length = 1
        folded.append(char)
        length += size
    return "".join(folded)
