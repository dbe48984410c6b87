"""Durations and instants as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from fastapi_maintenance.windows import InvalidWindow
from fastapi_maintenance.windows.fields import Fields
from fastapi_maintenance.windows.zones import zone as zone_of

from ._failures import Mistyped

_DAYS = re.compile(r"\d\s*d")


def now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def duration_of(text: str, option: str = "--duration") -> timedelta:
    """A duration as manifests have it, such as ``2h30m``.

    Raises:
        Mistyped: naming the option.
    """
    fields = Fields("option", {"value": text}, ("value",))
    try:
        return fields.duration("value")
    except InvalidWindow as error:
        raise Mistyped(f"{option}: {error.problem}", _mend(text) or error.mend) from error


def _mend(text: str) -> str:
    """Of a length that people may write, and manifests do not have."""
    if text.isdecimal():
        return f"say of what: {text}m is minutes, {text}h hours"
    if text.startswith("-"):
        return "lengths are not negative; what ends what is open now: end NAME"
    if _DAYS.search(text):
        return "write hours, minutes, seconds in this order, as in 2h30m (a day is 24h)"
    return ""


def instant_of(text: str, option: str) -> datetime:
    """An instant: RFC 3339, or a local time of this machine without an offset.

    Raises:
        Mistyped: naming the option.
    """
    return time_of(text, option).astimezone(UTC)


def time_of(text: str, option: str) -> datetime:
    """The same; without a zone where none was given.

    Raises:
        Mistyped: naming the option.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        mend = "write 2026-06-01T22:00:00Z, an offset such as +02:00, or a local time without one"
        raise Mistyped(f"{option}: {text!r} is not a time", mend) from None


def shown(instant: datetime, at: datetime, zone: tzinfo | None = None) -> str:
    """An instant on the clock of whoever reads it; with the date where it is another day."""
    local, today = instant.astimezone(zone), at.astimezone(zone).date()
    form = "%H:%M:%S %Z" if local.date() == today else "%a %d %b %Y %H:%M:%S %Z"
    return local.strftime(form)


def shown_in(zone: str | None, instant: datetime, at: datetime) -> str:
    """The same on a window's own clock too, if it has one and that is another."""
    here = shown(instant, at)
    there = shown(instant, at, zone_of(zone)) if zone else here
    return here if there == here else f"{there} = {here}"


def moment(instant: datetime, at: datetime) -> str:
    """The same in a table, where there is little room: of another day without the seconds."""
    local, today = instant.astimezone(), at.astimezone()
    if local.date() == today.date():
        return local.strftime("%H:%M:%S %Z")
    return local.strftime("%a %d %b %H:%M %Z" if _is_near(instant, at) else "%d %b %Y %H:%M %Z")


def _is_near(instant: datetime, at: datetime) -> bool:
    """So that a day without its year is not mistaken."""
    return abs(instant - at) < timedelta(days=180)


def span(length: timedelta) -> str:
    """A length in its two largest units, such as ``2h30m``."""
    seconds = max(0, round(length.total_seconds()))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    first = next((i for i, (number, _) in enumerate(parts) if number), 3)
    found = [f"{number}{unit}" for number, unit in parts[first : first + 2] if number]
    return "".join(found) or "0s"


def until(end: datetime | None, at: datetime, zone: str | None = None) -> str:
    """The end of an occurrence, and how far it is; on a window's own clock too."""
    return ending(end, at, zone) + (f" (in {span(end - at)})" if end else "")


def ending(end: datetime | None, at: datetime, zone: str | None = None) -> str:
    """The end of an occurrence alone, which does not change while it is waited for."""
    return "it is ended" if end is None else shown_in(zone, end, at)
