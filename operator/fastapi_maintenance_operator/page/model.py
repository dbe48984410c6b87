"""What the page says, worked out from what the operator has in memory at an instant.

Free text that people write for those who run an application (descriptions, reasons) is left out
unless notes are asked for. What a window lets through (paths, addresses, tokens) is never told, nor
the value that makes one invalid, which may be a token that was pasted into the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi_maintenance.proof.processes import Process
from fastapi_maintenance.windows import (
    DEFAULT_MESSAGE,
    Occurrence,
    Window,
    next_occurrence,
    occurrence_at,
)
from fastapi_maintenance.windows.zones import is_zone, zone
from fastapi_maintenance_operator.reconcile import Observed

from .replicas import Replica, make_replicas
from .rows import Kind, Row, Span, make_rows

DAYS = 7
MOST_ROWS = 100
MOST_REPLICAS = 300
MOST_ENTRIES = 200
UNKNOWN = "(unknown)"
"""What no namespace and no time zone is called: stands for all that are unknown."""
_UTC = "Etc/UTC"


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants to see it."""

    namespace: str = ""
    """The only one; all with an empty name, none with UNKNOWN."""
    zone: str = _UTC
    notes: bool = False
    """Whether descriptions and reasons are told."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A condition of a window, as it stands in its status."""

    status: str
    """True, False or Unknown."""
    message: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A window that is open."""

    window: Window
    current: Occurrence
    enforced: Fact
    drained: Fact
    message: str
    """What users are told, if it is not the usual."""
    description: str
    held_by: tuple[Replica, ...]
    """The processes that keep it from being drained."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A window that has no effect."""

    namespace: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table of times."""

    window: Window
    span: Span


@dataclass(frozen=True, slots=True)
class Page:
    """All that is shown."""

    now: datetime
    wish: Wish
    place: ZoneInfo
    is_zone_known: bool
    days: tuple[datetime, ...]
    """The midnights in `place` from today's to that behind the last day."""
    namespaces: tuple[str, ...]
    """All that have windows or processes, whatever is wished for."""
    opened: tuple[Opened, ...]
    following: tuple[Window, Occurrence] | None
    """What opens next."""
    rows: tuple[Row, ...]
    rows_left_out: int
    entries: tuple[Entry, ...]
    entries_left_out: int
    replicas: tuple[Replica, ...]
    replicas_left_out: int
    broken: tuple[Broken, ...]


def make_page(
    windows: Sequence[Observed],
    processes: Sequence[tuple[str, Process]],
    now: datetime,
    wish: Wish = Wish(),
) -> Page:
    """The page of windows and of processes, each of these behind its namespace."""
    place, is_known = _place(wish.zone)
    days = _days(now, place)
    seen = [o for o in windows if wish.namespace in ("", o.namespace)]
    valid = [o for o in seen if o.window and not o.window.suspend]
    current = {o.uid: found for o in valid if o.window and (found := occurrence_at(o.window, now))}
    coming = {o.uid: found for o in valid if o.window and (found := next_occurrence(o.window, now))}
    ordered = sorted(valid, key=lambda o: _rank(current.get(o.uid), coming.get(o.uid), o))
    shown = [o.window for o in ordered if o.window and _is_near(o.uid, current, coming, days[-1])]
    replicas = _replicas(valid, current, processes, now, wish)
    rows = make_rows(shown[:MOST_ROWS], _in_utc(days[0]), now, _in_utc(days[-1]))
    entries = _entries(rows, now)
    opened = [_opened(o, current[o.uid], replicas, wish) for o in ordered if o.uid in current]
    names = {o.namespace for o in windows} | {namespace for namespace, _ in processes}
    return Page(
        now=now,
        wish=wish,
        place=place,
        is_zone_known=is_known,
        days=days,
        namespaces=tuple(sorted(names)),
        opened=tuple(sorted(opened, key=_is_drained)[:MOST_ROWS]),
        following=_first(ordered, coming),
        rows=tuple(sorted(rows, key=lambda row: row.window.namespace)),
        rows_left_out=max(0, len(shown) - MOST_ROWS),
        entries=tuple(entries[:MOST_ENTRIES]),
        entries_left_out=max(0, len(entries) - MOST_ENTRIES),
        replicas=tuple(replicas[:MOST_REPLICAS]),
        replicas_left_out=max(0, len(replicas) - MOST_REPLICAS),
        broken=tuple(_broken(seen)[:MOST_ROWS]),
    )


