"""Instants, stretches and names in the words of the page."""

from __future__ import annotations

from datetime import datetime, timedelta
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

from fastapi_maintenance.windows import Mode, Window, format_instant
from fastapi_maintenance.windows.explain import Cause
from fastapi_maintenance.windows.match import EVERYTHING

from .elements import element
from .rows import Kind, Span

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def moment(instant: datetime, place: ZoneInfo, form: str = "%a %d %b %H:%M") -> Element:
    """An instant as clocks somewhere show it."""
    text = instant.astimezone(place).strftime(form)
    return element("time", text, datetime=format_instant(instant.replace(microsecond=0)))


def until(span_start: datetime, end: datetime | None, place: ZoneInfo) -> Element:
    """An end; without its day where that is the day of the start."""
    if end is None:
        return element("span", "it is ended")
    same = span_start.astimezone(place).date() == end.astimezone(place).date()
    return moment(end, place, "%H:%M" if same else "%a %d %b %H:%M")


def length(duration: timedelta) -> str:
    """A duration in its two largest units."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        hours, rest = divmod(seconds, _HOUR)
        return f"{hours} h {rest // _MINUTE} min" if rest >= _MINUTE else f"{hours} h"
    days, rest = divmod(seconds, _DAY)
    return f"{days} d {rest // _HOUR} h" if rest >= _HOUR else f"{days} d"


def age(seconds: float) -> str:
    """For how long something has been going on, exact to the second below ten minutes."""
    if seconds < 10 * _MINUTE and seconds >= _MINUTE:
        return f"{int(seconds) // _MINUTE} min {int(seconds) % _MINUTE} s"
    return length(timedelta(seconds=seconds))


def apps_of(window: Window) -> str:
    """For whom it is."""
    return "every app" if "*" in window.apps else ", ".join(window.apps)


def mode_of(window: Window) -> str:
    """What it refuses, in short."""
    is_narrow = window.match != EVERYTHING
    if window.mode is Mode.FULL:
        return "refuses some requests" if is_narrow else "refuses everything"
    return "refuses some writes" if is_narrow else "refuses writes"


def remarks(span: Span, *, notes: bool) -> str:
    """What is particular about a stretch of time."""
    said = {
        Kind.OPEN: "",
        Kind.CUT: "cut out by an exclusion",
        Kind.SKIPPED: "does not take place",
    }[span.kind]
    parts = [said] if said else []
    # What an exclusion cut out has a line of its own.
    told = [c for c in span.changes if span.kind is not Kind.OPEN or c.cause is not Cause.CUT]
    for change in told:
        reason = f" ({change.reason})" if notes and change.reason else ""
        parts.append(f"{change.cause}{reason}")
    if span.overlaps:
        parts.append(f"overlaps {', '.join(span.overlaps)}")
    return "; ".join(parts)
