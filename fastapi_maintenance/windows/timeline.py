"""What holds for an app at an instant, and until when: the one place that decides.

A process computes a State once and keeps it until the next edge; until then a request costs one
comparison of the clock with two numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from .model import Window, applies_to
from .occurrences import next_occurrence, occurrence_at
from .request import RequestFacts
from .state import OFF, Mode, Opening, Refusal, State, open_end_last, strictest

# How many windows may follow each other without a gap before `until` stops looking further.
_LONGEST_UNION = 64

# How many different sets of refusing windows a state remembers the union of.
_MOST_REMEMBERED = 256


def state_at(windows: Iterable[Window], app: str | None, now: datetime) -> State:
    """What the windows mean for an app at an instant, and until when that holds."""
    # By name, so that of windows that end together every process names the same one.
    concerned = sorted(
        (w for w in windows if not w.suspend and applies_to(w, app)), key=lambda w: w.key
    )
    opened, edges, starts = [], [], []
    for window in concerned:
        if current := occurrence_at(window, now):
            opened.append((window, current.end))
            edges.append(current.end)
        if following := next_occurrence(window, now):
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
        (window.mode is Mode.FULL or not request.is_safe)
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
    window, end = max(refusing, key=lambda pair: open_end_last(pair[1]))
    opening = Opening(window.mode, window.response, f"window={window.key}", end, probes_pass=True)
    return Refusal(opening, _end_of_union(end, [w for w in concerned if w.mode in modes]))


def _end_of_union(end: datetime | None, windows: list[Window]) -> datetime | None:
    """The first instant from `end` on at which none of the windows is open."""
    for _ in range(_LONGEST_UNION):
        if end is None:
            return None
        covering = [o.end for w in windows if (o := occurrence_at(w, end))]
        if not covering:
            return end
        end = max(covering, key=open_end_last)
    return end
