"""A window as the cluster has it, and what it means now: pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fastapi_maintenance.backends.kubernetes.objects import FIELD_MANAGER, MADE_FOR
from fastapi_maintenance.windows import (
    GROUP,
    KIND,
    Fixed,
    InvalidWindow,
    Occurrence,
    Recurring,
    Window,
    next_occurrence,
    occurrence_at,
    occurrences_between,
    parse_manifest,
)

from ._kinds import CLUSTER_KIND, name_of

Object = dict[str, Any]

_BEGIN = datetime.min.replace(tzinfo=UTC)

OPENED_BY = f"{GROUP}/opened-by"
"""The annotation that says who made a window by `on`, `run` or `schedule`."""
ON, RUN = "on", "run"
"""What windows of the command line are made for, by their label."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One window at an instant."""

    item: Object
    at: datetime
    window: Window | None
    error: InvalidWindow | None = None

    @property
    def name(self) -> str:
        """Of the object."""
        return name_of(self.item)

    @property
    def namespace(self) -> str:
        """Of the object."""
        return str(self.item["metadata"].get("namespace", "default"))

    @property
    def generation(self) -> int:
        """Of the object's spec."""
        return int(self.item["metadata"].get("generation", 0))

    @property
    def current(self) -> Occurrence | None:
        """The occurrence that is open."""
        if self.window is None or self.window.suspend:
            return None
        return occurrence_at(self.window, self.at)

    @property
    def end(self) -> datetime | None:
        """Of the occurrence that is open; None where it has none, or nothing is open."""
        current = self.current
        return current.end if current else None

    @property
    def following(self) -> Occurrence | None:
        """The one that opens next."""
        if self.window is None or self.window.suspend:
            return None
        return next_occurrence(self.window, self.at)

    @property
    def ended(self) -> datetime | None:
        """When the last one was over, of a one-shot window; None where none was."""
        if self.window is None or not isinstance(self.window.timing, Fixed):
            return None
        over = occurrences_between(self.window, _BEGIN, self.at)
        return max((piece.end for piece in over if piece.end), default=None)

    @property
    def zone(self) -> str | None:
        """The time zone of its schedule; None where it has none."""
        return zone_of(self.window) if self.window else None

    @property
    def state(self) -> str:
        """In the words of the condition Active."""
        if self.window is None:
            return "Invalid"
        if self.window.suspend:
            return "Suspended"
        if self.current:
            return "Open"
        return "Scheduled" if self.following else "Finished"

    @property
    def made_for(self) -> str | None:
        """Which verb has made it; None where it was somebody else."""
        labels = self.item["metadata"].get("labels") or {}
        return labels.get(MADE_FOR)

    @property
    def opened_by(self) -> str:
        """Who made it, as far as the object tells: a person, else the program that wrote it."""
        metadata = self.item["metadata"]
        if who := (metadata.get("annotations") or {}).get(OPENED_BY):
            return str(who)
        fields = metadata.get("managedFields") or ()
        writers = [f["manager"] for f in fields if "f:spec" in f.get("fieldsV1", {})]
        return str(writers[0]) if writers else ""


def zone_of(window: Window) -> str | None:
    """The time zone of its schedule; None where it has none."""
    return window.timing.time_zone if isinstance(window.timing, Recurring) else None


def see(item: Object, at: datetime) -> Seen:
    """Understand an object of the API server."""
    try:
        window = parse_manifest(as_window(item))
        return Seen(item, at, replace(window, name=name_of(item)))
    except InvalidWindow as error:
        return Seen(item, at, None, error)


def as_window(item: Object) -> Object:
    """A ClusterMaintenanceWindow as the window that it keeps in a namespace; others as they are.

    Raises:
        InvalidWindow: it does not say in which namespaces.
    """
    spec = item.get("spec")
    if item.get("kind") != CLUSTER_KIND or not isinstance(spec, dict):
        return item
    if not isinstance(spec.get("namespaceSelector"), dict):
        mend = "write namespaceSelector: {matchLabels: {...}}, or {} for every namespace"
        raise InvalidWindow("spec.namespaceSelector", "is no selector", mend)
    kept = {name: value for name, value in spec.items() if name != "namespaceSelector"}
    return {**item, "kind": KIND, "spec": kept}


def parent_of(item: Object) -> str | None:
    """The ClusterMaintenanceWindow that the operator keeps it alike; None: it stands for itself."""
    owners = item["metadata"].get("ownerReferences") or ()
    return next((str(o["name"]) for o in owners if o.get("kind") == CLUSTER_KIND), None)


def marks_of(item: Object) -> str | None:
    """Which tool will bring its fields back, by the marks that it leaves; None: none is known."""
    metadata = item["metadata"]
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    managers = {str(f.get("manager", "")) for f in metadata.get("managedFields") or ()}
    if (
        any(mark.startswith("argocd.argoproj.io/") for mark in marks)
        or "argocd-controller" in managers
    ):
        return "Argo CD"
    if any(".toolkit.fluxcd.io/" in mark for mark in marks) or "kustomize-controller" in managers:
        return "Flux"
    if "meta.helm.sh/release-name" in marks or marks.get("app.kubernetes.io/managed-by") == "Helm":
        return "Helm"
    return None


def warning_of(item: Object, what: str) -> str | None:
    """That a change may not last, where another tool has the window in its hands."""
    tool = marks_of(item)
    if tool is None:
        return None
    source = "the chart's values" if tool == "Helm" else "Git"
    return (
        f"warning: {tool} manages this window: {what} outlives its next sync, but neither a "
        f"`replace` nor a restore; the durable way is to write it in {source}"
    )


MANAGED_BY = {"app.kubernetes.io/managed-by": FIELD_MANAGER}
