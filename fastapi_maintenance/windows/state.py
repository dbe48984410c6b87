"""What meets a request while a state holds.

Kept small: every application loads this, and only those that have windows load what they mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from .request import RequestFacts

if TYPE_CHECKING:
    from .closer import Announcer, Closer

DEFAULT_MESSAGE = "Service temporarily unavailable due to maintenance"


class Mode(StrEnum):
    """How much a window refuses."""

    FULL = "Full"
    """Every request."""
    READ_ONLY = "ReadOnly"
    """All but the safe methods GET, HEAD and OPTIONS (RFC 9110, 9.2.1)."""


class Response(NamedTuple):
    """How a refused request is answered."""

    message: str = DEFAULT_MESSAGE
    status_code: int = 503
    retry_after_seconds: int | None = None
    """Overrides the time to the window's end in ``Retry-After``."""
    headers: tuple[tuple[str, str], ...] = ()


class Opening(NamedTuple):
    """A reason to refuse requests: a window that is open, or a switch that is on."""

    mode: Mode = Mode.FULL
    response: Response = Response()
    source: str = ""
    """What refuses, as it stands in ``X-Maintenance``; empty for a switch of the process itself."""
    end: datetime | None = None
    """When this reason ends; None when nobody knows."""
    probes_pass: bool = False
    """Whether health checks pass: failing them would turn planned maintenance into restarts."""

    @property
    def is_window(self) -> bool:
        """Whether a window refuses, rather than a switch."""
        return self.source.startswith("window=")

    @property
    def kind(self) -> tuple[bool, bool]:
        """What decides who is exempt: whether it is a window, and whether probes pass."""
        return self.is_window, self.probes_pass


class Refusal(NamedTuple):
    """What a refused request is told."""

    opening: Opening
    """Of the reasons to refuse it, the one that ends last."""
    until: datetime | None = None
    """When it would be served: the end of the unbroken union of windows that refuse it."""


class Announcement(NamedTuple):
    """What is coming to a request that is served now."""

    start: datetime
    end: datetime | None
    """None when nobody knows."""
    mode: Mode


