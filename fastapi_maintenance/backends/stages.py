"""Where the applications of this process are between their start and their end.

A Pod's coming and going is not the state of a fleet: code that turns maintenance off when its
application starts, and on when it ends, as is right for a file of its own, would stop all others
at each rolling update.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from enum import Enum


class Stage(Enum):
    """What the lifespan of an application has come to."""

    STARTING = "while this application starts"
    """Between ``lifespan.startup`` and its completion."""
    SERVING = "while this application serves"
    ENDING = "while this application ends"
    """From ``lifespan.shutdown`` on."""


class Stages:
    """The stages of those applications that have one backend in common."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: weakref.WeakKeyDictionary[Hashable, Stage] = weakref.WeakKeyDictionary()
        self._said: set[Stage] = set()

    def note(self, owner: Hashable, stage: Stage | None) -> None:
        """An application has come to a stage; None for one without lifespan events, after all."""
        with self._lock:
            if stage is None:
                self._of.pop(owner, None)
            else:
                self._of[owner] = stage
            self._said.discard(Stage.STARTING if stage is not Stage.STARTING else Stage.ENDING)

    def transition(self) -> Stage | None:
        """STARTING or ENDING, if that is what this process does; an application serves else."""
        with self._lock:
            stages = set(self._of.values())
        if Stage.STARTING in stages:
            return Stage.STARTING
        return Stage.ENDING if stages == {Stage.ENDING} else None

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


_registering = threading.Lock()
_shared: weakref.WeakValueDictionary[Hashable, Stages] = weakref.WeakValueDictionary()
