"""The windows that a ClusterMaintenanceWindow keeps in namespaces: pure functions.

A child is its parent's: whatever somebody writes into its spec is undone, `suspend`, `endedAt` and
`overrides` too, for these belong into the parent. A window of the same name that has no such
parent is a user's, and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi_maintenance.proof.conditions import Verdict, find
from fastapi_maintenance.windows import API_VERSION, KIND

from .names import CLUSTER_KIND
from .reconcile import Object, Observed, invalid_verdicts, make_status
from .selectors import Labels

_ITS_OWN = ("namespaceSelector", "ttlSecondsAfterFinished")
"""What concerns the parent alone: children go with it."""
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Distribution:
    """A parent's children beside what they should be."""

    desired: int = 0
    """How many namespaces are selected."""
    missing: tuple[str, ...] = ()
    """Namespaces without a child."""
    changed: tuple[Observed, ...] = ()
    """Children that are not what the parent says."""
    superfluous: tuple[Observed, ...] = ()
    """Children in namespaces that are not selected."""
    taken: tuple[str, ...] = ()
    """Namespaces where somebody else's window has the name."""
    right: tuple[Observed, ...] = ()
    """Children that are as they should be."""


def distribute(
    parent: Observed, namespaces: Mapping[str, Labels], named: Iterable[Observed]
) -> Distribution:
    """Compare a parent with the windows of its name in all namespaces.

    An invalid parent changes nothing: its children stay what they were.
    """
    if parent.selector is None:
        return Distribution()
    wanted = {name for name, labels in namespaces.items() if parent.selector.selects(labels)}
    windows = {window.namespace: window for window in named}
    owned = {place: window for place, window in windows.items() if is_child(window, parent)}
    spec = child_spec(parent)
    kept = [owned[place] for place in sorted(owned.keys() & wanted)]
    return Distribution(
        desired=len(wanted),
        missing=tuple(sorted(wanted - windows.keys())),
        changed=tuple(child for child in kept if child.object["spec"] != spec),
        superfluous=tuple(owned[place] for place in sorted(owned.keys() - wanted)),
        taken=tuple(sorted(wanted & (windows.keys() - owned.keys()))),
        right=tuple(child for child in kept if child.object["spec"] == spec),
    )


def is_child(window: Observed, parent: Observed) -> bool:
    """Whether a window belongs to this parent, and not to a former one of its name."""
    owners = window.object["metadata"].get("ownerReferences") or ()
    return any(owner.get("uid") == parent.uid for owner in owners)


def child_spec(parent: Observed) -> Object:
    """What the children's spec should be."""
    spec = parent.object["spec"]
    return {name: value for name, value in spec.items() if name not in _ITS_OWN}


def make_child(parent: Observed, namespace: str) -> Object:
    """The child for a namespace: without labels or annotations, which tools act upon."""
    owner = {
        "apiVersion": API_VERSION,
        "kind": CLUSTER_KIND,
        "name": parent.name,
        "uid": parent.uid,
        "controller": True,
    }
    metadata = {"name": parent.name, "namespace": namespace, "ownerReferences": [owner]}
    child = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
    return {**child, "spec": child_spec(parent)}


def parent_status(parent: Observed, found: Distribution, now: datetime) -> Object:
    """The status that should stand in the cluster for a ClusterMaintenanceWindow."""
    if parent.window is None:
        return make_status(parent, invalid_verdicts(parent), now)
    status = make_status(parent, _verdicts(found), now)
    ready = sum(_is(child, "Ready") for child in found.right)
    status["children"] = {"desired": found.desired, "current": len(found.right), "ready": ready}
    return status


def _verdicts(found: Distribution) -> tuple[Verdict, ...]:
    problem = _problem(found)
    if problem is not None:
        reason, message = problem
        stalled = Verdict("Stalled", True, reason, message)
        return Verdict("Ready", False, reason, message), stalled
    stalled = Verdict("Stalled", False, "Valid", "The window is valid")
    ready = sum(_is(child, "Ready") for child in found.right)
    message = f"{ready} of {found.desired} namespaces have the window"
    if ready < found.desired or found.superfluous:
        return Verdict("Ready", False, "Progressing", message), stalled
    return Verdict("Ready", True, "Distributed", message), stalled


def _problem(found: Distribution) -> tuple[str, str] | None:
    if found.taken:
        places = _few(found.taken)
        return "NameTaken", (
            f"A window of this name that is not its own is in {places}: "
            "delete or rename it there, select other namespaces, or rename this one"
        )
    stalled = [child for child in found.right if _is(child, "Stalled")]
    if stalled:
        said = find(stalled[0].status, "Stalled").get("message", "")
        return "ChildStalled", f"In {_few([child.namespace for child in stalled])}: {said}"
    return None


def _is(child: Observed, kind: str) -> bool:
    """Whether a condition of a child is true for what its spec is now."""
    condition = find(child.status, kind)
    seen = condition.get("observedGeneration") == child.generation
    return seen and condition.get("status") == "True"


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
