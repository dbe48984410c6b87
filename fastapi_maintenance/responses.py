"""What a refused request is answered."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import html
import json
import math
import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from fastapi_maintenance.windows import Announcement, Refusal

DEFAULT_RETRY_AFTER = 3600
"""Seconds, where no end is known."""

JSON, PROBLEM, HTML = OFFERS = ("application/json", "application/problem+json", "text/html")
"""What a refusal can be; of those that a client likes as much, the first."""

_TRY_AGAIN_LATER = 1013
"""WebSocket close code (IANA registry)."""

_LONGEST_ACCEPT = 1024
"""Bytes; what is longer is nobody's preference, and would fill the cache."""

_MOST_REMEMBERED = 64

_QUALITY = r"0?\.\d+|0\.?|1(\.0*)?"

RawHeaders = Iterable[tuple[bytes, bytes]]


# Plain classes, as dataclasses would take longer to make than all the rest of this module.
class Answer:
    """An ASGI application that gives everybody the same answer."""

    __slots__ = ("body", "headers", "refusal", "status_code", "valid_from", "valid_until")

    def __init__(self, refusal: Refusal, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.refusal = refusal
        self.status_code = refusal.opening.response.status_code
        self.headers = headers
        self.body = body
        self.valid_from = -math.inf
        """POSIX seconds."""
        self.valid_until = math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; also as the denial of a WebSocket."""
        denial = "websocket." if scope["type"] == "websocket" else ""
        start = denial + "http.response.start"
        # A list of its own for each: a middleware around may add to it.
        await send({"type": start, "status": self.status_code, "headers": self.headers[:]})
        body = b"" if scope.get("method") == "HEAD" else self.body
        await send({"type": denial + "http.response.body", "body": body})


class Refuser:
    """Words refusals.

    Args:
        retry_after: seconds in ``Retry-After`` where no end is known.
        html_template: a `string.Template` in place of our page. ``$message`` and ``$until`` (ISO
            8601 in UTC, empty where no end is known) are escaped; ``$$`` is a dollar sign.

    Raises:
        ValueError: the template has a placeholder that is not known, or a stray ``$``.
    """

    def __init__(
        self, retry_after: int = DEFAULT_RETRY_AFTER, html_template: str | None = None
    ) -> None:
        self._retry_after = retry_after
        self._page = _our_page() if html_template is None else _page_of_user(html_template)
        self._answers: dict[tuple[int, str], Answer] = {}

    def answer(self, refusal: Refusal, now: float, headers: RawHeaders = ()) -> Answer:
        """The answer at an instant (POSIX seconds) to a request with these headers.

        In the form that its ``Accept`` prefers; JSON, where it does not care.
        """
        media_type = _preferred(headers)
        # An answer keeps its refusal, so that nothing else can get the same id.
        answer = self._answers.get((id(refusal), media_type))
        if answer is None or not answer.valid_from <= now < answer.valid_until:
            answer = self._render(refusal, media_type, now)
            if len(self._answers) >= _MOST_REMEMBERED:
                self._answers.clear()
            self._answers[id(refusal), media_type] = answer
        return answer

    def _render(self, refusal: Refusal, media_type: str, now: float) -> Answer:
        """What everybody may get until ``Retry-After`` is another second."""
        rest = _rest(refusal, now)
        seconds = _retry_after(refusal, rest, self._retry_after)
        if media_type == HTML:
            body = self._page.render(refusal, _patience(rest, seconds))
        elif media_type == PROBLEM:
            body = _encoded(_problem(refusal, seconds))
        else:
            body = _encoded({"detail": refusal.opening.response.message})
        headers = _headers(refusal, media_type, seconds, len(body))
        if media_type == HTML:
            headers += self._page.headers
        answer = Answer(refusal, headers, body)
        if refusal.until is not None and rest is not None:
            answer.valid_from = refusal.until.timestamp() - rest
            answer.valid_until = answer.valid_from + 1
        return answer


async def refuse(response: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal: to a WebSocket as a denial of its handshake, where the server can."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})


def announced(coming: Announcement) -> bytes:
    """The value of ``X-Maintenance`` in an answer before maintenance."""
    ends = f"ends={_iso(coming.end)}, " if coming.end else ""
    return f"starts={_iso(coming.start)}, {ends}mode={coming.mode}".encode()


def _rest(refusal: Refusal, now: float) -> int | None:
    """Whole seconds, rounded up: whoever comes back then is served."""
    if refusal.until is None:
        return None
    return max(1, math.ceil(refusal.until.timestamp() - now))


def _retry_after(refusal: Refusal, rest: int | None, default: int) -> int:
    """Seconds (RFC 9110, 10.2.3)."""
    given = refusal.opening.response.retry_after_seconds
    if given is not None:
        return given
    return default if rest is None else rest


def _patience(rest: int | None, seconds: int) -> int:
    """After how many seconds a page looks again.

    At the end, but for a reader who waits an hour, as it may have moved. Without an end a reader
    should neither wait for an hour, nor should a crowd ask more often than once a minute.
    """
    return min(rest, 3600) if rest is not None else min(max(seconds, 60), 300)


def _headers(
    refusal: Refusal, media_type: str, seconds: int, length: int
) -> list[tuple[bytes, bytes]]:
    """The answer is of this moment alone, so nobody may store it."""
    headers = [
        ("content-type", f"{HTML}; charset=utf-8" if media_type == HTML else media_type),
        ("content-length", str(length)),
        ("retry-after", str(seconds)),
        ("cache-control", "no-store"),
        ("vary", "Accept"),
    ]
    if refusal.opening.source:
        headers.append(("x-maintenance", refusal.opening.source))
    headers.extend(refusal.opening.response.headers)
    return [(n.lower().encode("latin-1"), v.encode("latin-1", "replace")) for n, v in headers]


def _encoded(content: dict[str, Any]) -> bytes:
    return _utf8(json.dumps(content, ensure_ascii=False, separators=(",", ":")))


def _utf8(text: str) -> bytes:
    # Half a surrogate pair in a message must not fail a request.
    return text.encode("utf-8", "replace")


def _problem(refusal: Refusal, seconds: int) -> dict[str, Any]:
    """Problem details (RFC 9457), with members of our own where an end is known."""
    answer = refusal.opening.response
    problem: dict[str, Any] = {"type": "about:blank"}
    with contextlib.suppress(ValueError):  # a status of their own
        problem["title"] = HTTPStatus(answer.status_code).phrase
    problem |= {"status": answer.status_code, "detail": answer.message}
    if refusal.until is not None:
        problem |= {"retryAfterSeconds": seconds, "until": _iso(refusal.until)}
    return problem


def _iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class _Page:
    """A page for people, and the headers that belong to it."""

    def __init__(self, text: str, headers: RawHeaders = ()) -> None:
        self.template = Template(text)
        self.headers = list(headers)

    def render(self, refusal: Refusal, wait: int) -> bytes:
        until = refusal.until
        text = self.template.substitute(
            message=html.escape(refusal.opening.response.message),
            until="" if until is None else _iso(until),
            end="" if until is None else f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            hidden="hidden" if until is None else "",
            wait=wait,
        )
        return _utf8(text)


def _page_of_user(template: str) -> _Page:
    """Their own page; it brings along what it likes, so that we can't say what it may load."""
    page = _Page(template)
    mend = "known are $message and $until, and $$ is a dollar sign"
    try:
        page.template.substitute(message="", until="")
    except KeyError as error:
        raise ValueError(f"html_template: ${error.args[0]} is not known: {mend}") from None
    except ValueError as error:
        raise ValueError(f"html_template: {error}: {mend}") from None
    return page


@functools.cache
def _our_page() -> _Page:
    """Our page, which may run its own script and style, and load nothing (CSP, level 3)."""
    text = Path(__file__).with_name("_page.html").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(text, 'script')}; style-src {_hash(text, 'style')};"
        " base-uri 'none'; form-action 'none'"
    )
    return _Page(text, [(b"content-security-policy", policy.encode())])


