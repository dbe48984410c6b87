"""What each application of a process makes of what the process knows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from fastapi_maintenance.backends.base import state_of_word
from fastapi_maintenance.windows import OFF, State, Timeline, Window, strictest

from .sources import SWITCH_CONFIGMAP, Unread

SWITCH_KEY = "maintenance"

logger = logging.getLogger(__name__)


class Known(NamedTuple):
    """What is known of a target; replaced whole."""

    namespace: str
    windows: tuple[Window, ...] = ()
    words: Mapping[str, str] | None = None
    """The switch's; None where no switch is followed."""
    complete: bool = False
    """Whether everything that is followed has been listed."""
    unread: tuple[Unread, ...] = ()
    """Windows that could not be understood: of those an older version is in force, if any."""


class View:
    """What is known, as it concerns one app. It outlives whoever fills it."""

    def __init__(self, app: str | None) -> None:
        self.timeline: Timeline | None = None
        """None before anything is known; replaced whole."""
        self.complete = False
        """Whether all that is followed has been listed once; else there may be more windows."""
        self.unread: tuple[Unread, ...] = ()
        """Windows that could not be understood."""
        self._app = app
        self._switch = Switch(app)
        self._windows: tuple[Window, ...] | None = None
        self._state: State = OFF

    @property
    def rejected(self) -> int:
        """Words of the switch that could not be understood."""
        return len(self._switch.rejected)

    def take(self, known: Known) -> None:
        """Take what is known now. What it means is worked out when somebody asks: events may come
        by the dozen, and often change nothing here."""
        state = OFF if known.words is None else self._switch.read(known.words, known.namespace)
        if known.windows is not self._windows or state != self._state or self.timeline is None:
            self.timeline = Timeline(known.windows, self._app, state, self.timeline)
            self._windows, self._state = known.windows, state
        self.unread = known.unread
        self.complete = self.complete or known.complete


class Switch:
    """What the words of the ConfigMap mean for an app: one for all apps, and one of its own.

    On if any of the two is on; the strictest wins. Garbage leaves a word's last meaning in force.
    """

    def __init__(self, app: str | None) -> None:
        keys = (SWITCH_KEY, f"{SWITCH_KEY}.{app}") if app else (SWITCH_KEY,)
        self.rejected: dict[str, str] = {}
        """Keys whose words are none of the known ones, and why."""
        self._states: dict[str, State] = dict.fromkeys(keys, OFF)

    def read(self, words: Mapping[str, str], namespace: str) -> State:
        """What the switch says now."""
        combined = OFF
        for key in self._states:
            self._read_one(key, words.get(key), f"configmap={namespace}/{SWITCH_CONFIGMAP}")
            combined = strictest(combined, self._states[key])
        return combined

    def _read_one(self, key: str, word: str | None, source: str) -> None:
        try:
            state = state_of_word(word, source=source, probes_pass=True) if word else OFF
        except ValueError as error:
            if self.rejected.get(key) != str(error):
                logger.error("%s: %s; what it said before stays", key, error)
            self.rejected[key] = str(error)
        else:
            self._states[key] = state
            self.rejected.pop(key, None)
