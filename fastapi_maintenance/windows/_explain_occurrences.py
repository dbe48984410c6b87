"""How the occurrences of a window came about, and which do not take place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice

from .model import Exclusion, Fixed, Occurrence, Override, Window
from .occurrences import next_occurrence, occurrence_at, occurrences_between

_BEGIN = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)
_MOST_LOOKED_AT = 200
"""Occurrences that are looked at for those that do not take place."""


class Cause(StrEnum):
    """What makes an occurrence another than its calendar has it."""

    MOVED = "moved by an override"
    EXTENDED = "given another end by an override"
    SKIPPED = "skipped by an override"
    ENDED = "ended by endedAt"
    CUT = "cut by an exclusion"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changes an occurrence."""

    cause: Cause
    field: str
    """Such as ``spec.overrides[0]``."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An occurrence, or a piece of one, and how it came about."""

    original: Occurrence
    """As the calendar has it."""
    piece: Occurrence | None
    """What takes place; None where nothing does."""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """What an exclusion took away from the occurrences that are told of."""

    field: str
    reason: str
    stretches: tuple[Occurrence, ...]


def told_at(window: Window, at: datetime) -> Told | None:
    """What is open at an instant."""
    piece = occurrence_at(window, at)
    return None if piece is None else _told(window, piece)


def told_after(window: Window, at: datetime) -> Iterator[Told]:
    """What opens after an instant, one after the other."""
    while (piece := next_occurrence(window, at)) is not None:
        yield _told(window, piece)
        at = piece.start


def told_last(window: Window, at: datetime) -> Told | None:
    """What took place last, of a window that is over; None where nothing ever did."""
    pieces = occurrences_between(window, _BEGIN, at)
    piece = max(pieces, key=lambda piece: piece.end or _END, default=None)
    return None if piece is None else _told(window, piece)


def told_from(window: Window, begin: datetime, until: datetime) -> Iterator[Told]:
    """What is open at an instant, and what opens after it and before another."""
    if (current := told_at(window, begin)) is not None:
        yield current
    for told in told_after(window, begin):
        if told.piece is None or told.piece.start >= until:
            return
        yield told


def number_of_piece(window: Window, told: Told) -> int:
    """Which of the pieces that exclusions leave of an occurrence this one is; from 0."""
    pieces = _pieces(window, told.original) if window.exclusions else ()
    return pieces.index(told.piece) if told.piece in pieces else 0


def not_taking_place(window: Window, at: datetime, until: datetime) -> Iterator[Told]:
    """What would be open at an instant, or open by another, and does not, in order."""
    originals = {*_named(window), *islice(_originals(_plain(window), at, until), _MOST_LOOKED_AT)}
    for original in sorted(originals, key=lambda o: o.start):
        is_near = original.start <= until and (original.end is None or original.end > at)
        if is_near and not _pieces(window, original):
            yield Told(original, None, _changes(window, original))


def missing_between(window: Window, begin: datetime, until: datetime) -> Iterator[Told]:
    """What would be open at some time of ``[begin, until)``, and does not take place at all."""
    for told in not_taking_place(window, begin, until):
        if told.original.start < until:
            yield told


def removed_by_exclusions(window: Window, told: Iterable[Told]) -> Iterator[Removed]:
    """What the exclusions took away from occurrences, one after the other."""
    uncut = replace(window, exclusions=())
    whole = {piece for each in told for piece in _pieces(uncut, each.original)}
    for number, exclusion in enumerate(window.exclusions):
        if found := sorted(filter(None, (_overlap(o, exclusion) for o in whole)), key=_start):
            field = f"spec.exclusions[{number}]"
            yield Removed(field, exclusion.reason, tuple(dict.fromkeys(found)))


def without_effect(window: Window) -> Iterator[tuple[str, Override]]:
    """The overrides that name no occurrence, each with its field."""
    known = {original.start for original in _named(window)}
    for number, override in enumerate(window.overrides):
        if override.occurrence not in known:
            yield f"spec.overrides[{number}]", override


def _told(window: Window, piece: Occurrence) -> Told:
    if not (window.overrides or window.exclusions or window.ended_at):
        return Told(piece, piece)
    original = _original(window, piece)
    return Told(original, piece, _changes(window, original))


def _original(window: Window, piece: Occurrence) -> Occurrence:
    """The occurrence that a piece is of; of several that left the same, the last."""
    if isinstance(window.timing, Fixed):
        candidates = list(window.timing.occurrences)
    else:
        regular = occurrence_at(_regular(window), piece.start)
        candidates = [*filter(None, [regular]), *_named(window)]
    return next((o for o in candidates if piece in _pieces(window, o)), piece)


def _originals(window: Window, at: datetime, until: datetime) -> Iterator[Occurrence]:
    """What contains an instant, and what starts after it until another."""
    if (found := occurrence_at(window, at)) is not None:
        yield found
    while (found := next_occurrence(window, at)) is not None and found.start <= until:
        yield found
        at = found.start


def _named(window: Window) -> list[Occurrence]:
    """The occurrences that overrides name, as the calendar has them."""
    plain = _plain(window)
    found = (next_occurrence(plain, o.occurrence - _INSTANT) for o in window.overrides)
    starts = {override.occurrence for override in window.overrides}
    return [o for o in found if o is not None and o.start in starts]


def _plain(window: Window) -> Window:
    """The window as its calendar has it."""
    return replace(window, overrides=(), ended_at=None, exclusions=())


def _regular(window: Window) -> Window:
    """The same, without the occurrences that overrides name."""
    skipped = tuple(Override(override.occurrence, skip=True) for override in window.overrides)
    return replace(_plain(window), overrides=skipped)


def _pieces(window: Window, original: Occurrence) -> tuple[Occurrence, ...]:
    """What becomes of one occurrence."""
    alone = replace(window, timing=Fixed((original,)))
    return tuple(occurrences_between(alone, _BEGIN, _END))


def _changes(window: Window, original: Occurrence) -> tuple[Change, ...]:
    """What changed an occurrence, in the order in which it did."""
    overridden = replace(window, ended_at=None, exclusions=())
    ended = replace(window, exclusions=())
    changes = list(_of_override(window, original))
    if _pieces(overridden, original) != _pieces(ended, original):
        changes.append(Change(Cause.ENDED, "spec.endedAt"))
    for number, exclusion in enumerate(window.exclusions):
        if any(_overlap(piece, exclusion) for piece in _pieces(ended, original)):
            changes.append(Change(Cause.CUT, f"spec.exclusions[{number}]", exclusion.reason))
    return tuple(changes)


def _of_override(window: Window, original: Occurrence) -> Iterator[Change]:
    for number, override in enumerate(window.overrides):
        if override.occurrence == original.start:
            field = f"spec.overrides[{number}]"
            if override.skip:
                yield Change(Cause.SKIPPED, field, override.reason)
            if override.start is not None:
                yield Change(Cause.MOVED, field, override.reason)
            if override.end is not None:
                yield Change(Cause.EXTENDED, field, override.reason)


def _overlap(occurrence: Occurrence, exclusion: Exclusion) -> Occurrence | None:
    start = max(occurrence.start, exclusion.start)
    end = min(occurrence.end or _END, exclusion.end)
    return Occurrence(start, end) if start < end else None


def _start(occurrence: Occurrence) -> datetime:
    return occurrence.start
