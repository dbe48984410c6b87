"""What is drawn of each window: when it is open in the coming days, and when it is not."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

from fastapi_maintenance.windows import Occurrence, Window, matches
from fastapi_maintenance.windows.explain import (
    Change,
    Told,
    missing_between,
    removed_by_exclusions,
    told_from,
)

MOST_SPANS = 60
"""Of one window, from now on."""


class Kind(StrEnum):
    """What a stretch of time is for a window."""

    OPEN = "open"
    CUT = "cut"
    """Taken away by an exclusion."""
    SKIPPED = "skipped"
    """Of an occurrence that does not take place."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that is drawn."""

    kind: Kind
    start: datetime
    end: datetime | None
    """None: nobody knows."""
    changes: tuple[Change, ...] = ()
    overlaps: tuple[str, ...] = ()
    """Windows of the same namespace that concern the same apps then."""


@dataclass(frozen=True, slots=True)
class Row:
    """A window and its spans, in the order of their starts."""

    window: Window
    spans: tuple[Span, ...]
    is_whole: bool = True
    """Whether these are all; else it opens too often to be drawn to the end."""


def make_rows(
    windows: Iterable[Window], begin: datetime, now: datetime, until: datetime
) -> list[Row]:
    """The rows of windows that have something to show between two instants."""
    rows = [_row(window, begin, now, until) for window in windows if not window.suspend]
    return _crossed([row for row in rows if row.spans])


def _row(window: Window, begin: datetime, now: datetime, until: datetime) -> Row:
    told = list(islice(told_from(window, now, until), MOST_SPANS + 1))
    over = list(islice(told_from(window, begin, now), MOST_SPANS + 1))
    # Of a window that opens every few minutes, what was today leaves room for what is coming.
    kept = [each for each in over if each not in told] if len(over) <= MOST_SPANS else []
    shown = [*kept, *told[:MOST_SPANS]]
    spans = [_open(each) for each in shown]
    spans += _not_open(window, shown, begin, until)
    is_whole = max(len(told), len(over)) <= MOST_SPANS
    return Row(window, tuple(sorted(spans, key=_start)), is_whole)


def _open(told: Told) -> Span:
    assert told.piece is not None
    return Span(Kind.OPEN, told.piece.start, told.piece.end, told.changes)


def _not_open(window: Window, told: Sequence[Told], begin: datetime, until: datetime) -> list[Span]:
    """What a plain calendar would open then."""
    if not (window.overrides or window.exclusions or window.ended_at):
        return []
    missing = list(islice(missing_between(window, begin, until), MOST_SPANS))
    cuts = {stretch for each in removed_by_exclusions(window, told) for stretch in each.stretches}
    spans = [Span(Kind.CUT, cut.start, cut.end) for cut in cuts if _meets(cut, begin, until)]
    spans += [
        Span(Kind.SKIPPED, each.original.start, each.original.end, each.changes) for each in missing
    ]
    return spans


def _meets(stretch: Occurrence, begin: datetime, until: datetime) -> bool:
    return stretch.start < until and (stretch.end is None or stretch.end > begin)


def _crossed(rows: Sequence[Row]) -> list[Row]:
    """The same rows; each span knows what else is open during it, for whom it is for."""
    found: dict[tuple[int, int], list[str]] = {}
    opened: dict[str, list[tuple[int, int, Span]]] = {}
    everything = ((r, s, span) for r, row in enumerate(rows) for s, span in enumerate(row.spans))
    for number, place, span in sorted(everything, key=lambda each: each[2].start):
        if span.kind is not Kind.OPEN:
            continue
        window = rows[number].window
        still = [o for o in opened.get(window.namespace, ()) if _lasts(o[2], span.start)]
        for other, there, _ in still:
            if other != number and shares_apps(window.apps, rows[other].window.apps):
                found.setdefault((number, place), []).append(rows[other].window.name)
                found.setdefault((other, there), []).append(window.name)
        opened[window.namespace] = [*still, (number, place, span)]
    return [_with_overlaps(row, number, found) for number, row in enumerate(rows)]


def _with_overlaps(row: Row, number: int, found: dict[tuple[int, int], list[str]]) -> Row:
    spans = (
        replace(span, overlaps=tuple(sorted(set(found.get((number, place), ())))))
        for place, span in enumerate(row.spans)
    )
    return replace(row, spans=tuple(spans))


@functools.lru_cache(maxsize=4096)
def shares_apps(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether an app may be meant by both; of two patterns that is so if one covers the other."""
    return any(matches(p, q) or matches(q, p) for p in one for q in other)


def _lasts(span: Span, instant: datetime) -> bool:
    return span.end is None or span.end > instant


def _start(span: Span) -> tuple[datetime, str]:
    return span.start, span.kind
