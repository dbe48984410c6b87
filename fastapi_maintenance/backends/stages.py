"""Where the applications of this process are between their start and their end.

A Pod's coming and going is not the state of a fleet: code that turns maintenance off when its
application starts, and on when it ends, as is right for a file of its own, would stop all others
at each rolling update.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, MutableMapping
from contextvars import ContextVar
from enum import Enum
from typing import Any

from .forks import ForkLock

current_connection: ContextVar[tuple[Any, MutableMapping[str, Any]] | None] = ContextVar(
    "fastapi_maintenance_connection", default=None
)
"""The innermost middleware around the code that runs, and the ASGI scope of what it let in; None
outside of any."""


class Stage(Enum):
    """What the lifespan of an application has come to."""

    STARTING = "while this application starts"
    """Between ``lifespan.startup`` and its completion."""
    SERVING = "while this application serves"
    ENDING = "while this application ends"
    """Between ``lifespan.shutdown`` and its completion."""
    ENDED = "after this application has ended"


class Stages:
    """The stages of those applications that have one backend in common."""

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._of: weakref.WeakKeyDictionary[Hashable, Stage] = weakref.WeakKeyDictionary()
        self._said: set[Stage] = set()

    def note(self, owner: Hashable, stage: Stage | None) -> None:
        """An application has come to a stage; None for one without lifespan events, after all."""
        with self._lock:
            if stage is None:
                self._of.pop(owner, None)
            else:
                self._of[owner] = stage
                self._said.discard(stage)

    def begin_anew(self) -> None:
        """Somebody begins with another application, so those that have ended are forgotten."""
        with self._lock:
            for owner in [o for o, stage in self._of.items() if stage is Stage.ENDED]:
                del self._of[owner]

    def transition(self) -> Stage | None:
        """What the application that asks is passing through; None while it serves.

        Of code that runs in none, all of them that the process has decide.
        """
        around = current_connection.get()
        with self._lock:
            own, stages = around and self._of.get(around[0]), set(self._of.values())
        if own is not None or (around is not None and around[1]["type"] != "lifespan"):
            return None if own is Stage.SERVING else own
        if Stage.STARTING in stages or Stage.SERVING not in stages:
            return next((stage for stage in Stage if stage in stages), None)
        return None

    def is_said(self, stage: Stage) -> bool:
        """Whether this was asked before, since that stage began."""
        with self._lock:
            said = stage in self._said
            self._said.add(stage)
            return said


def stages_of(key: Hashable) -> Stages:
    """The stages around a state, which several objects may stand for."""
    with _registering:
        return _shared.setdefault(key, Stages())


_registering = ForkLock()
_shared: weakref.WeakValueDictionary[Hashable, Stages] = weakref.WeakValueDictionary()
