"""Refusals with the CORS headers that the application itself would send.

Starlette's middleware that is added last stands outermost. Where that is the gate, a refusal
would never pass the application's CORSMiddleware, and a browser would report a network error.
"""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from ._layers import layers

if TYPE_CHECKING:
    from starlette.middleware.cors import CORSMiddleware


def find_cors(app: ASGIApp) -> CORSMiddleware | None:
    """The CORSMiddleware that an application has inside of the gate."""
    cors = sys.modules.get("starlette.middleware.cors")  # who has one has imported it
    found = (layer for layer in layers(app) if cors and isinstance(layer, cors.CORSMiddleware))
    return next(found, None)


def with_cors(cors: CORSMiddleware | None, answer: ASGIApp) -> ASGIApp:
    """An answer as if it came from within; it answers preflights as the application does."""
    if cors is None:
        return answer
    around = copy.copy(cors)
    around.app = answer
    return around
