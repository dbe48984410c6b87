"""What a MaintenanceWindow's status should be, and what is worth an Event: pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fastapi_maintenance.windows import (
    API_VERSION,
    KIND,
    InvalidWindow,
    Occurrence,
    Window,
    format_instant,
    next_occurrence,
    occurrence_at,
    parse_manifest,
)

from .conditions import Verdict, merge_conditions
from .names import CONTROLLER
from .proof import Proof

Object = dict[str, Any]


class Fate(StrEnum):
    """What became of a valid window in its namespace's plan; the value is Ready's reason."""

    PLANNED = "Planned"
    TOO_LARGE = "PlanTooLarge"
    NOT_WRITTEN = "PlanNotWritten"


_FATES = {
    Fate.PLANNED: "The window is valid and in the plan",
    Fate.TOO_LARGE: "It does not fit into the plan: open it less often, or split the namespace; "
    "applications that watch MaintenanceWindows are not concerned",
    Fate.NOT_WRITTEN: "The plan can't be written; the operator tries again and logs the reason",
}


@dataclass(frozen=True, slots=True)
class Observed:
    """A MaintenanceWindow as it was seen last, and what it means."""

    object: Object
    window: Window | None
    """None where it is invalid."""
    error: str | None = None

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return str(self.object["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.object["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The object's uid."""
        return str(self.object["metadata"]["uid"])

    @property
    def status(self) -> Object:
        """The status that stands in the cluster."""
        return self.object.get("status") or {}


def read(item: Object) -> Observed:
    """Understand an object of the API server."""
    try:
        return Observed(item, parse_manifest(item))
    except InvalidWindow as error:
        return Observed(item, None, str(error))


def desired_status(
    observed: Observed, fate: Fate, now: datetime, proof: Proof | None = None
) -> Object:
    """The status that should stand in the cluster."""
    current, following = _occurrences(observed, now)
    generation = int(observed.object["metadata"]["generation"])
    status: Object = {
        "observedGeneration": generation,
        "conditions": merge_conditions(
            observed.status.get("conditions") or (),
            (
                *_verdicts(observed, fate, current, following),
                *(proof.verdicts if proof else ()),
            ),
            generation,
            now,
        ),
    }
    if current:
        status["current"] = _times(current)
    if following:
        status["next"] = _times(following)
    if proof and proof.processes:
        status["processes"] = proof.processes
    return status


def next_edge(observed: Observed, now: datetime) -> datetime | None:
    """The next instant at which the status becomes another by itself."""
    current, following = _occurrences(observed, now)
    edges = [current.end if current else None, following.start if following else None]
    return min((edge for edge in edges if edge is not None), default=None)


def events(observed: Observed, desired: Mapping[str, Any], now: datetime) -> Iterator[Object]:
    """The Events that a change of status is worth. Their names make each of them happen once."""
    before, after = observed.status.get("current"), desired.get("current")
    if after and not before:
        until = f"until {after['end']}" if "end" in after else "until it is ended"
        yield make_event(observed, after, "WindowOpened", "Open", f"Maintenance {until}", now)
    if before and not after:
        yield make_event(observed, before, "WindowClosed", "Close", "Maintenance is over", now)


def _occurrences(observed: Observed, now: datetime) -> tuple[Occurrence | None, Occurrence | None]:
    window = observed.window
    if window is None or window.suspend:
        return None, None
    return occurrence_at(window, now), next_occurrence(window, now)


def _verdicts(
    observed: Observed,
    fate: Fate,
    current: Occurrence | None,
    following: Occurrence | None,
) -> tuple[Verdict, ...]:
    if observed.window is None:
        error = observed.error or ""
        return (
            Verdict("Ready", False, "Invalid", error),
            Verdict("Stalled", True, "Invalid", error),
            Verdict("Active", False, "Invalid", "An invalid window is never active"),
        )
    return (
        Verdict("Ready", fate is Fate.PLANNED, fate, _FATES[fate]),
        _stalled(fate),
        _active(observed.window, current, following),
    )


def _stalled(fate: Fate) -> Verdict:
    if fate is Fate.PLANNED:
        return Verdict("Stalled", False, "Valid", "The window is valid")
    return Verdict("Stalled", True, fate, _FATES[fate])


def _active(window: Window, current: Occurrence | None, following: Occurrence | None) -> Verdict:
    if window.suspend:
        return Verdict("Active", False, "Suspended", "spec.suspend is true")
    if current:
        until = format_instant(current.end) if current.end else "it is ended"
        return Verdict("Active", True, "Open", f"{window.mode} maintenance until {until}")
    if following:
        message = f"Opens at {format_instant(following.start)}"
        return Verdict("Active", False, "Scheduled", message)
    return Verdict("Active", False, "Finished", "There is no further occurrence")


def _times(occurrence: Occurrence) -> dict[str, str]:
    times = {"start": format_instant(occurrence.start)}
    if occurrence.end is not None:
        times["end"] = format_instant(occurrence.end)
    return times


def make_event(
    observed: Observed,
    occurrence: Mapping[str, str],
    reason: str,
    action: str,
    note: str,
    now: datetime,
) -> Object:
    once = hashlib.sha256(f"{observed.uid}/{occurrence['start']}/{reason}".encode()).hexdigest()
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{observed.name}.{once[:16]}", "namespace": observed.namespace},
        "eventTime": format_instant(now.replace(microsecond=now.microsecond or 1)),
        "reportingController": CONTROLLER,
        "action": action,
        "reason": reason,
        "type": "Normal",
        "note": note,
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": observed.namespace,
            "name": observed.name,
            "uid": observed.uid,
        },
    }
