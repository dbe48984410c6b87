"""What holds for an app at an instant, and until when: the one place that decides.

A process computes a State once and keeps it until the next edge; until then a request costs one
comparison of the clock with two numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from .closer import Announcer, Closer
from .model import Window, applies_to
from .phases import Phase, phase_at, refusal_of, unknown_phase
from .state import OFF, Mode, State, strictest


def state_at(windows: Iterable[Window], app: str | None, now: datetime) -> State:
    """What the windows mean for an app at an instant, and until when that holds."""
    return _state([phase_at(w, now.timestamp()) for w in concerning(windows, app)])


def next_edge(windows: Iterable[Window], app: str | None, now: datetime) -> datetime | None:
    """The next instant at which anything changes by itself: a start, an end, an announcement."""
    edges = (phase_at(w, now.timestamp()).edge for w in concerning(windows, app))
    return min((edge for edge in edges if edge is not None), default=None)


def concerning(windows: Iterable[Window], app: str | None) -> list[Window]:
    """The windows that may ever mean something for an app.

    By name, so that of windows that end together every process names the same one.
    """
    found = (w for w in windows if not w.suspend and applies_to(w, app))
    return sorted(found, key=lambda w: w.key)


class Timeline:
    """A set of windows (and a switch) with the state they have now, worked out only at an edge.

    Safe to read from any thread: what is known is replaced whole, and says itself when it holds.

    Args:
        windows: those of others may be among them.
        app: for whom.
        switch: what holds beside the windows.
        before: what was known until now, of the same app: of windows that are the same objects
            nothing is worked out again.
    """

    def __init__(
        self,
        windows: Iterable[Window],
        app: str | None,
        switch: State = OFF,
        before: Timeline | None = None,
    ) -> None:
        self.windows = tuple(windows)
        known = {id(phase.window): phase for phase in before._phases} if before else {}
        # All that can be worked out beforehand, so that no request waits for it.
        self._phases: tuple[Phase, ...] = tuple(
            known.get(id(window)) or unknown_phase(window)
            for window in concerning(self.windows, app)
        )
        self._switch = switch
        self._state = State(valid_until=-math.inf)

    def at(self, now: float) -> State:
        """The state at an instant (POSIX seconds), also when the clock stepped back."""
        state = self._state
        if not state.valid_from <= now < state.valid_until:
            phases = self._phases_at(now)
            state = strictest(self._switch, _state(phases))
            self._phases, self._state = phases, state
        return state

    def _phases_at(self, now: float) -> tuple[Phase, ...]:
        """Of each window; asked anew are those only whose own edge has come."""
        return tuple(
            phase
            if phase.valid_from <= now < phase.valid_until
            else phase_at(phase.window, now, phase.course)
            for phase in self._phases
        )


def _state(phases: Sequence[Phase]) -> State:
    plain = [phase for phase in phases if phase.window.for_all]
    full = [phase for phase in plain if phase.window.mode is Mode.FULL]
    writes = refusal_of(plain)
    starts = [phase.following.start for phase in phases if phase.following is not None]
    return State(
        reads=writes if len(full) == len(plain) else refusal_of(full),
        writes=writes,
        closer=_closer(phases) if len(plain) < len(phases) else (),
        announcers=(Announcer(phases),) if any(p.is_announced for p in phases) else (),
        valid_from=max((phase.valid_from for phase in phases), default=-math.inf),
        valid_until=min((phase.valid_until for phase in phases), default=math.inf),
        upcoming=min(starts, default=None),
    )


def _closer(phases: Sequence[Phase]) -> tuple[Closer, ...]:
    """What looks closer, where a window that is not for all is open, or follows without a gap."""
    strongest = refusal_of(phases)
    if strongest is None:
        return ()
    near = [phase for phase in phases if phase.is_open_by(strongest.until)]
    return () if all(phase.window.for_all for phase in near) else (Closer(near),)
