"""The messages of `Enforced` and `Drained`: who holds a window back, and what mends it. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from fastapi_maintenance.windows import Window, format_instant
from fastapi_maintenance.windows.scope import counts_for

if TYPE_CHECKING:
    from .processes import Process
    from .proving import Answer

NOT_ACTIVE = "No occurrence is open"
NOT_PLANNED = "The plan lacks this version of the window, and applications may follow the plan"

NONE_REGISTERED = "none is registered"
"""How that ends which is said where nobody reports at all."""

_MOST_NAMES = 5
_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def clock(instant: datetime, at: datetime, zone: tzinfo | None = None) -> str:
    """The time of day in a reader's zone, None: this machine's; with the date on another day."""
    local, today = instant.astimezone(zone), at.astimezone(zone).date()
    return local.strftime("%H:%M:%S" if local.date() == today else "%a %d %b %H:%M:%S")


def on_clock(message: str, at: datetime, zone: tzinfo | None = None) -> str:
    """A message with each of its instants, which are in UTC, as a reader is to see it."""
    return _INSTANT.sub(lambda it: clock(datetime.fromisoformat(it[0]), at, zone), message)


def all_enforce(answers: Sequence[Answer], silent: Sequence[Answer] = ()) -> str:
    """Of reporting processes only: nobody else can speak."""
    acknowledging = sum(answer.acknowledges for answer in answers)
    said = f"{acknowledging} of {len(answers)} reporting processes refuse requests"
    return said + _new(len(answers) - acknowledging) + _fallen_silent(silent)


def all_drained(answers: Sequence[Answer], silent: Sequence[Answer] = ()) -> str:
    """The same, and what is no more."""
    return all_enforce(answers) + "; no request from before still runs" + _fallen_silent(silent)


def no_processes(window: Window, listed: Iterable[Process]) -> str | None:
    """That nobody carries some of the names in ``spec.apps``: typos more often than not.

    None where somebody carries each. Of patterns, where nobody is concerned at all.
    """
    listed = list(listed)
    missing = _missing(window, {p.app for p in listed if counts_for(window, p.app)})
    if not missing:
        return None
    apps = sorted({process.app for process in listed if process.app})
    registered = f"registered are: {_names(apps)}" if apps else NONE_REGISTERED
    meant = [
        with_nearest(name, [app for app in apps if app not in window.apps]) for name in missing
    ]
    return f"No process reports for {_names(meant)}; {registered}"


def _missing(window: Window, carried: Collection[str | None]) -> list[str]:
    return [app for app in window.apps if not carried or ("*" not in app and app not in carried)]


def with_nearest(name: str, apps: Sequence[str]) -> str:
    """A name that nobody carries, with the one that may have been meant."""
    near = nearest(name, apps)
    return f"{name} (did you mean {near}?)" if near else name


def nearest(name: str, apps: Sequence[str]) -> str | None:
    """The one that may have been meant; None where none is like it."""
    return next(iter(difflib.get_close_matches(name, apps, n=1)), None)


def not_enforced(lapsing: Sequence[Answer], answers: Sequence[Answer]) -> str:
    """By the processes' own word."""
    named = [f"{a.process.called}: {a.word.reason}" for a in lapsing if a.word]
    if len(answers) == 1:
        return f"The only process does not refuse requests: {_names(named)}"
    return f"{len(lapsing)} of {len(answers)} processes do not refuse requests: {_names(named)}"


def pending(waiting: Sequence[Answer], answers: Sequence[Answer]) -> str:
    """Who has not spoken of this occurrence and version yet."""
    named = _names(sorted(a.process.called for a in waiting))
    if len(answers) == 1:
        return f"The only process has not acknowledged it yet: {named}"
    return f"{len(waiting)} of {len(answers)} processes have not acknowledged it yet: {named}"


def silent(silent: Sequence[Answer]) -> str:
    """Those of whom nothing is known, and since when."""
    named = [f"{a.process.called}, last heard {_second(a.process.renewed)}" for a in silent]
    return f"No heartbeat of {_names(sorted(named))}; a process without a Pod is removed by hand"


def ahead(skewed: Sequence[Answer]) -> str:
    """A clock that is ahead ends windows too early."""
    named = sorted(a.process.called for a in skewed)
    return f"The clock is more than 2 s ahead of the operator's: {_names(named)}"


def opening(since: datetime) -> str:
    """Another clock may be a little late."""
    return f"Other clocks may be late: true from {format_instant(since)} at the earliest"


def running(holding: Sequence[Answer], now: datetime) -> str:
    """The worst is the process whose oldest request has run the longest.

    An instant and no age: it stays true, and needs no write of a status that wakes everybody.
    """
    worst = min(holding, key=lambda a: (_since(a, now), -a.in_flight, a.process.called))
    count = f"{worst.in_flight} request{'s' if worst.in_flight > 1 else ''}"
    more = f" (and {len(holding) - 1} more)" if len(holding) > 1 else ""
    said = f"{worst.process.called}{more}: {count}"
    flight = worst.word.oldest if worst.word else None
    if flight is None:
        return said
    return f"{said}, {flight.method} {flight.route} since {_second(flight.since)}"


def _since(answer: Answer, now: datetime) -> datetime:
    return answer.word.oldest.since if answer.word and answer.word.oldest else now


def _second(instant: datetime) -> str:
    return format_instant(instant.replace(microsecond=0))


def _new(number: int) -> str:
    return f"; {number} more have started since, and look before they serve" if number else ""


def _fallen_silent(silent: Sequence[Answer]) -> str:
    return (
        f"; fallen silent since: {_names(sorted(a.process.called for a in silent))}"
        if silent
        else ""
    )


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
