"""Every state that can be reached, the nearest first, so that a counter-example is short."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from tests.protocol.model import Model
from tests.protocol.values import State


class Found(NamedTuple):
    """What a search has come upon."""

    states: int
    claims: bool
    """Whether `Drained=True` was ever said: else it would be no wonder that it was never wrong."""
    trace: tuple[str, ...] = ()
    """The steps to a state that is wrong; none where there is no such state."""


def search(model: Model) -> Found:
    """Look at all interleavings, until one is wrong."""
    begin = model.begin()
    reached: dict[State, tuple[State, str] | None] = {begin: None}
    waiting, claims = deque([begin]), False
    while waiting:
        state = waiting.popleft()
        claims = claims or model.claims(state)
        if model.is_wrong(state):
            return Found(len(reached), claims, _trace(reached, state))
        for name, following in model.steps(state):
            if following not in reached:
                reached[following] = state, name
                waiting.append(following)
    return Found(len(reached), claims)


def _trace(reached: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    names = []
    while (before := reached[state]) is not None:
        state, name = before
        names.append(name)
    return tuple(reversed(names))
