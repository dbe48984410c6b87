"""What a run tells an application under test, by its environment, and how that one tells back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from fastapi_maintenance.backends.kubernetes.pace import Pace

PACE, SOURCE, REPORT = "CHAOS_PACE", "CHAOS_SOURCE", "CHAOS_REPORT"
ASKED = "asked for a"
"""In the log, before what the watch asks of the API server."""


def text_of(pace: Pace) -> str:
    """As JSON."""
    return json.dumps(dataclasses.asdict(pace))


def pace_of(text: str) -> Pace:
    """From JSON, which makes lists of tuples."""
    values: dict[str, Any] = json.loads(text)
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Pace(**given)
