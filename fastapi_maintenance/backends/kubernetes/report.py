"""What a process may say of itself: which open windows it enforces, and what still runs.

Called while requests run in other threads. A request is counted before it is checked; here windows
are looked at before requests are counted. So whoever was let in because a window was not yet known,
or not yet open, is seen.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from fastapi_maintenance.backends.ledger import Ledger, is_bypassed, ledgers_of
from fastapi_maintenance.windows import (
    OFF,
    Occurrence,
    State,
    Window,
    occurrence_at,
    state_at,
    strictest,
)
from fastapi_maintenance.windows.scope import counts_for, scope_of

from .process import MOST_FLIGHTS, Report, WindowReport, worst_first
from .sources import Unread

if TYPE_CHECKING:
    from fastapi_maintenance.backends.base import BaseStateBackend

logger = logging.getLogger(__name__)

NO_APP_NAME = "NoAppName"
"""The window is for apps by their names, and this process has none."""
MAINTENANCE_MODE_OFF = "MaintenanceModeOff"
"""A `maintenance_mode_off()` block is open, or was, and what it may have let in runs still."""
NO_GATE = "NoGate"
"""This process has middlewares, and none asks this backend."""
NOT_UNDERSTOOD = "NotUnderstood"
"""This version of the window can't be read here; at best an older one is in force."""


class Account:
    """What a process has begun to enforce, and how much it has let in.

    Args:
        backend: whose word lets in.
        app: the name by which windows match this process.
    """

    def __init__(self, backend: BaseStateBackend, app: str | None) -> None:
        self._backend = backend
        self._app = app
        self._has_warned = False
        self._begun: dict[str, tuple[Window, Occurrence]] = {}
        self._held: tuple[tuple[float, State], ...] = ()
        self._accounted = backend.blocks().begun_off
        """Blocks that have turned maintenance off, of which nothing can run any more."""
        self.held_until = -math.inf
        """POSIX seconds: before this, `held` has something to say."""

    def held(self, now: float) -> State:
        """What is refused though a clock that stepped back says "not yet" (POSIX seconds).

        Somebody may have relied on the word that an occurrence has begun, and a migration may run.
        """
        state = OFF
        for start, begun in self._held:
            if now < start:
                state = strictest(state, begun)
        return state

    def look(
        self, windows: Iterable[Window], unread: Iterable[Unread], now: datetime, *, stopping: bool
    ) -> Report:
        """What holds at this moment."""
        blocks_off = self._backend.blocks().begun_off  # first: a later one is for the next look
        if not self._begun:
            self._accounted = blocks_off  # nobody has been told that anything is refused
        misread = {each.uid: each for each in unread}
        concerned = [w for w in windows if counts_for(w, self._app) and w.uid not in misread]
        self._begin(concerned, now)
        # From here on nothing new is let in that an open window refuses; now count what was.
        ledgers, lapses = list(ledgers_of(self._backend)), self.lapses()
        lapse = next((reason for reason in lapses if reason), None)
        if lapse == NO_GATE and self._begun:
            self._warn_of_bypass()
        reports = [self._report(*begun, lapse, ledgers) for begun in self._begun.values()]
        if not any(report.in_flight for report in reports):
            self._accounted = blocks_off
        elif blocks_off != self._accounted:
            reports = [replace(it, reason=it.reason or MAINTENANCE_MODE_OFF) for it in reports]
        reports += [
            WindowReport(each.uid, each.name, each.generation, reason=NOT_UNDERSTOOD)
            for each in misread.values()
        ]
        return Report(worst_first(reports), stopping)

    def lapses(self) -> tuple[str | None, ...]:
        """All reasons for which windows may not be enforced, whichever windows are open."""
        block = MAINTENANCE_MODE_OFF if self._backend.block() is False else None
        bypassed = NO_GATE if is_bypassed(self._backend) else None
        return (block, bypassed, *(ledger.lapse() for ledger in ledgers_of(self._backend)))

    def turns(self) -> tuple[int, ...]:
        """Changes with each reason that comes or goes, though it be gone before the next look."""
        ledgers = ledgers_of(self._backend)
        return (self._backend.blocks().begun, *(ledger.turns for ledger in ledgers))

    def _warn_of_bypass(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.error(
                "this process can't say that it enforces windows: no MaintenanceModeMiddleware "
                "asks this K8sBackend; give the middleware the object itself, alone or in a "
                "sequence beside others"
            )

    def in_flight(self) -> int:
        """How much runs, whatever windows say."""
        ledgers = ledgers_of(self._backend)
        return sum(ledger.running() + ledger.uncounted() for ledger in ledgers)

    def _begin(self, windows: list[Window], now: datetime) -> None:
        """Note what is open, so that no clock closes it again."""
        begun = {}
        for window in windows:
            occurrence = self._held_occurrence(window, now) or _open_occurrence(window, now)
            if occurrence is not None:
                begun[window.uid] = window, occurrence
        self._begun = begun
        self._held = tuple((o.start.timestamp(), self._state(w, o)) for w, o in begun.values())
        self.held_until = max((start for start, _ in self._held), default=-math.inf)

    def _held_occurrence(self, window: Window, now: datetime) -> Occurrence | None:
        """An occurrence that had begun before the clock stepped back, if no edit took it away."""
        if window.uid not in self._begun:
            return None
        start = self._begun[window.uid][1].start
        occurrence = _open_occurrence(window, start) if now < start else None
        return occurrence if occurrence and occurrence.start == start else None

    def _state(self, window: Window, occurrence: Occurrence) -> State:
        """What this window alone refuses while it is open."""
        return state_at([window], self._app, occurrence.start)

    def _report(
        self, window: Window, occurrence: Occurrence, lapse: str | None, ledgers: list[Ledger]
    ) -> WindowReport:
        state = self._state(window, occurrence)
        flights = [flight for ledger in ledgers for flight in ledger.covered(state)]
        return WindowReport(
            uid=window.uid,
            name=window.name,
            generation=window.generation,
            scope=scope_of(window),
            occurrence=occurrence.start,
            until=occurrence.end,
            reason=NO_APP_NAME if state.quiet else lapse,
            in_flight=len(flights) + sum(ledger.uncounted() for ledger in ledgers),
            oldest=tuple(heapq.nsmallest(MOST_FLIGHTS, flights)),
        )


def _open_occurrence(window: Window, now: datetime) -> Occurrence | None:
    return None if window.suspend else occurrence_at(window, now)
