"""When a tool that waits takes an object for done: kstatus, as Flux and `helm --wait` have it.

The rules are those of sigs.k8s.io/cli-utils/pkg/kstatus for custom resources, written down anew:

1. An object with a deletionTimestamp is being terminated.
2. A status about another generation than that of the spec is in progress.
3. Reconciling=True is in progress, Stalled=True has failed.
4. Ready=True is current; Ready=False or Unknown is in progress. Without Ready, it is current.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a waiting tool makes of an object."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


def kstatus(item: Mapping[str, Any]) -> Outcome:
    """How far an object is."""
    metadata, status = item["metadata"], item.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return Outcome.TERMINATING
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return Outcome.IN_PROGRESS
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    if conditions.get("Reconciling") == "True":
        return Outcome.IN_PROGRESS
    if conditions.get("Stalled") == "True":
        return Outcome.FAILED
    ready = conditions.get("Ready", "True")
    return Outcome.CURRENT if ready == "True" else Outcome.IN_PROGRESS


def kubectl_waits_for(item: Mapping[str, Any], kind: str) -> bool:
    """Whether `kubectl wait --for=condition=…` would go on waiting.

    It compares the generation with that of the condition, else with that of the status.
    """
    status = item.get("status") or {}
    found = next((c for c in status.get("conditions", ()) if c["type"] == kind), None)
    if found is None or found["status"] != "True":
        return True
    seen = found.get("observedGeneration", status.get("observedGeneration"))
    return seen is not None and seen < item["metadata"]["generation"]
