"""MaintenanceProcesses as the operator reads them: what each says of itself. Pure.

Whatever can't be read says nothing, and a process that says nothing is waited for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

KIND, PLURAL = "MaintenanceProcess", "maintenanceprocesses"

MAX_CLOCK_SKEW = timedelta(seconds=2)
"""How far two clocks of a cluster may be apart."""

MISSED_HEARTBEATS = 3
"""So many without a word make a process silent."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_DAY = timedelta(days=1)
_EARLIEST, _LATEST = _NEVER + _DAY, datetime.max.replace(tzinfo=UTC) - _DAY
"""What is told of a time before or behind is told of these, from which one can reckon on."""
_NAME_OF_POD = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
"""No other can be there, and none is asked for: it would be another path of the API server."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The Pod that a process names."""

    name: str
    uid: str
    container: str | None = None
    """None where the process was not told."""
    namespace: str | None = None
    """None where it is that of the process's object."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A request that runs, or other work."""

    method: str
    route: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """What a process says of one window."""

    generation: int
    scope: str = ""
    occurrence: datetime | None = None
    until: datetime | None = None
    """None: without an end."""
    reason: str | None = None
    """Why it lets requests through that the window refuses; None where it does not."""
    in_flight: int = 0
    oldest: Flight | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """One process, by its own word."""

    name: str
    uid: str
    version: str
    """The resourceVersion that was read."""
    app: str | None = None
    pod: Pod | None = None
    renewed: datetime = _NEVER
    """When it wrote last, by its own clock."""
    heartbeat: timedelta = timedelta(0)
    words: Mapping[str, Word] = field(default_factory=dict)
    """By the uid of the window."""

    @property
    def called(self) -> str:
        """What people know it by."""
        return self.pod.name if self.pod else self.name

    @property
    def silent_from(self) -> datetime:
        """When it will have missed too many heartbeats, if no other comes."""
        if self.renewed == _NEVER:
            return _NEVER
        return self.renewed + MISSED_HEARTBEATS * self.heartbeat + MAX_CLOCK_SKEW

    def is_silent(self, now: datetime) -> bool:
        """Whether it has missed too many heartbeats."""
        return now >= self.silent_from

    def is_ahead(self, now: datetime) -> bool:
        """Whether it wrote at a time that is yet to come, so that it ends windows too early."""
        return self.renewed > now + MAX_CLOCK_SKEW


def read_process(item: Mapping[str, Any]) -> Process:
    """Understand an object of the API server; what is not understood is left out."""
    metadata, spec = item["metadata"], item.get("spec") or {}
    words = ((str(each.get("uid")), _word(each)) for each in spec.get("windows") or ())
    return Process(
        name=str(metadata["name"]),
        uid=str(metadata["uid"]),
        version=str(metadata["resourceVersion"]),
        app=spec.get("app"),
        pod=_pod(spec.get("pod")),
        renewed=_instant(spec.get("renewTime")) or _NEVER,
        heartbeat=timedelta(seconds=int(spec.get("heartbeatSeconds") or 0)),
        words={uid: word for uid, word in words if word is not None},
    )


def news_of(process: Process) -> object:
    """What of its word may change a verdict: equal for two heartbeats that say the same."""
    return {
        uid: (w.generation, w.scope, w.occurrence, w.until, w.reason, w.in_flight > 0)
        for uid, w in process.words.items()
    }


def _pod(value: Mapping[str, Any] | None) -> Pod | None:
    if not value or not _NAME_OF_POD.fullmatch(value["name"]):
        return None
    return Pod(value["name"], value["uid"], value.get("container"), value.get("namespace"))


def _word(value: Mapping[str, Any]) -> Word | None:
    occurrence, until = _instant(value.get("occurrence")), _instant(value.get("until"))
    if ("occurrence" in value and not occurrence) or ("until" in value and not until):
        return None
    flights = value.get("oldest") or ()
    return Word(
        generation=int(value["generation"]),
        scope=str(value.get("scope", "")),
        occurrence=occurrence,
        until=until,
        reason=None if value["enforcing"] else str(value.get("reason", "Unsaid")),
        in_flight=int(value["inFlight"]),
        oldest=_flight(flights[0]) if flights else None,
    )


def _flight(value: Mapping[str, Any]) -> Flight | None:
    since = _instant(value.get("since"))
    return Flight(str(value["method"]), str(value["route"]), since) if since else None


def _instant(value: object) -> datetime | None:
    """None where it can't be read: Python is stricter in places than the API server."""
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return min(max(instant, _EARLIEST), _LATEST) if instant.tzinfo else None
