"""What has been proven of a window, as it stands in its status. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi_maintenance.windows import format_instant

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
    until: datetime | None
    """The least end that processes have acknowledged; None: without an end."""
    drained: bool = False
    """Whether `Drained` was true as well."""

    @property
    def fields(self) -> dict[str, str]:
        """What of it stands in ``status.processes``."""
        until = {"until": format_instant(self.until)} if self.until else {}
        return {"scope": self.scope, **until}


def claim_of(status: Mapping[str, Any]) -> Claim | None:
    """The claim that a status makes; None where it makes none, or can't be read."""
    conditions = {c.get("type"): c.get("status") for c in status.get("conditions") or ()}
    processes, current = status.get("processes") or {}, status.get("current") or {}
    if conditions.get("Enforced") != "True" or "scope" not in processes:
        return None
    try:
        until = processes.get("until")
        return Claim(
            str(processes["scope"]),
            datetime.fromisoformat(current["start"]),
            datetime.fromisoformat(until) if until else None,
            drained=conditions.get("Drained") == "True",
        )
    except (KeyError, ValueError):
        return None
