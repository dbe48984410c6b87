"""What an explanation says, in lines."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime

from fastapi_maintenance.windows import (
    InvalidWindow,
    Mode,
    Occurrence,
    Recurring,
    Window,
    format_duration,
    format_instant,
)
from fastapi_maintenance.windows.explain import ClockChange, Explanation, Told
from fastapi_maintenance.windows.zones import zone as zone_of

from ._hints import CLUSTER
from ._hints import at as there
from ._times import shown, span

_FORM = "%a %d %b %Y %H:%M"


def occurrence_line(occurrence: Occurrence, zone: str) -> str:
    """From when to when, in the window's zone, and in the reader's where that differs."""
    there = _stretch(occurrence, zone)
    here = _stretch(occurrence, None)
    return there if there == here else f"{there} = {here}"


def error_lines(name: str, error: InvalidWindow) -> Iterator[str]:
    """All that is wrong with a window: one thing in a line, more in one each."""
    if not error.more:
        yield f"{name}: invalid. {error}"
        return
    yield f"{name}: invalid, for {len(error.all)} reasons:"
    yield from (f"  {each}" for each in error.all)


def explanation_lines(explained: Explanation) -> Iterator[str]:
    """All that there is to say of a valid window."""
    window = explained.window
    assert window is not None
    key = window.name if window.name.startswith(CLUSTER) else window.key
    yield f"{key}: valid. {_what(window)}"
    if window.suspend:
        yield "  suspended: it never opens until it is resumed"
    if explained.never_opens:
        yield "  no day ever fits its schedule: it never opens"
    if explained.current is not None:
        yield from _told("open", explained.current, explained.zone)
    for told in explained.following:
        yield from _told("opens", told, explained.zone)
    for told in explained.not_taking_place:
        yield from _told("left out", told, explained.zone)
    if explained.is_over:
        yield from _over(explained)
    yield from _remarks(explained)


def _over(explained: Explanation) -> Iterator[str]:
    """That it is, and how to have another."""
    window, last = explained.window, explained.last
    assert window is not None
    if last is None or last.piece is None or last.piece.end is None:
        yield "  over     nothing of it takes place: it never opens"
    else:
        yield from _told("was open", last, explained.zone)
        end, at = last.piece.end, explained.at
        yield f"  over     since {shown(end, at)} ({span(at - end)} ago): it never opens again"
    if window.for_all and not window.name.startswith(CLUSTER):  # `on` does no more
        yield f"           open one now: {_anew(window)}"
    yield "           this one again: give it a later start and end, and apply it"


def _anew(window: Window) -> str:
    words = ["fastapi-maintenance", "on", *window.apps, "--duration", "30m"]
    words += ["--read-only"] if window.mode is Mode.READ_ONLY else []
    return f"{shlex.join(words)} {there(window.namespace)}"


def _what(window: Window) -> str:
    mode = "Everything is refused" if window.mode is Mode.FULL else "Reads pass, writes are refused"
    match = window.match
    narrowed = [*match.paths, *match.methods, *(f"needs {name}" for name in match.dependencies)]
    only = f", of {', '.join(narrowed)}" if narrowed else ""
    return f"{mode}{only}, for {', '.join(window.apps)}{_when(window)}."


def _when(window: Window) -> str:
    timing = window.timing
    if not isinstance(timing, Recurring):
        return ""
    return f'; "{timing.schedule}" in {timing.time_zone} for {format_duration(timing.duration)}'


def _told(verb: str, told: Told, zone: str) -> Iterator[str]:
    why = "; ".join(
        f"{change.cause} ({change.field}{': ' + change.reason if change.reason else ''})"
        for change in told.changes
    )
    line = occurrence_line(told.piece or told.original, zone)
    yield f"  {verb:<8} {line}{f'   {why}' if why else ''}"


def _remarks(explained: Explanation) -> Iterator[str]:
    for change in explained.clock_changes:
        yield f"  clocks   {_clock(change, explained)}"
    for field, override in explained.without_effect:
        start = format_instant(override.occurrence)
        yield f"  warning  {field} names {start}, at which nothing starts: it has no effect"
    if explained.announcement is not None:
        yield "  answers announce it now"


def _clock(change: ClockChange, explained: Explanation) -> str:
    times = ", ".join(f"{time:%H:%M}" for time in change.times[:3])
    more = " and more" if len(change.times) > 3 else ""
    hours = change.by.total_seconds() / 3600
    return (
        f"{explained.local(change.at):%a %d %b %Y}: by {hours:+g} h; {times}{more} {change.effect}"
    )


def _stretch(occurrence: Occurrence, zone: str | None) -> str:
    start = _local(occurrence.start, zone)
    if occurrence.end is None:
        return f"{start:{_FORM} %Z} until it is ended"
    end = _local(occurrence.end, zone)
    form = "%H:%M" if start.date() == end.date() else _FORM
    return f"{start:{_FORM}} - {end:{form} %Z}"


def _local(instant: datetime, zone: str | None) -> datetime:
    return instant.astimezone(zone_of(zone)) if zone else instant.astimezone()
