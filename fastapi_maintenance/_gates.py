"""The middlewares of this process, and which of them is around the code that runs."""

from __future__ import annotations

import weakref

from fastapi_maintenance.backends.base import BaseStateBackend
from fastapi_maintenance.backends.env import EnvVarBackend
from fastapi_maintenance.backends.forks import ForkLock
from fastapi_maintenance.backends.stages import current_connection
from fastapi_maintenance.windows import State


class Gate:
    """A middleware, as those see it who ask it from elsewhere."""

    given: BaseStateBackend | None
    """Its own backend, if it was given one."""

    @property
    def backend(self) -> BaseStateBackend:
        """The backend that it asks."""
        raise NotImplementedError

    def decide(self) -> State:
        """What holds behind it now."""
        raise NotImplementedError

    def in_flight(self) -> int:
        """How many requests run that it would refuse now, the one that asks aside."""
        raise NotImplementedError

    def hurry(self) -> None:
        """Find out whether requests may pass with a glance while nothing is refused."""
        raise NotImplementedError

    def began_unseen(self) -> bool:
        """Whether requests run that it let in before it kept them in mind."""
        raise NotImplementedError


known: weakref.WeakSet[Gate] = weakref.WeakSet()
"""All middlewares; threads may make some meanwhile, so that `all_known` lists them."""
_listing = ForkLock()


def add(gate: Gate) -> None:
    """Know a new middleware."""
    with _listing:
        known.add(gate)


def all_known() -> list[Gate]:
    """All middlewares that there are now."""
    with _listing:
        return list(known)


tracking = False
"""Whether middlewares keep in mind what they have let in, as some of our functions need."""

forcing = False
"""Whether anything in this process is forced on: only then is a route looked up while off."""

environment = EnvVarBackend()
configured: BaseStateBackend | None = None
"""The backend that was configured last."""


_late = False
"""Whether that began only when there were middlewares, as with an import in a function."""


def track() -> None:
    """Let all middlewares keep in mind what they let in from now on."""
    global tracking, _late
    _late = _late or (not tracking and len(known) > 0)
    tracking = True
    for gate in all_known():
        gate.hurry()


def force() -> None:
    """Let all middlewares look up routes from now on, also while nothing is refused."""
    global forcing
    forcing = True
    for gate in all_known():
        gate.hurry()


def current_gate() -> Gate | None:
    """The innermost middleware around the code that runs; None outside of any."""
    entered: tuple[Gate, object] | None = current_connection.get()
    if entered is None and _late and len(gates := all_known()) == 1 and gates[0].began_unseen():
        return gates[0]  # it let in what asks before it began to keep that in mind
    return None if entered is None else entered[0]


def configured_backend() -> BaseStateBackend:
    """The backend of a middleware that was given none: the last configured, else env."""
    return configured or environment
