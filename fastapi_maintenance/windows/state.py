"""What holds for an app at an instant, and until when: the one place that decides.

A process computes a State once and keeps it until the next edge; until then a request costs one
comparison of the clock with two numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .match import SAFE_METHODS, RequestFacts
from .model import Mode, Response, Window, applies_to
from .schedule import next_occurrence, occurrence_at

# How many windows may follow each other without a gap before `until` stops looking further.
_LONGEST_UNION = 64

# How many different sets of refusing windows a state remembers the union of.
_MOST_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Opening:
    """A reason to refuse requests: a window that is open, or a switch that is on."""

    mode: Mode = Mode.FULL
    response: Response = field(default_factory=Response)
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refused request is told."""

    opening: Opening
    """Of the reasons to refuse it, the one that ends last."""
    until: datetime | None = None
    """When it would be served: the end of the unbroken union of windows that refuse it."""


@dataclass(frozen=True, slots=True)
class State:
    """What holds from `valid_from` until `valid_until` (POSIX seconds)."""

    reads: Refusal | None = None
    """What meets the safe methods GET, HEAD and OPTIONS, whoever sends them."""
    writes: Refusal | None = None
    """What meets every other method, and WebSockets, whoever sends them."""
    closer: tuple[Closer, ...] = ()
    """What looks closer at a request, since an open window is not for all of them."""
    valid_from: float = -math.inf
    valid_until: float = math.inf
    upcoming: datetime | None = None
    """When the next occurrence starts."""
    quiet: bool = field(init=False)
    """Whether every request is served; what refuses reads refuses writes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "quiet", self.writes is None and not self.closer)

    @property
    def strongest(self) -> Refusal | None:
        """The most that any request may meet."""
        found = self.reads or self.writes
        for closer in self.closer:
            found = found or closer.strongest
        return found

    def refusal(self, request: RequestFacts) -> Refusal | None:
        """What meets a request; None where it is served."""
        found = self.reads if request.method in SAFE_METHODS else self.writes
        for closer in self.closer:
            found = _later(found, closer.refusal(request))
        return found


OFF = State()
"""Nothing is refused, and nothing will change that by itself."""


def switched(opening: Opening) -> State:
    """The state of a switch that is on, until somebody turns it off."""
    refusal = Refusal(opening)
    return State(reads=refusal if opening.mode is Mode.FULL else None, writes=refusal)


def strictest(first: State, second: State) -> State:
    """Both states at once: what either refuses is refused, and told by the one that ends last."""
    starts = [state.upcoming for state in (first, second) if state.upcoming]
    return State(
        reads=_later(first.reads, second.reads),
        writes=_later(first.writes, second.writes),
        closer=first.closer + second.closer,
        valid_from=max(first.valid_from, second.valid_from),
        valid_until=min(first.valid_until, second.valid_until),
        upcoming=min(starts, default=None),
    )


def state_at(windows: Iterable[Window], app: str | None, now: datetime) -> State:
    """What the windows mean for an app at an instant, and until when that holds."""
    # By name, so that of windows that end together every process names the same one.
    concerned = sorted(
        (w for w in windows if not w.suspend and applies_to(w, app)), key=lambda w: w.key
    )
    opened, edges, starts = [], [], []
    for window in concerned:
        if current := occurrence_at(window.timing, now):
            opened.append((window, current.end))
            edges.append(current.end)
        if following := next_occurrence(window.timing, now):
            starts.append(following.start)
    plain = [(window, end) for window, end in opened if window.for_all]
    lasting = [window for window in concerned if window.for_all]
    return State(
        reads=_refusal(plain, lasting, (Mode.FULL,)),
        writes=_refusal(plain, lasting, tuple(Mode)),
        closer=(Closer(opened, concerned),) if len(plain) < len(opened) else (),
        valid_from=now.timestamp(),
        valid_until=min((edge.timestamp() for edge in [*edges, *starts] if edge), default=math.inf),
        upcoming=min(starts, default=None),
    )


class Closer:
    """Decides where an open window concerns some requests only; each window for itself."""

    def __init__(
        self, opened: Sequence[tuple[Window, datetime | None]], concerned: Sequence[Window]
    ) -> None:
        self._opened = opened
        self._concerned = concerned
        self._remembered: dict[tuple[int, ...], Refusal] = {}

    @property
    def strongest(self) -> Refusal | None:
        """The most that any request may meet."""
        return _refusal(self._opened, self._concerned, tuple(Mode))

    def refusal(self, request: RequestFacts) -> Refusal | None:
        """What meets a request; None where it is served."""
        if not any(_refuses(window, request) for window, _ in self._opened):
            return None
        refusing = [i for i, w in enumerate(self._concerned) if _refuses(w, request)]
        return self._of_those(tuple(refusing))

    def _of_those(self, refusing: tuple[int, ...]) -> Refusal:
        """The answer where just these windows refuse; until the next edge it stays the same."""
        found = self._remembered.get(refusing)
        if found is None:
            windows = [self._concerned[i] for i in refusing]
            opened = [(window, end) for window, end in self._opened if window in windows]
            found = _refusal(opened, windows, tuple(Mode))
            assert found is not None
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[refusing] = found
        return found


class Timeline:
    """A set of windows (and a switch) with the state they have now, worked out only at an edge.

    Safe to read from any thread: the state is replaced whole.
    """

    def __init__(self, windows: Iterable[Window], app: str | None, switch: State = OFF) -> None:
        self.windows = tuple(windows)
        self._app = app
        self._switch = switch
        self._state = State(valid_until=-math.inf)

    def at(self, now: float) -> State:
        """The state at an instant (POSIX seconds), also when the clock stepped back."""
        state = self._state
        if not state.valid_from <= now < state.valid_until:
            instant = datetime.fromtimestamp(now, UTC)
            state = strictest(self._switch, state_at(self.windows, self._app, instant))
            self._state = state
        return state


def _refuses(window: Window, request: RequestFacts) -> bool:
    """Whether a window, once open, is for this request."""
    return (
        (window.mode is Mode.FULL or request.method not in SAFE_METHODS)
        and window.match.covers(request)
        and not window.allow.lets_through(request)
    )


def _refusal(
    opened: Sequence[tuple[Window, datetime | None]],
    concerned: Sequence[Window],
    modes: tuple[Mode, ...],
) -> Refusal | None:
    """What the open windows of some modes mean for the requests that these modes refuse."""
    refusing = [(window, end) for window, end in opened if window.mode in modes]
    if not refusing:
        return None
    window, end = max(refusing, key=lambda pair: _open_end_last(pair[1]))
    opening = Opening(window.mode, window.response, f"window={window.key}", end, probes_pass=True)
    return Refusal(opening, _end_of_union(end, [w for w in concerned if w.mode in modes]))


def _end_of_union(end: datetime | None, windows: list[Window]) -> datetime | None:
    """The first instant from `end` on at which none of the windows is open."""
    for _ in range(_LONGEST_UNION):
        if end is None:
            return None
        covering = [o.end for w in windows if (o := occurrence_at(w.timing, end))]
        if not covering:
            return end
        end = max(covering, key=_open_end_last)
    return end


def _later(first: Refusal | None, second: Refusal | None) -> Refusal | None:
    if first is None or second is None:
        return first or second
    return max(first, second, key=lambda refusal: _open_end_last(refusal.until))


def _open_end_last(end: datetime | None) -> float:
    """Sorts instants, and an end that nobody knows behind them all."""
    return math.inf if end is None else end.timestamp()
