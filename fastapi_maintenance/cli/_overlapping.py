"""A schedule that leaves no pause, or opens while another window is open: what people may not mean.

Told, and no error: two windows are one maintenance, as long as either is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.windows import Occurrence, Window
from fastapi_maintenance.windows.globs import meet
from fastapi_maintenance.windows.occurrences import longest_between

from ._cluster import Cluster, Object
from ._output import tell
from ._seen import see
from ._times import now, shown_in

_HORIZON = timedelta(days=366)
_MOST = 8 * 24 * 60
"""Occurrences that are looked at: of one a minute, those of a week and a day."""


def note_never_closes(window: Window) -> None:
    """Tell of a window that opens again before it closes, each time."""
    if never_closes(window, now()):
        tell("note: it never closes: --cron opens it again before --duration has passed")


async def note_overlaps(cluster: Cluster, item: Object) -> None:
    """Tell of each other window that is open for one of the apps at the same time."""
    own, at = see(item, now()), now()
    try:
        others = [see(each, at) for each in await cluster.windows()]
    except (ApiError, Unreachable):  # what was done stands, whether or not this can be seen
        return
    for other in others:
        if own.window is None or other.window is None or other.name == own.name:
            continue
        if first := first_overlap(own.window, other.window, at):
            when = shown_in(own.zone, first, at)
            tell(f"note: {other.name} is open at the same time, first at {when}")


def never_closes(window: Window, at: datetime) -> bool:
    """Whether no pause is between any two of its occurrences, as far as is looked."""
    pieces = _coming(window, at)
    last = next(map(_end, pieces), at)
    again = False
    for piece in pieces:
        if piece.start > last:
            return False
        again, last = True, max(last, _end(piece))
    return again


def first_overlap(one: Window, other: Window, at: datetime) -> datetime | None:
    """From when on both are open for an app; None where they never are, as far as is looked."""
    if one.suspend or other.suspend or not meet(one.apps, other.apps):
        return None
    ours, theirs = list(_coming(one, at)), list(_coming(other, at))
    while ours and theirs:
        start = max(ours[0].start, theirs[0].start)
        first_to_end = min((ours, theirs), key=lambda pieces: _end(pieces[0]))
        if start < _end(first_to_end[0]):
            return max(start, at)
        del first_to_end[0]
    return None


def _coming(window: Window, at: datetime) -> Iterator[Occurrence]:
    return islice(longest_between(window, at, at + _HORIZON), _MOST)


def _end(piece: Occurrence) -> datetime:
    return piece.end or datetime.max.replace(tzinfo=piece.start.tzinfo)
