"""Windows by the thousand, few of them ours, and applications behind a backend that knows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from fastapi_maintenance import MaintenanceModeMiddleware
from fastapi_maintenance.windows import (
    Exclusion,
    Fixed,
    Occurrence,
    Override,
    Recurring,
    Window,
    next_occurrence,
)
from tests.unit.making import stored

from .apps import Subject, gated, make_apps
from .ours import APP, cluster
from .shapes import ONE, Shape

KNOWN, OURS = 10_000, 50
"""Windows that a process knows, and those of them that concern its app."""
MOST_OVERRIDES, MOST_EXCLUSIONS = 16, 64

_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Etc/UTC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def others(known: int) -> list[dict[str, Any]]:
    """Manifests of windows that do not concern us: half of them open, half on a schedule."""
    on_schedule: dict[str, Any] = {
        "schedule": "0 2 * * SUN",
        "timeZone": "Europe/Berlin",
        "duration": "2h",
    }
    return [
        stored(f"other-{n}", apps=[f"app-{n}"], **(on_schedule if n % 2 else {}))
        for n in range(known)
    ]


def written(instant: datetime) -> str:
    """As it stands in a manifest."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def subjects(known: int) -> list[Subject]:
    """Applications that know one window of theirs, or 50 and those of others: to come, or open."""
    shape = Shape(ONE, 1)
    apps = make_apps(shape, 6)
    later = written(datetime.now(UTC) + timedelta(days=30))
    found = []
    for when, start, status in (("to come", later, 200), ("open", "2026-01-01T00:00:00Z", 503)):
        one = f"one window, {when}"
        own = [stored(f"own-{n}", apps=[APP], start=start) for n in range(OURS)]
        for name, windows in (
            (one, own[:1]),
            (f"one window, {when}, again", own[:1]),
            (f"{known:,} windows, {OURS} of them ours, {when}", [*others(known - OURS), *own]),
        ):
            app = gated(next(apps), MaintenanceModeMiddleware, backend=cluster(*windows))
            found.append(Subject(name, app, shape.path, (status,), against=one))
    return found


def weekly() -> list[Window]:
    """Windows of an ordinary company: each at its own time, in one of several zones."""
    return [
        _window(n, _recurring(f"{n} {n % 6} * * {_DAYS[n % 7]}", _ZONES[n % 5], hours=2))
        for n in range(OURS)
    ]


def due_at_once() -> list[Window]:
    """All of them open and close at the same instants."""
    return [_window(n, _recurring("0 * * * *", "Europe/Berlin", minutes=30)) for n in range(OURS)]


def full_at_once() -> list[Window]:
    """The same, each with as many overrides and exclusions as it can have."""
    return [_filled(window) for window in due_at_once()]


def dense() -> list[Window]:
    """A start each minute, each open for 400 days, with all the overrides and exclusions."""
    return [
        _filled(_window(n, _recurring("* * * * *", "Europe/Berlin", hours=9600)))
        for n in range(OURS)
    ]


def unbroken() -> list[Window]:
    """One after the other without a gap, and again: how long a client is to wait is a long way."""
    return [
        _window(n, _recurring(f"{n} * * * *", "Etc/UTC", minutes=1 if n < OURS - 1 else 11))
        for n in range(OURS)
    ]


def once(begin: datetime) -> list[Window]:
    """One-shot windows without a schedule, one after the other."""
    hour = timedelta(hours=1)
    starts = [begin + n * 2 * hour for n in range(OURS)]
    return [_window(n, Fixed((Occurrence(s, s + hour),))) for n, s in enumerate(starts)]


def strangers(known: int) -> list[Window]:
    """Windows that concern other apps."""
    timing = _recurring("0 2 * * SUN", "Europe/Berlin", hours=2)
    return [Window("shop", f"other-{n}", (f"app-{n}",), timing) for n in range(known)]


def _filled(window: Window) -> Window:
    """With overrides of the next occurrences, and short exclusions over the next days."""
    begin = datetime.now(UTC)
    starts = [o.start for o in islice(_following(window, begin), MOST_OVERRIDES)]
    exclusions = [begin + timedelta(minutes=47 * n) for n in range(1, MOST_EXCLUSIONS + 1)]
    return Window(
        window.namespace,
        window.name,
        window.apps,
        window.timing,
        overrides=tuple(Override(s, start=s + timedelta(minutes=7)) for s in starts),
        exclusions=tuple(Exclusion(e, e + timedelta(minutes=5)) for e in exclusions),
    )


def _following(window: Window, instant: datetime) -> Iterator[Occurrence]:
    while following := next_occurrence(window, instant):
        instant = following.start
        yield following


def _window(number: int, timing: Fixed | Recurring) -> Window:
    return Window("shop", f"own-{number}", (APP,), timing)


def _recurring(schedule: str, zone: str, **duration: float) -> Recurring:
    return Recurring(schedule, zone, timedelta(**duration))
