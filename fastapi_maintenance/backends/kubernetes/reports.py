"""What a backend's process says of itself, if it is to say anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi_maintenance.windows import State, strictest

from .identity import Identity, PodIdentity
from .process_api import Left
from .report import Account
from .report_thread import Reporting
from .reporter import Source

if TYPE_CHECKING:
    from fastapi_maintenance.backends.base import BaseStateBackend

    from .views import View
    from .watcher import Target


class Reports:
    """The reports of one backend.

    Args:
        backend: whose word lets requests in.
        app: the name by which windows match this process.
        view: the windows that are known here.
        wanted: whether there are to be any.
    """

    def __init__(self, backend: BaseStateBackend, app: str | None, view: View, wanted: bool):
        self.wanted = wanted
        self._backend, self._app, self._view = backend, app, view
        self._account = Account(backend, app)
        self._reporting: Reporting | None = None
        self._leaving: list[Reporting] = []
        """Those that wait for what still runs."""
        self._left = Left()
        """Objects of which nobody knows whether they are gone."""

    @property
    def allow_serving(self) -> bool:
        """Whether the process is registered and has looked since, if it is to report.

        Or whether it can't, since the CRD is not installed: a switch in a ConfigMap works without.
        """
        if not self.wanted:
            return True
        reporter = self._reporting.reporter if self._reporting else None
        return reporter is not None and (reporter.has_vouched or reporter.is_pointless)

    @property
    def trouble(self) -> str | None:
        """Why this process is outside of what others may rely on; None while it reports."""
        reporting = self._reporting
        if reporting is None:
            return "it does not report now" if self.wanted else None
        looked = reporting.reporter.vouches
        return reporting.reporter.trouble.current or (
            None if looked else "it has not looked at all windows yet"
        )

    def begin(self, target: Target) -> None:
        """Register, and report from now on; returns at once."""
        if self.wanted:
            view = self._view
            known = Source(lambda: view.timeline if view.complete else None, lambda: view.unread)
            self._reporting = Reporting(target, self._app, self._account, known, self._left)
            self._leaving = [r for r in self._leaving if not r.reporter.has_left]
            for leaving in self._leaving:
                leaving.reporter.successor = self._reporting.reporter
            self._reporting.start()

    def end(self) -> Reporting | None:
        """What is to be closed when the gate is: it unregisters as soon as nothing runs.

        In one step with the end of the watch, so that whoever begins anew begins both.
        """
        reporting, self._reporting = self._reporting, None
        if reporting is not None:
            self._leaving.append(reporting)
        return reporting

    def forget(self) -> None:
        """Start anew, in the child of a fork."""
        self._account, self._reporting = Account(self._backend, self._app), None
        self._leaving, self._left = [], Left()

    def hold(self, state: State, now: float) -> State:
        """The state with what a clock that stepped back must not end (POSIX seconds)."""
        if now < self._account.held_until:
            state = strictest(state, self._account.held(now))
        return state


def wants_reports(identity: Identity | None, told: bool | None) -> bool:
    """Whether a process reports: as it was told, else in a Pod."""
    if identity is None:
        return False
    return isinstance(identity, PodIdentity) if told is None else told
