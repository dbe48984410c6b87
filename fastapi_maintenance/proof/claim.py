"""What has been proven of a window, as it stands in its status. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi_maintenance.windows import format_instant

from .conditions import find
from .processes import MAX_CLOCK_SKEW

LONGEST_ROUND = timedelta(seconds=5)
"""A round that has taken longer from the list to the write is dropped."""

MARGIN = LONGEST_ROUND + MAX_CLOCK_SKEW
"""So long before a process may stop to refuse, nothing is said that needs it to."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`Enforced` was true for a scope and an occurrence, and holds until then."""

    scope: str
    occurrence: datetime
    generation: int
    """Of the window that it was written for."""
    until: datetime | None
    """The least end that a process may know of; None: without an end."""
    drained: bool = False
    """Whether `Drained` was true as well."""

    @property
    def fields(self) -> dict[str, str]:
        """What of it stands in ``status.processes``."""
        until = {"until": format_instant(self.until)} if self.until else {}
        return {"scope": self.scope, **until}


def claim_of(item: Mapping[str, Any]) -> Claim | None:
    """The claim that a window's status makes; None where it makes none, or can't be read.

    Nor where it is older than the window: it was restored, and is that of another uid.
    """
    status, metadata = item.get("status") or {}, item["metadata"]
    enforced, drained = find(status, "Enforced"), find(status, "Drained")
    processes, current = status.get("processes") or {}, status.get("current") or {}
    if enforced.get("status") != "True" or "scope" not in processes:
        return None
    try:
        said = datetime.fromisoformat(enforced["lastTransitionTime"])
        if said + MAX_CLOCK_SKEW < datetime.fromisoformat(metadata["creationTimestamp"]):
            return None
        until = processes.get("until")
        return Claim(
            str(processes["scope"]),
            datetime.fromisoformat(current["start"]),
            int(enforced["observedGeneration"]),
            datetime.fromisoformat(until) if until else None,
            drained=drained.get("status") == "True",
        )
    except (KeyError, ValueError):
        return None
