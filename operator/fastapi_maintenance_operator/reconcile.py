"""What a MaintenanceWindow's status should be: pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from fastapi_maintenance.proof.conditions import Verdict, merge_conditions
from fastapi_maintenance.proof.proving import Proof
from fastapi_maintenance.windows import (
    KIND,
    InvalidWindow,
    Occurrence,
    Window,
    format_instant,
    next_occurrence,
    occurrence_at,
    parse_manifest,
)

from .names import CLUSTER_KIND
from .past import expires_at, last_occurrence
from .selectors import Selector, parse_selector

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


_METADATA = {
    "namespace", "name", "uid", "generation", "resourceVersion", "ownerReferences", "labels",
    "creationTimestamp", "deletionTimestamp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Observed:
    """A MaintenanceWindow as it was seen last, and what it means."""

    object: Object
    window: Window | None
    """None where it is invalid."""
    error: str | None = None
    selector: Selector | None = None
    """Of a valid ClusterMaintenanceWindow: which namespaces it is for."""

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.object["kind"])

    @property
    def namespace(self) -> str:
        """The object's namespace; empty where it belongs to the cluster."""
        return str(self.object["metadata"].get("namespace", ""))

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    @property
    def generation(self) -> int:
        """What the API server counts with each change of the spec."""
        return int(self.object["metadata"]["generation"])

    @property
    def version(self) -> int:
        """The resource version, which grows with time."""
        return int(self.object["metadata"]["resourceVersion"])

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

    @property
    def spec(self) -> Object | None:
        """What its users want."""
        spec: Object | None = self.object.get("spec")
        return spec

    def means_as(self, other: Observed) -> bool:
        """Whether both are the same but for their statuses.

        The generation alone does not say so: while a CRD is replaced, a watch tells of an object
        without the fields that the CRD lacked before.
        """
        if (self.uid, self.generation) != (other.uid, other.generation):
            return False
        return self.spec == other.spec


def read(item: Object, known: Observed | None = None) -> Observed:
    """Understand an object of the API server.

    Args:
        item: The object.
        known: What was understood before; it means the same as long as its generation stays.
    """
    kept = slim(item)
    if known and known.means_as(again := replace(known, object=kept)):
        kept["spec"] = known.object.get("spec")  # one of two that are equal is enough to keep
        return again
    try:
        if item.get("kind") == CLUSTER_KIND:
            return _read_parent(item, kept)
        return Observed(kept, parse_manifest(item))
    except InvalidWindow as error:
        return Observed(kept, None, str(error))


def _read_parent(item: Object, kept: Object) -> Observed:
    """What it means wherever it applies: a window of no namespace in particular."""
    spec = dict(item["spec"])
    selector = parse_selector(spec.pop("namespaceSelector", None))
    window = parse_manifest({**item, "kind": KIND, "spec": spec})
    return Observed(kept, window, selector=selector)


def slim(item: Object) -> Object:
    """What is worth keeping of an object: managedFields and annotations are half of it."""
    metadata = {name: value for name, value in item["metadata"].items() if name in _METADATA}
    return {**item, "metadata": metadata}


def desired_status(
    observed: Observed, fate: Fate, now: datetime, proof: Proof | None = None
) -> Object:
    """The status that should stand in the cluster."""
    proven = proof.verdicts if proof else ()
    if observed.window is None:
        return make_status(observed, (*invalid_verdicts(observed), *proven), now)
    ready = Verdict("Ready", fate is Fate.PLANNED, fate, _FATES[fate])
    status = make_status(observed, (ready, _stalled(fate), *proven), now)
    if proof and proof.processes:
        status["processes"] = proof.processes
    return status


def make_status(observed: Observed, verdicts: Iterable[Verdict], now: datetime) -> Object:
    """A status with these verdicts, and what the calendar says: Active and the occurrences."""
    current, following = _occurrences(observed, now)
    active = _active(observed.window, current, following)
    before = observed.status.get("conditions") or ()
    generation = observed.generation
    status: Object = {
        "observedGeneration": generation,
        "conditions": merge_conditions(before, (*verdicts, active), generation, now),
    }
    found = {"current": current, "next": following, "last": _last(observed, now)}
    return status | {name: _times(each) for name, each in found.items() if each}


def invalid_verdicts(observed: Observed) -> tuple[Verdict, ...]:
    """What is said of a window that means nothing."""
    error = observed.error or ""
    stalled = Verdict("Stalled", True, "Invalid", error)
    return Verdict("Ready", False, "Invalid", error), stalled


def next_edge(observed: Observed, now: datetime) -> datetime | None:
    """The next instant at which the status becomes another by itself, or the window expires."""
    current, following = _occurrences(observed, now)
    edges = [current.end if current else None, following.start if following else None]
    expiry = expires_at(observed.window, now) if observed.window else None
    return min((e for e in (*edges, expiry) if e is not None and e > now), default=None)


def has_expired(observed: Observed, now: datetime) -> bool:
    """Whether the window is to be deleted (``ttlSecondsAfterFinished``)."""
    expiry = expires_at(observed.window, now) if observed.window else None
    return expiry is not None and expiry <= now


def _occurrences(observed: Observed, now: datetime) -> tuple[Occurrence | None, Occurrence | None]:
    window = observed.window
    if window is None or window.suspend:
        return None, None
    return occurrence_at(window, now), next_occurrence(window, now)


def _last(observed: Observed, now: datetime) -> Occurrence | None:
    """As for the others: while a window is suspended, it has no occurrences."""
    window = observed.window
    return None if window is None or window.suspend else last_occurrence(window, now)


def _stalled(fate: Fate) -> Verdict:
    if fate is Fate.PLANNED:
        return Verdict("Stalled", False, "Valid", "The window is valid")
    return Verdict("Stalled", True, fate, _FATES[fate])


def _active(
    window: Window | None, current: Occurrence | None, following: Occurrence | None
) -> Verdict:
    if window is None:
        return Verdict("Active", False, "Invalid", "An invalid window is never active")
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
