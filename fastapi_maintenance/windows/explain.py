"""What a window means, as data: for a command line, a review, or a test of one's own.

Nothing is decided here; what is told is what the rest of this package decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ._explain_clock import ClockChange, Effect, clock_changes
from ._explain_occurrences import (
    Cause,
    Change,
    Removed,
    Told,
    missing_between,
    not_taking_place,
    removed_by_exclusions,
    told_after,
    told_at,
    told_from,
    told_last,
    without_effect,
)
from ._explain_request import Asked, Verdict, verdict
from .manifest import parse_manifest
from .model import Fixed, InvalidWindow, Occurrence, Override, Recurring, Window
from .occurrences import next_occurrence
from .request import RequestFacts
from .schedule import starts
from .zones import zone as zone_of

_BEGIN = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)

__all__ = [
    "Asked",
    "Cause",
    "Change",
    "ClockChange",
    "Effect",
    "Explanation",
    "Removed",
    "Told",
    "Verdict",
    "explain",
    "missing_between",
    "removed_by_exclusions",
    "told_from",
]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a window means at an instant. All instants are in UTC."""

    at: datetime
    zone: str
    """Where people want to see them."""
    window: Window | None
    """None where it is invalid."""
    error: InvalidWindow | None = None
    """Why it is: field, problem and mend."""
    current: Told | None = None
    """What is open. Of a suspended window neither this nor what follows is told."""
    following: tuple[Told, ...] = ()
    """What opens next."""
    not_taking_place: tuple[Told, ...] = ()
    """What would be open now or open by then, but for overrides, endedAt and exclusions."""
    removed: tuple[Removed, ...] = ()
    """What the exclusions took from all of these."""
    without_effect: tuple[tuple[str, Override], ...] = ()
    """Overrides that name no occurrence, each behind its field."""
    clock_changes: tuple[ClockChange, ...] = ()
    """Jumps of the clocks that concern what the schedule opens by then."""
    announcement: Occurrence | None = None
    """What answers announce now."""
    verdict: Verdict | None = None
    """Of the request that was asked about."""
    is_over: bool = False
    """Whether nothing is open, and nothing opens any more. A suspended window is not over."""
    last: Told | None = None
    """What took place last, of one that is over; None where nothing ever did."""
    never_opens: bool = False
    """Whether no day fits its schedule, as of ``0 0 LW * */6``: the last working day of a month is
    no Saturday. Nothing else refuses such a schedule."""

    def local(self, instant: datetime) -> datetime:
        """An instant as the clocks of `zone` show it."""
        return instant.astimezone(zone_of(self.zone))

    def clock_change_of(self, told: Told) -> ClockChange | None:
        """The jump of the clocks that decided when an occurrence starts; None where none did."""
        start = told.original.start
        return next((change for change in self.clock_changes if start in change.starts), None)


def explain(
    given: Window | Mapping[str, Any],
    at: datetime,
    *,
    occurrences: int = 5,
    zone: str | None = None,
    app: str | None = None,
    request: RequestFacts | None = None,
) -> Explanation:
    """What a window, or a manifest of one, means at an instant.

    Args:
        given: the window; of a manifest that is invalid the explanation says why.
        at: the instant, with its zone.
        occurrences: of how many that are still to come to tell.
        zone: where people want to see instants; default the schedule's zone, else UTC.
        app: the application that is asked about; default one that the window is for.
        request: a request that is asked about, such as an `Asked`.

    Raises:
        InvalidWindow: `zone` is not known.
    """
    if zone is not None:
        zone_of(zone)
    try:
        window = given if isinstance(given, Window) else parse_manifest(given)
    except InvalidWindow as error:
        return Explanation(at, zone or "Etc/UTC", None, error)
    asked = None if request is None else verdict(window, app, at, request)
    if window.suspend:
        never = _never_opens(window)
        return Explanation(at, zone or _zone(window), window, verdict=asked, never_opens=never)
    return _explanation(window, at, occurrences, zone or _zone(window), asked)


def _explanation(
    window: Window, at: datetime, most: int, zone: str, asked: Verdict | None
) -> Explanation:
    current = told_at(window, at)
    following = tuple(islice(told_after(window, at), most))
    is_all = len(following) < most
    until = _END if is_all else max((told.original.start for told in following), default=at)
    missing = tuple(islice(not_taking_place(window, at, until), most))
    told = [*filter(None, [current]), *following, *missing]
    is_once = isinstance(window.timing, Fixed)
    is_over = is_once and current is None and next_occurrence(window, at) is None
    return Explanation(
        at=at,
        zone=zone,
        window=window,
        current=current,
        following=following,
        not_taking_place=missing,
        removed=tuple(removed_by_exclusions(window, told)),
        without_effect=tuple(without_effect(window)),
        clock_changes=_clock_changes(window, [each.original.start for each in told]),
        announcement=_announcement(window, at),
        verdict=asked,
        is_over=is_over,
        last=told_last(window, at) if is_over else None,
        never_opens=_never_opens(window),
    )


def _zone(window: Window) -> str:
    return window.timing.time_zone if isinstance(window.timing, Recurring) else "Etc/UTC"


def _never_opens(window: Window) -> bool:
    timing = window.timing
    return isinstance(timing, Recurring) and next(starts(timing, _BEGIN), None) is None


def _clock_changes(window: Window, starts: list[datetime]) -> tuple[ClockChange, ...]:
    if not isinstance(window.timing, Recurring) or not starts:
        return ()
    return tuple(clock_changes(window.timing, min(starts), max(starts)))


def _announcement(window: Window, at: datetime) -> Occurrence | None:
    following = next_occurrence(window, at)
    if following is None or window.announce_before is None:
        return None
    return following if following.start - at <= window.announce_before else None
