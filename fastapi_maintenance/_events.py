"""Which responses may be streams of server-sent events, so that they are to be looked at."""

from __future__ import annotations

import sys
from typing import Any

from starlette.types import Message, Scope

from ._layers import routes_below

_EVENT_STREAM = b"text/event-stream"
"""The media type of server-sent events (HTML, 9.2)."""

ASKS_FOR_EVENTS = (b"accept", _EVENT_STREAM)
"""What an EventSource sends (HTML, 9.2)."""

TO_OBSERVE = 256
"""Responses that show whether an application streams events to those who do not ask for them: to
look at each message costs a percent or two, so one that streams none is spared."""

SAMPLE_EVERY = 64
"""After those one of so many is looked at, as it may stream events later."""


def streams_events(app: Any) -> bool:
    """Whether an application is made to stream events, as far as that shows before it does."""
    return "sse_starlette" in sys.modules or any(map(_has_event_streams, routes_below(app)))


def _has_event_streams(route: Any) -> bool:
    given = getattr(route, "response_class", None)
    kind = getattr(given, "value", given)  # FastAPI's defaults are wrapped
    return getattr(kind, "media_type", None) == _EVENT_STREAM.decode()


def seldom_streams_events(scope: Scope) -> bool:
    """Whether a request is none of those that event streams answer: EventSource's, and POST."""
    return scope["method"] == "GET" and ASKS_FOR_EVENTS not in scope.get("headers", ())


def is_event_stream(message: Message) -> bool:
    """Whether the start of a response is that of a stream of events."""
    for name, value in message.get("headers", ()):
        if name == b"content-length":  # a stream has none
            return False
        if name == b"content-type":  # in lower case (ASGI)
            return bool(value.startswith(_EVENT_STREAM))
    return False