class State:
    """What holds for a while.

    Args:
        reads: what meets the safe methods GET, HEAD and OPTIONS, whoever sends them.
        writes: what meets every other method, and WebSockets, whoever sends them.
        closer: what looks closer at a request, since windows are not for all of them.
        announcers: what says which windows are coming.
        valid_from: POSIX seconds.
        valid_until: POSIX seconds; from then on something else may hold.
        upcoming: when the next occurrence starts.
        parts: where it is several states at once, one for each kind of reason: what exempts from
            one kind leaves the others as they are.
    """

    __slots__ = (
        "announcers", "calm", "closer", "parts", "quiet", "reads", "upcoming", "valid_from",
        "valid_until", "writes",
    )  # fmt: skip

    def __init__(
        self,
        reads: Refusal | None = None,
        writes: Refusal | None = None,
        closer: tuple[Closer, ...] = (),
        valid_from: float = -math.inf,
        valid_until: float = math.inf,
        upcoming: datetime | None = None,
        announcers: tuple[Announcer, ...] = (),
        parts: tuple[State, ...] = (),
    ) -> None:
        self.reads = reads
        self.writes = writes
        self.closer = closer
        self.valid_from = valid_from
        self.valid_until = valid_until
        self.upcoming = upcoming
        self.quiet = writes is None and not closer
        """Whether every request is served; what refuses reads refuses writes."""
        self.announcers = announcers
        self.parts = parts
        self.calm = self.quiet and not announcers
        """Whether there is nothing to say either."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def strongest(self) -> Refusal | None:
        """The most that any request may meet, until the last that is refused is served."""
        found = [self.reads, self.writes, *(closer.strongest for closer in self.closer)]
        return strongest_of([refusal for refusal in found if refusal is not None])

    def refusal(self, request: RequestFacts) -> Refusal | None:
        """What meets a request; None where it is served."""
        found = self.reads if request.is_safe else self.writes
        for closer in self.closer:
            # It knows of all windows, so that of two that end together its word counts.
            found = later(closer.refusal(request), found)
        return found

    def refusals(self, request: RequestFacts) -> list[Refusal]:
        """What meets a request, once for each kind of reason."""
        found = (state.refusal(request) for state in self.parts or (self,))
        return [refusal for refusal in found if refusal is not None]

    @property
    def kind(self) -> tuple[bool, bool]:
        """Of what kind its reasons are, where all are of one; two of a kind exempt the same."""
        opening = self.writes.opening if self.writes else None
        # What looks closer knows windows alone.
        return opening.kind if opening else (True, True)

    def announcement(self, request: RequestFacts) -> Announcement | None:
        """What is coming to a request that is served now; of several, the soonest."""
        said = (announcer.announcement(request) for announcer in self.announcers)
        return min((coming for coming in said if coming), key=_start, default=None)


OFF = State()
"""Nothing is refused, and nothing will change that by itself."""


def switched(opening: Opening) -> State:
    """The state of a switch that is on, until somebody turns it off."""
    refusal = Refusal(opening)
    return State(reads=refusal if opening.mode is Mode.FULL else None, writes=refusal)


def strictest(first: State, second: State) -> State:
    """Both states at once: what either refuses is refused, and told by the one that ends last."""
    if first is OFF or second is OFF:
        return second if first is OFF else first
    by_kind: dict[tuple[bool, bool], State] = {}
    for part in (*_parts(first), *_parts(second)):
        known = by_kind.get(part.kind)
        by_kind[part.kind] = part if known is None else _both(known, part)
    parts = tuple(by_kind[kind] for kind in sorted(by_kind))
    return _both(first, second, parts if len(parts) > 1 else ())


def _parts(state: State) -> tuple[State, ...]:
    return () if state.quiet else state.parts or (state,)


def _both(first: State, second: State, parts: tuple[State, ...] = ()) -> State:
    starts = [state.upcoming for state in (first, second) if state.upcoming]
    return State(
        reads=later(first.reads, second.reads),
        writes=later(first.writes, second.writes),
        closer=first.closer + second.closer,
        valid_from=max(first.valid_from, second.valid_from),
        valid_until=min(first.valid_until, second.valid_until),
        upcoming=min(starts, default=None),
        announcers=first.announcers + second.announcers,
        parts=parts,
    )


def later(first: Refusal | None, second: Refusal | None) -> Refusal | None:
    """Two refusals of one request: told by the reason that ends last, until both are over.

    Which reason that is does not depend on `until`, since a union is not followed without bounds.
    """
    if first is None or second is None:
        return first or second
    last = max(first, second, key=_ends_last)
    longer = max(first, second, key=_lasts_longest)
    return last if last.until == longer.until else Refusal(last.opening, longer.until)


def latest(refusals: Iterable[Refusal]) -> Refusal | None:
    """Any number of refusals of one request, as one."""
    found: Refusal | None = None
    for refusal in refusals:
        found = later(found, refusal)
    return found


def strongest_of(refusals: Sequence[Refusal]) -> Refusal | None:
    """Refusals of any requests, as one: the strictest reason, and when all are over."""
    if not refusals:
        return None
    opening = max(refusals, key=_is_strictest).opening
    return Refusal(opening, max(refusals, key=_lasts_longest).until)


def _is_strictest(refusal: Refusal) -> tuple[bool, float]:
    return refusal.opening.mode is Mode.FULL, _ends_last(refusal)


def _ends_last(refusal: Refusal) -> float:
    return open_end_last(refusal.opening.end)


def _lasts_longest(refusal: Refusal) -> float:
    return open_end_last(refusal.until)


def _start(announcement: Announcement) -> datetime:
    return announcement.start


def open_end_last(end: datetime | None) -> float:
    """Sorts instants, and an end that nobody knows behind them all."""
    return math.inf if end is None else end.timestamp()
