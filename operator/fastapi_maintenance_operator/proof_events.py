"""The Events that a proof is worth, once each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .reconcile import Object, Observed, make_event

_REASONS = {"Enforced": ("WindowEnforced", "Enforce"), "Drained": ("WindowDrained", "Drain")}


def proof_events(observed: Observed, desired: Mapping[str, Any], now: datetime) -> Iterator[Object]:
    """To be recorded after the status was written: not before does anything stand."""
    before = {c["type"]: c["status"] for c in observed.status.get("conditions") or ()}
    for condition in desired["conditions"]:
        kind, status = condition["type"], condition["status"]
        if kind in _REASONS and status == "True" and before.get(kind) != "True":
            reason, action = _REASONS[kind]
            yield make_event(
                observed, desired["current"], reason, action, condition["message"], now
            )
