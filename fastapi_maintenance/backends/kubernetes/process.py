"""The MaintenanceProcess: what a process says of itself, as a value and as the object it writes.

Pure. Like a Lease, the object has no status: the process that it is about writes all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fastapi_maintenance.backends.ledger import Flight
from fastapi_maintenance.windows.model import API_VERSION

KIND = "MaintenanceProcess"
PLURAL = "maintenanceprocesses"

MOST_WINDOWS = 128
MOST_FLIGHTS = 5
_LONGEST_ROUTE = 256
_LONGEST_METHOD = 32

BUSY_HEARTBEAT = 10
"""Seconds between two reports while an open window waits for this process."""
IDLE_HEARTBEAT = 60
"""Seconds between two reports otherwise."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The Pod in which a process runs."""

    name: str
    uid: str
    container: str | None = None
    """Nothing in a container tells its name: only where the process was told."""
    namespace: str | None = None
    """Where it is, if elsewhere than the windows that the process follows."""


@dataclass(frozen=True, slots=True)
class Life:
    """What no other process has: a number, in a PID namespace, since a clock tick."""

    pid: int
    start_ticks: int
    """Field 22 of ``/proc/PID/stat`` (proc_pid_stat(5))."""
    namespace: str
    """As ``/proc/self/ns/pid`` names it."""


@dataclass(frozen=True, slots=True)
class Self:
    """Who reports: the same for as long as its object exists."""

    app: str | None
    pod: Pod | None = None
    life: Life | None = None


@dataclass(frozen=True, slots=True)
class WindowReport:
    """One open window, and what the process does about it."""

    uid: str
    name: str
    generation: int
    scope: str = ""
    occurrence: datetime | None = None
    until: datetime | None = None
    """The end as this process knows it; None without one."""
    reason: str | None = None
    """Why it does not enforce the window; None if it does."""
    in_flight: int = 0
    oldest: tuple[Flight, ...] = ()

    @property
    def enforcing(self) -> bool:
        """Whether every new request that the window refuses is refused, from now to `until`."""
        return self.reason is None

    @property
    def is_drained(self) -> bool:
        """Whether the window need not wait for this process any more."""
        return self.enforcing and self.in_flight == 0

    @property
    def claim(self) -> WindowReport:
        """What others rely on, to be told without delay: not how many run, but whether any do."""
        return replace(self, in_flight=min(self.in_flight, 1), oldest=())


@dataclass(frozen=True, slots=True)
class Report:
    """What a process says at one moment."""

    windows: tuple[WindowReport, ...] = ()
    stopping: bool = False

    @property
    def heartbeat_seconds(self) -> int:
        """After how long it is said again, at the latest."""
        busy = self.stopping or any(not window.is_drained for window in self.windows)
        return BUSY_HEARTBEAT if busy else IDLE_HEARTBEAT

    def says_more_than(self, told: Report, now: datetime) -> bool:
        """Whether somebody may wait for, or rely on, what has changed since the last report.

        Not where an occurrence came to its end: that stands in the last report, as `until`.
        """
        before = {w.claim for w in told.windows if w.until is None or w.until > now}
        return self.stopping != told.stopping or before != {w.claim for w in self.windows}


def worst_first(windows: Iterable[WindowReport]) -> tuple[WindowReport, ...]:
    """As many as an object holds; a column of ``kubectl get`` shows the first."""
    ordered = sorted(windows, key=lambda w: (w.enforcing, -w.in_flight, w.name))
    return tuple(ordered[:MOST_WINDOWS])


def new_object(name: str, who: Self, report: Report, now: datetime) -> dict[str, Any]:
    """The object that registers a process."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": _identity(who) | spec_of(report, now),
    }


def spec_of(report: Report, now: datetime) -> dict[str, Any]:
    """The part of the spec that changes; as a merge patch it replaces all windows."""
    return {
        "renewTime": instant(now),
        "heartbeatSeconds": report.heartbeat_seconds,
        "stopping": report.stopping,
        "windows": [_window(window) for window in report.windows],
    }


def life_of(item: dict[str, Any]) -> tuple[str | None, Life | None]:
    """The Pod's uid and the process that an object names; None where it names none."""
    spec = item.get("spec") or {}
    uid, process = (spec.get("pod") or {}).get("uid"), spec.get("process")
    if not process:
        return uid, None
    return uid, Life(process["pid"], process["startTicks"], process["namespace"])


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, as a Lease's renewTime has them."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _identity(who: Self) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if who.app is not None:
        spec["app"] = who.app
    if who.pod is not None:
        spec["pod"] = {"name": who.pod.name, "uid": who.pod.uid}
        if who.pod.container:
            spec["pod"]["container"] = who.pod.container
        if who.pod.namespace:
            spec["pod"]["namespace"] = who.pod.namespace
    if who.life is not None:
        life = who.life
        ticks = {"startTicks": life.start_ticks, "namespace": life.namespace}
        spec["process"] = {"pid": life.pid, **ticks}
    return spec


def _window(window: WindowReport) -> dict[str, Any]:
    item: dict[str, Any] = {
        "uid": window.uid,
        "name": window.name,
        "generation": window.generation,
        "enforcing": window.enforcing,
        "inFlight": window.in_flight,
    }
    optional = {
        "scope": window.scope,
        "occurrence": window.occurrence and instant(window.occurrence),
        "until": window.until and instant(window.until),
        "reason": window.reason,
        "oldest": [_flight(flight) for flight in window.oldest[:MOST_FLIGHTS]],
    }
    return item | {name: value for name, value in optional.items() if value}


def _flight(flight: Flight) -> dict[str, str]:
    return {
        "method": flight.method[:_LONGEST_METHOD],
        "route": flight.route[:_LONGEST_ROUTE],
        "since": instant(datetime.fromtimestamp(flight.since, UTC)),
    }