def _hash(text: str, element: str) -> str:
    """The CSP source that allows the one element with this name."""
    content = text.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _preferred(headers: RawHeaders) -> str:
    """What a request would like best; several lines are one (RFC 9110, 5.3)."""
    accept = b""
    for name, value in headers:
        if name == b"accept":
            accept = accept + b"," + value if accept else value
    return _negotiated(accept) if accept and len(accept) <= _LONGEST_ACCEPT else JSON


@functools.lru_cache(maxsize=256)
def _negotiated(accept: bytes) -> str:
    """What an ``Accept`` likes best (RFC 9110, 12.5.1); what can't be read is not there.

    Where it likes nothing that we have, a refusal in JSON is better than a 406.
    """
    qualities: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        media_range, quality = _media_range(part)
        qualities[media_range] = max(quality, qualities.get(media_range, 0))

    def liking(media_type: str) -> float:
        whole = media_type.partition("/")[0] + "/*"
        ranges = (media_type, f"{media_type};", whole, "*/*", "*")
        return next((qualities[name] for name in ranges if name in qualities), 0)

    return max(OFFERS, key=liking)


def _media_range(part: str) -> tuple[str, float]:
    """A media range and its quality; one with parameters ends in ``;``, and is less like ours."""
    name, *parameters = (piece.strip() for piece in part.split(";"))
    quality = "1"
    for parameter in filter(None, parameters):
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            quality = value.strip()
        else:
            name = name.removesuffix(";") + ";"
    return (name, float(quality)) if re.fullmatch(_QUALITY, quality) else ("", 0)
