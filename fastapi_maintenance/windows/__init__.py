"""The window model: what a maintenance window means, for the library, the operator and tools.

Pure: no input or output, no Kubernetes, and the present instant is always an argument.
"""

from .documents import load_documents
from .globs import covers, matches
from .manifest import parse_manifest
from .match import SAFE_METHODS, WEBSOCKET, Allow, Match, Network, RequestFacts
from .model import (
    API_VERSION,
    GROUP,
    KIND,
    PLURAL,
    VERSION,
    Fixed,
    InvalidWindow,
    Mode,
    Occurrence,
    Recurring,
    Response,
    Window,
    applies_to,
)
from .plan import HORIZON, format_instant, make_plan, parse_plan
from .schedule import next_occurrence, occurrence_at, occurrences_between
from .state import OFF, Opening, Refusal, State, Timeline, state_at, strictest, switched

__all__ = [
    "API_VERSION",
    "GROUP",
    "HORIZON",
    "KIND",
    "OFF",
    "PLURAL",
    "SAFE_METHODS",
    "VERSION",
    "WEBSOCKET",
    "Allow",
    "Fixed",
    "InvalidWindow",
    "Match",
    "Mode",
    "Network",
    "Occurrence",
    "Opening",
    "Recurring",
    "Refusal",
    "RequestFacts",
    "Response",
    "State",
    "Timeline",
    "Window",
    "applies_to",
    "covers",
    "format_instant",
    "load_documents",
    "make_plan",
    "matches",
    "next_occurrence",
    "occurrence_at",
    "occurrences_between",
    "parse_manifest",
    "parse_plan",
    "state_at",
    "strictest",
    "switched",
]
