"""Conditions as the Kubernetes API conventions have them (metav1.Condition): pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi_maintenance.windows import format_instant

Condition = dict[str, Any]

_LONGEST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said under one condition type."""

    type: str
    status: bool | None
    """None is Unknown."""
    reason: str
    message: str

    @property
    def word(self) -> str:
        """The status as conditions spell it."""
        return "Unknown" if self.status is None else str(self.status)


def find(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The condition of a type in a status; empty where there is none."""
    conditions: Iterable[Mapping[str, Any]] = status.get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def merge_conditions(
    previous: Iterable[Mapping[str, Any]],
    verdicts: Iterable[Verdict],
    generation: int,
    now: datetime,
) -> list[Condition]:
    """The conditions for verdicts; ``lastTransitionTime`` moves only where a status does."""
    before = {str(condition.get("type")): condition for condition in previous}
    return [_condition(verdict, before.get(verdict.type), generation, now) for verdict in verdicts]


def _condition(
    verdict: Verdict, before: Mapping[str, Any] | None, generation: int, now: datetime
) -> Condition:
    unmoved = before is not None and before.get("status") == verdict.word
    return {
        "type": verdict.type,
        "status": verdict.word,
        "reason": str(verdict.reason),
        "message": verdict.message[:_LONGEST_MESSAGE],
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"]
        if unmoved and before
        else format_instant(now.replace(microsecond=0)),
    }