def _place(name: str) -> tuple[ZoneInfo, bool]:
    is_known = is_zone(name)
    return zone(name if is_known else _UTC), is_known


def _in_utc(day: datetime) -> datetime:
    return day.astimezone(UTC)


def _days(now: datetime, place: ZoneInfo) -> tuple[datetime, ...]:
    """Midnights; a day may have 23 or 25 hours."""
    today = now.astimezone(place).replace(hour=0, minute=0, second=0, microsecond=0)
    return tuple(today + timedelta(days=number) for number in range(DAYS + 1))


def _rank(
    current: Occurrence | None, coming: Occurrence | None, observed: Observed
) -> tuple[bool, float, str]:
    """What is open first, then what opens soonest."""
    start = coming.start.timestamp() if coming else float("inf")
    return current is None, start, f"{observed.namespace}/{observed.name}"


def _is_near(
    uid: str, current: Mapping[str, Occurrence], coming: Mapping[str, Occurrence], until: datetime
) -> bool:
    return uid in current or (uid in coming and coming[uid].start < until)


def _first(
    ordered: Iterable[Observed], coming: Mapping[str, Occurrence]
) -> tuple[Window, Occurrence] | None:
    found = [(o.window, coming[o.uid]) for o in ordered if o.window and o.uid in coming]
    return min(found, key=lambda pair: pair[1].start, default=None)


def _replicas(
    valid: Iterable[Observed],
    current: Mapping[str, Occurrence],
    processes: Iterable[tuple[str, Process]],
    now: datetime,
    wish: Wish,
) -> list[Replica]:
    opened: dict[str, list[tuple[Window, Occurrence]]] = {}
    for observed in valid:
        if observed.window and observed.uid in current:
            pair = observed.window, current[observed.uid]
            opened.setdefault(observed.namespace, []).append(pair)
    wanted = [(n, process) for n, process in processes if wish.namespace in ("", n)]
    return make_replicas(wanted, opened, now)


def _opened(
    observed: Observed, current: Occurrence, replicas: Iterable[Replica], wish: Wish
) -> Opened:
    window = observed.window
    assert window is not None
    message = window.response.message
    held_by = (r for r in replicas if r.namespace == window.namespace and r.holds(window.name))
    return Opened(
        window,
        current,
        _fact(observed, "Enforced"),
        _fact(observed, "Drained"),
        "" if message == DEFAULT_MESSAGE else message,
        window.description if wish.notes else "",
        tuple(held_by),
    )


def _is_drained(opened: Opened) -> bool:
    """What somebody waits for comes first."""
    return opened.drained.status == "True"


def _fact(observed: Observed, kind: str) -> Fact:
    """What the operator has proven; nothing, where the status is about something else."""
    found: Sequence[Mapping[str, Any]] = observed.status.get("conditions") or ()
    condition = next((c for c in found if c["type"] == kind), None)
    if condition is None or condition.get("reason") == "NotActive":
        return Fact("Unknown", "The operator has not looked at it yet")
    if condition.get("observedGeneration", observed.generation) != observed.generation:
        return Fact("Unknown", "The window was changed; the operator has yet to look at it")
    return Fact(str(condition["status"]), str(condition.get("message", "")))


def _entries(rows: Iterable[Row], now: datetime) -> list[Entry]:
    """What is not over yet, by time."""
    entries = [
        Entry(row.window, span)
        for row in rows
        for span in row.spans
        if span.end is None or span.end > now
    ]
    return sorted(entries, key=lambda e: (e.span.start, e.window.key, e.span.kind is Kind.OPEN))


def _broken(seen: Iterable[Observed]) -> list[Broken]:
    found = []
    for observed in seen:
        if observed.window is None:
            field = (observed.error or "").partition(":")[0]
            why = f"is invalid at {field}; kubectl describe says what mends it"
            found.append(Broken(observed.namespace, observed.name, why))
        elif observed.window.suspend:
            found.append(Broken(observed.namespace, observed.name, "is suspended (spec.suspend)"))
    return sorted(found, key=lambda broken: (broken.namespace, broken.name))
