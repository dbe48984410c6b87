"""The Events that a proof is worth, once each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fastapi_maintenance.proof.conditions import find
from fastapi_maintenance.proof.processes import KIND
from fastapi_maintenance.windows import API_VERSION

from .clearing import Removed
from .events import event_about, make_event
from .reconcile import Object, Observed

_REASONS = {"Enforced": ("WindowEnforced", "Enforce"), "Drained": ("WindowDrained", "Drain")}


def proof_events(observed: Observed, desired: Mapping[str, Any], now: datetime) -> Iterator[Object]:
    """To be recorded after the status was written: not before does anything stand."""
    for condition in desired["conditions"]:
        kind, before = condition["type"], find(observed.status, condition["type"])
        proven = condition["status"] == "True" and before.get("status") != "True"
        if kind in _REASONS and proven:
            reason, action = _REASONS[kind]
            cause = (desired["current"]["start"], before.get("lastTransitionTime", ""))
            yield make_event(observed, reason, action, condition["message"], cause, now)


def removal_event(removed: Removed, waiting: Observed | None, now: datetime) -> Object:
    """About the window that waited for the process; about the process itself if none did."""
    process = removed.process
    note, cause = f"{process.called}: {removed.why}", (process.uid,)
    reference = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "namespace": removed.namespace,
        "name": process.name,
        "uid": process.uid,
    }
    if waiting is None:
        return event_about(reference, "ProcessRemoved", "Remove", note, cause, now)
    event = make_event(waiting, "ProcessRemoved", "Remove", note, cause, now)
    return event | {"related": reference}
