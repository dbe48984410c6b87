"""What a refused request is answered."""

from __future__ import annotations

import math

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from fastapi_maintenance.windows import Refusal

DEFAULT_RETRY_AFTER = 3600
"""Seconds, where no end is known."""

_TRY_AGAIN_LATER = 1013
"""WebSocket close code (IANA registry)."""


def make_response(refusal: Refusal, now: float, retry_after: int = DEFAULT_RETRY_AFTER) -> Response:
    """The answer to a request that is refused at an instant (POSIX seconds).

    ``Retry-After`` is in whole seconds (RFC 9110, 10.2.3), rounded up: whoever comes back then is
    served. The answer is of this moment alone, so nobody may store it.
    """
    opening, answer = refusal.opening, refusal.opening.response
    response = JSONResponse({"detail": answer.message}, answer.status_code)
    response.headers["Retry-After"] = str(_seconds(refusal, now, retry_after))
    response.headers["Cache-Control"] = "no-store"
    if opening.source:
        response.headers["X-Maintenance"] = opening.source
    for name, value in answer.headers:
        response.headers.append(name, value)
    return response


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal: to a WebSocket as a denial of its handshake, where the server can."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})


def _seconds(refusal: Refusal, now: float, default: int) -> int:
    if refusal.opening.response.retry_after_seconds is not None:
        return refusal.opening.response.retry_after_seconds
    if refusal.until is None:
        return default
    return max(1, math.ceil(refusal.until.timestamp() - now))
