"""What looks at the request, where windows are not for all of them."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from .phases import Phase, refusal_of, refuses
from .request import RequestFacts
from .state import Announcement, Mode, Refusal, strongest_of

# How many different sets of refusing windows a state remembers the union of.
_MOST_REMEMBERED = 256


class Closer:
    """Decides where a window concerns some requests only; each window for itself."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self._phases = phases
        self._opened = [phase.window for phase in phases if phase.current is not None]
        self._remembered: dict[tuple[int, ...], Refusal] = {}

    @functools.cached_property
    def strongest(self) -> Refusal | None:
        """The most that any request may meet, until the last that is refused is served."""
        full = [phase for phase in self._phases if phase.window.mode is Mode.FULL]
        found = (refusal_of(full), refusal_of(self._phases))
        return strongest_of([refusal for refusal in found if refusal is not None])

    def refusal(self, request: RequestFacts) -> Refusal | None:
        """What meets a request; None where it is served."""
        if not any(refuses(window, request) for window in self._opened):
            return None
        refusing = [i for i, p in enumerate(self._phases) if refuses(p.window, request)]
        return self._of_those(tuple(refusing))

    def _of_those(self, refusing: tuple[int, ...]) -> Refusal:
        """The answer where just these windows refuse; until the next edge it stays the same."""
        found = self._remembered.get(refusing)
        if found is None:
            found = refusal_of([self._phases[i] for i in refusing])
            assert found is not None
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[refusing] = found
        return found


class Announcer:
    """Says which occurrence is coming to a request."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        coming = [(p.following, p.window) for p in phases if p.is_announced and p.following]
        coming.sort(key=lambda pair: pair[0].start)
        self._coming = [(window, Announcement(o.start, o.end, window.mode)) for o, window in coming]

    def announcement(self, request: RequestFacts) -> Announcement | None:
        """The soonest that would refuse it."""
        return next((coming for window, coming in self._coming if refuses(window, request)), None)
