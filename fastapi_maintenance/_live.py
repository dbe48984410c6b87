"""What a gate has let in and what still runs of it: kept while somebody has to be told.

Requests come and go in the event loop; who counts them is in another thread. So each step is one
operation on a dict or a set, and the order of two steps is what makes a count right.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from starlette.types import Scope

from fastapi_maintenance._gates import Gate, configured_backend
from fastapi_maintenance.backends.base import BaseStateBackend, wall_clock
from fastapi_maintenance.backends.ledger import Flight, Ledger
from fastapi_maintenance.windows import State

if TYPE_CHECKING:
    from fastapi_maintenance.backends.pinned import PinnedBackend

    from ._rules import Rules

from ._access import Facts

UNDER_TEST = "UnderTest"
"""A test has put its own state in the place of the backend."""
ENABLE_MAINTENANCE_FALSE = "EnableMaintenanceFalse"
"""The argument says that nothing is refused, whatever the backend says."""

ENABLE_MAINTENANCE_TRUE = "EnableMaintenanceTrue"
"""The argument says that only writes are refused, whatever the backend says."""


class Life:
    """One request, WebSocket or whatever else was let in, from its first moment to its last."""

    __slots__ = ("_has_returned", "_live", "_token", "_work", "facts", "outer", "scope", "since")

    def __init__(self, scope: Scope, live: Live) -> None:
        self.since = wall_clock()
        self.scope = dict(scope)  # a mount changes it on the way
        self.outer = current_life.get()
        """What a gate around ours has let in."""
        self.facts: Facts | None = None
        """The request as decisions see it, once one was made: a route is sought only once."""
        self._live = live
        self._work: set[int] = set()
        self._has_returned = False
        self._token: Token[Life | None] = current_life.set(self)

    def leave(self) -> None:
        """The application has returned; threads may still work for it."""
        with contextlib.suppress(ValueError):  # where it is closed from elsewhere
            current_life.reset(self._token)
        # First this, then the look: a thread that ends does it the other way round.
        self._has_returned = True
        if not self._work:
            self._live.forget_one(self)

    def begin(self, work: int) -> None:
        """Something is about to work for it in a thread."""
        self._work.add(work)

    def end(self, work: int) -> None:
        """That has ended, or never began."""
        self._work.discard(work)
        if self._has_returned and not self._work:
            self._live.forget_one(self)


class Live(Ledger):
    """The ledger of a gate."""

    def __init__(self, gate: Counting) -> None:
        self._gate = gate
        self._lives: dict[int, Life] = {}

    def enter(self, scope: Scope) -> Life:
        """Count a request: before it is checked."""
        life = Life(scope, self)
        self._lives[id(life)] = life
        return life

    def forget_one(self, life: Life) -> None:
        """It runs no more, or is refused."""
        self._lives.pop(id(life), None)

    def refused(self) -> None:
        """Uncount the present request, before its refusal is sent: who hears that may rely on it.

        No gate further in has seen it.
        """
        if (life := current_life.get()) is not None:
            self.forget_one(life)

    def lives(self) -> list[Life]:
        """All that runs."""
        return list(self._lives.values())

    def asks(self, backend: BaseStateBackend) -> bool:
        """Whether the gate asks this backend, alone or beside others."""
        return any(member is backend for member in self.backends())

    def backends(self) -> Sequence[BaseStateBackend]:
        """The gate's own, or those that it was given as one."""
        own = self._gate.given or configured_backend()
        found: Sequence[BaseStateBackend] = getattr(own, "members", (own,))
        return found

    def covered(self, state: State) -> Iterator[Flight]:
        """What runs of that which the state refuses; an exempt handler is not asked again.

        Also connections that maintenance has ended: their endpoints may write until they return.
        """
        for life in self.lives():
            request = life.facts = life.facts or self._gate.facts(life.scope)
            if self._gate.rules.refusal(request, state) is not None:
                yield Flight(life.since, request.method, request.target.template)

    def uncounted(self) -> int:
        """What was let in before anything was counted."""
        return self._gate.uncounted()

    def running(self) -> int:
        """How much runs."""
        return len(self._lives)

    def lapse(self) -> str | None:
        """Why the gate does not ask its backend."""
        if self._gate.pinned is not None:
            return UNDER_TEST
        if self._gate.enable_maintenance and self._gate.rules.read_only:
            return ENABLE_MAINTENANCE_TRUE
        return ENABLE_MAINTENANCE_FALSE if self._gate.enable_maintenance is False else None

    def forget(self) -> None:
        """Start with nothing."""
        self._lives.clear()


class Counting(Gate):
    """A gate, as far as it counts what it lets in."""

    rules: Rules
    pinned: PinnedBackend | None
    enable_maintenance: bool | None

    def __init__(self) -> None:
        self._uncounted = 0
        """Requests that run and were let in before they were kept in mind."""
        self.live = Live(self)

    def facts(self, scope: Scope) -> Facts:
        """A request, as decisions see it."""
        return Facts(scope, self.rules.routes, self.rules.trusted_proxies)

    def in_flight(self) -> int:
        """How many requests run that would be refused now, the one that asks aside.

        What can't be judged afterwards, as an exempt handler's word, counts.
        """
        state, own = self.decide(), own_lives()
        others = [life.scope for life in self.live.lives() if life not in own]
        refused = sum(self.rules.refusal(self.facts(s), state) is not None for s in others)
        return refused + self._uncounted

    def uncounted(self) -> int:
        """How many requests run that were let in before they were kept in mind."""
        return self._uncounted

    def began_unseen(self) -> bool:
        """Whether there are such."""
        return self._uncounted > 0


def own_lives() -> list[Life]:
    """What the code that runs, runs for: as each gate around it has let it in."""
    lives, life = [], current_life.get()
    while life is not None:
        lives.append(life)
        life = life.outer
    return lives


current_life: ContextVar[Life | None] = ContextVar("fastapi_maintenance_life", default=None)
"""What the code that runs, runs for: also in the threads that it starts by way of anyio."""
