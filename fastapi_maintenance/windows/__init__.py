"""The window model: what a maintenance window means, for the library, the operator and tools.

Pure: no input or output, no Kubernetes, and the present instant is always an argument. What
windows themselves are loads when it is first used: many applications have a switch alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .globs import covers, matches
from .request import SAFE_METHODS, WEBSOCKET, RequestFacts
from .state import (
    DEFAULT_MESSAGE,
    OFF,
    Announcement,
    Mode,
    Opening,
    Refusal,
    Response,
    State,
    strictest,
    switched,
)

if TYPE_CHECKING:
    from .calendar import CALENDAR_HORIZON, make_calendar
    from .documents import load_documents
    from .manifest import parse_manifest
    from .match import Allow, Match, Network
    from .model import (
        API_VERSION,
        GROUP,
        KIND,
        PLURAL,
        VERSION,
        Exclusion,
        Fixed,
        InvalidWindow,
        Occurrence,
        Override,
        Recurring,
        Window,
        applies_to,
    )
    from .occurrences import next_occurrence, occurrence_at, occurrences_between
    from .plan import HORIZON, format_duration, format_instant, make_plan, parse_plan, plan_schema
    from .timeline import Timeline, next_edge, state_at

__all__ = [
    "API_VERSION",
    "CALENDAR_HORIZON",
    "DEFAULT_MESSAGE",
    "GROUP",
    "HORIZON",
    "KIND",
    "OFF",
    "PLURAL",
    "SAFE_METHODS",
    "VERSION",
    "WEBSOCKET",
    "Allow",
    "Announcement",
    "Exclusion",
    "Fixed",
    "InvalidWindow",
    "Match",
    "Mode",
    "Network",
    "Occurrence",
    "Opening",
    "Override",
    "Recurring",
    "Refusal",
    "RequestFacts",
    "Response",
    "State",
    "Timeline",
    "Window",
    "applies_to",
    "covers",
    "format_duration",
    "format_instant",
    "load_documents",
    "make_calendar",
    "make_plan",
    "matches",
    "next_edge",
    "next_occurrence",
    "occurrence_at",
    "occurrences_between",
    "parse_manifest",
    "parse_plan",
    "plan_schema",
    "state_at",
    "strictest",
    "switched",
]

_MODULES = {
    **dict.fromkeys(("HORIZON", "format_duration", "format_instant"), "plan"),
    **dict.fromkeys(("make_plan", "parse_plan", "plan_schema"), "plan"),
    **dict.fromkeys(("next_occurrence", "occurrence_at", "occurrences_between"), "occurrences"),
    **dict.fromkeys(("Allow", "Match", "Network"), "match"),
    **dict.fromkeys(("Timeline", "next_edge", "state_at"), "timeline"),
    **dict.fromkeys(("CALENDAR_HORIZON", "make_calendar"), "calendar"),
    "load_documents": "documents",
    "parse_manifest": "manifest",
}
"""Where a name is that loads when it is first used; in `model`, if it does not stand here."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'model')}"), name)
