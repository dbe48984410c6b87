"""What a test puts in the place of a backend, and of the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi_maintenance.windows import State

from .base import BaseStateBackend, wall_clock

if TYPE_CHECKING:
    from fastapi_maintenance.windows import Timeline


class PinnedBackend(BaseStateBackend):
    """A state that is given.

    Args:
        state: what holds, or windows of which some hold.
        at: the instant (POSIX seconds) at which the clock stands still; None lets it run.
    """

    def __init__(self, state: State | Timeline, at: float | None = None) -> None:
        self._state = state
        self._at = at

    def now(self) -> float:
        """POSIX seconds."""
        return wall_clock() if self._at is None else self._at

    def state(self) -> State:
        """What was given."""
        return self._state if isinstance(self._state, State) else self._state.at(self.now())
