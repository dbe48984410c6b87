"""Changes of one occurrence, as `spec.overrides` has them: pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi_maintenance.windows import (
    Occurrence,
    Recurring,
    Window,
    format_instant,
    next_occurrence,
)
from fastapi_maintenance.windows.explain import Cause, Told, explain
from fastapi_maintenance.windows.fields import LONGEST
from fastapi_maintenance.windows.timing_fields import MOST_OVERRIDES
from fastapi_maintenance.windows.zones import zone as zone_named

from ._failures import Failure
from ._hints import CLUSTER, named, of_the_next
from ._hints import at as there
from ._kinds import by_hand, quoted
from ._seen import zone_of
from ._times import shown_in

Object = dict[str, Any]

_SHOWN = 2
"""Occurrences that are named where another was meant."""


def with_override(
    spec: Object, window: Window, original: datetime, at: datetime, **change: object
) -> list[Object]:
    """The overrides, with that of one occurrence changed; what is over makes room.

    Args:
        spec: of the window.
        window: what that means.
        original: the start by which the occurrence is known.
        at: now.
        change: fields of the override; a field that was there and is not named stays.
    """
    items = [dict(item) for item in spec.get("overrides") or ()]
    mine = next((item for item in items if _start(item) == original), None)
    if mine is None:
        mine = {"occurrence": format_instant(original)}
        items = [*_with_room(items, window, at), mine]
    mine |= {k: format_instant(v) if isinstance(v, datetime) else v for k, v in change.items()}
    if change.get("skip"):
        mine.pop("start", None)
        mine.pop("end", None)
    return items


def extended(spec: Object, window: Window, at: datetime, by: timedelta) -> list[Object]:
    """The overrides that let what is open end later.

    Raises:
        Failure: nothing is open, or it has no end that could be later.
    """
    _check_not_suspended(window)
    told = explain(window, at, occurrences=0).current
    if told is None or told.piece is None:
        mend = _anew(window)
        if next_occurrence(window, at):
            mend = of_the_next(window.name, window.namespace)
        problem = f"{quoted(window.name)} is not open: there is nothing to extend"
        raise Failure(problem, mend)
    end = _uncut_end(window, told.original)
    if told.piece.end is None or end is None:
        mend = f"it lasts until: fastapi-maintenance end {_place(window)}"
        raise Failure(f"{quoted(window.name)} has no planned end", mend)
    if told.piece.end != end:
        problem = f'what is open of "{window.name}" ends by {told.changes[-1].field}'
        raise Failure(problem, f"change that field: {_by_hand(window)}")
    return with_override(spec, window, told.original.start, at, end=end + by)


def postponed(
    spec: Object, window: Window, at: datetime, by: timedelta
) -> tuple[list[Object], Occurrence]:
    """The overrides that let the next occurrence begin later, and how it was.

    Raises:
        Failure: none is to come.
    """
    original, planned = _next(window, at)
    change: dict[str, object] = {"start": planned.start + by}
    if _has_own_end(spec, original.start) and planned.end is not None:
        change["end"] = planned.end + by
    return with_override(spec, window, original.start, at, **change), planned


def skipped(
    spec: Object, window: Window, at: datetime, occurrence: datetime | None
) -> tuple[list[Object], Occurrence]:
    """The overrides that leave out the next occurrence, or the one of a start; and how it was.

    Raises:
        Failure: there is no such occurrence; or one before the next is skipped already, so that
            whoever asks twice would lose another.
    """
    if occurrence is None:
        _check_none_skipped(window, at)
        original, planned = _next(window, at)
    else:
        original = planned = _named(window, occurrence, at)
    return with_override(spec, window, original.start, at, skip=True), planned


def _check_not_suspended(window: Window) -> None:
    if window.suspend:
        mend = f"let it open first: fastapi-maintenance resume {_place(window)}"
        raise Failure(f"{quoted(window.name)} is suspended", mend)


def _check_none_skipped(window: Window, at: datetime) -> None:
    """None that would be open now, or open before the next one."""
    told = explain(window, at, occurrences=1)
    for each in told.not_taking_place:
        for change in each.changes:
            if change.cause is Cause.SKIPPED:
                raise _skipped_already(window, each, change.field, told.following)


def _skipped_already(window: Window, told: Told, field: str, following: Sequence[Told]) -> Failure:
    start = format_instant(told.original.start)
    return Failure(
        f'"{window.name}": the occurrence of {start} is skipped already',
        f"{_another(following)}undo it: remove {field} by {_by_hand(window)}",
    )


def _another(following: Sequence[Told]) -> str:
    if not following:
        return ""
    return f"skip another: --occurrence {format_instant(following[0].original.start)}; "


def _next(window: Window, at: datetime) -> tuple[Occurrence, Occurrence]:
    """The occurrence that opens next: as the calendar has it, and as it will be."""
    _check_not_suspended(window)
    told = explain(window, at, occurrences=1)
    following = told.following
    if not following or following[0].piece is None:
        mend = f"it is open: {_of_what_is_open(window)}" if told.current else _anew(window)
        raise Failure(f"{quoted(window.name)} has no further occurrence", mend)
    return following[0].original, following[0].piece


def _named(window: Window, start: datetime, at: datetime) -> Occurrence:
    """The one that the calendar has at a start."""
    for instant in _meant(window, start):
        before = explain(window, instant - timedelta(microseconds=1), occurrences=1)
        known = (*before.following, *before.not_taking_place, *filter(None, [before.current]))
        for told in known:
            if told.original.start == instant:
                return told.original
    raise _none_starts(window, start, at)


def _meant(window: Window, start: datetime) -> list[datetime]:
    """A time without a zone is of the window's own clock, or else of this machine's."""
    if start.tzinfo is not None:
        return [start]
    zone = zone_of(window)
    own = [start.replace(tzinfo=zone_named(zone))] if zone else []
    return [each.astimezone(UTC) for each in (*own, start)]


def _none_starts(window: Window, start: datetime, at: datetime) -> Failure:
    """With those that do, on both clocks, as they may be named."""
    if start.tzinfo is not None:
        said = format_instant(start)
    elif zone := zone_of(window):
        said = f"{start.isoformat()}, neither in {zone} nor on the clock of this machine"
    else:
        said = f"{start.isoformat()} on the clock of this machine"
    following = [told.original.start for told in explain(window, at, occurrences=_SHOWN).following]
    lines = [
        f"{shown_in(zone_of(window), each, at)}: --occurrence {format_instant(each)}"
        for each in following
    ]
    lines += [f"those to come: fastapi-maintenance explain {_place(window)}"]
    return Failure(f'"{window.name}" has no occurrence that starts at {said}', "\n  ".join(lines))


def _uncut_end(window: Window, original: Occurrence) -> datetime | None:
    """When an occurrence ends by its override, or else by the calendar."""
    for override in window.overrides:
        if override.occurrence == original.start:
            if override.end is not None:
                return override.end
            if override.start is not None and original.end is not None:
                return original.end + (override.start - original.start)
    return original.end


def _has_own_end(spec: Object, start: datetime) -> bool:
    return any(_start(i) == start and "end" in i for i in spec.get("overrides") or ())


def _with_room(items: list[Object], window: Window, at: datetime) -> list[Object]:
    """One place free; what goes is the oldest, of an occurrence that can't be open any more."""
    if len(items) < MOST_OVERRIDES:
        return items
    lasts = window.timing.duration if isinstance(window.timing, Recurring) else LONGEST
    oldest = min(items, key=_last)
    if _last(oldest) + lasts > at:
        problem = f"there are {MOST_OVERRIDES} overrides already, the most there may be"
        raise Failure(problem, f"remove one: {_by_hand(window)}")
    return [item for item in items if item is not oldest]


def _last(item: Object) -> datetime:
    """The last instant that an override names."""
    named = [str(item[name]) for name in ("occurrence", "start", "end") if name in item]
    return max(datetime.fromisoformat(text) for text in named)


def _start(item: Object) -> datetime:
    return datetime.fromisoformat(str(item["occurrence"]))


def _anew(window: Window) -> str:
    """Of one of the cluster nobody can tell where."""
    if window.name.startswith(CLUSTER):
        return ""
    apps = shlex.join(window.apps)
    where = there(window.namespace)
    return f"it is over; open one now: fastapi-maintenance on {apps} --duration 30m {where}"


def _of_what_is_open(window: Window) -> str:
    place = _place(window)
    return (
        f"let it end later: fastapi-maintenance extend {place} --by 30m; "
        f"now: fastapi-maintenance end {place}"
    )


def _by_hand(window: Window) -> str:
    return by_hand(window.name, window.namespace)


def _place(window: Window) -> str:
    return named(window.name, window.namespace)
