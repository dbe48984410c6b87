"""Answers with the page and the calendar: to GET and HEAD alone, and from memory alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from fastapi_maintenance.windows import make_calendar
from fastapi_maintenance_operator.controller import Controller
from fastapi_maintenance_operator.listening import listen

from .document import POLICY, render_page, render_standby
from .model import Wish, make_page

Leader = Callable[[], Controller | None]
"""What works in this term; None while standing by, or before everything has been seen once."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_FRESH = 1.0
"""Seconds for which one rendering serves all who ask for the same, at least."""
_SHARE = 10
"""It serves for so many times as long as it took: of thousands of windows that is half a second."""
_MOST_KEPT = 32
_LONGEST = 63
"""Characters of a namespace's name; longer ones are of none."""

Make = Callable[[Controller], Awaitable[str]]


@asynccontextmanager
async def serve_page(leader: Leader, *, notes: bool, host: str, port: int) -> AsyncIterator[None]:
    """Serve ``/`` and ``/calendar.ics`` as long as the block lasts.

    Args:
        leader: gives what is known now.
        notes: whether descriptions and reasons are told.
        host: the address to listen on.
        port: its port.
    """
    answers = _Answers(leader, notes)
    routes = [web.get("/", answers.page), web.get("/calendar.ics", answers.calendar)]
    async with listen(routes, host, port):
        yield


class _Answers:
    """Renders in a thread, one at a time, and each no more than once a second."""

    def __init__(self, leader: Leader, notes: bool) -> None:
        self._leader, self._notes = leader, notes
        self._kept: dict[tuple[str, ...], tuple[float, str]] = {}
        self._turn = asyncio.Lock()

    async def page(self, request: web.Request) -> web.Response:
        zone = request.query.get("zone", "")[:_LONGEST] or "Etc/UTC"
        wish = Wish(_namespace(request), zone, self._notes)

        def make(controller: Controller) -> Awaitable[str]:
            seen = controller.windows, controller.processes, datetime.now(UTC), wish
            return asyncio.to_thread(lambda: render_page(make_page(*seen)))

        text = await self._made(("page", wish.namespace, wish.zone), make)
        return _answer(text, "text/html") if text else _standby("text/html", render_standby())

    async def calendar(self, request: web.Request) -> web.Response:
        namespace = _namespace(request)

        def make(controller: Controller) -> Awaitable[str]:
            seen = [o for o in controller.windows if namespace in ("", o.namespace)]
            windows = [o.window for o in seen if o.window]
            title = f"Maintenance in {namespace}" if namespace else "Maintenance"
            now, notes = datetime.now(UTC), self._notes
            return asyncio.to_thread(make_calendar, windows, now, title=title, notes=notes)

        text = await self._made(("calendar", namespace), make)
        return _answer(text, "text/calendar") if text else _standby("text/plain", "standing by\n")

    async def _made(self, key: tuple[str, ...], make: Make) -> str | None:
        """A text; None where this replica stands by."""
        async with self._turn:
            controller = self._leader()
            if controller is None:
                self._kept.clear()
                return None
            until, text = self._kept.get(key, (float("-inf"), ""))
            began = time.monotonic()
            if began > until:
                text = await make(controller)
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                took = time.monotonic() - began
                self._kept[key] = began + max(_FRESH, _SHARE * took), text
            return text


def _namespace(request: web.Request) -> str:
    return request.query.get("namespace", "")[: _LONGEST + 1]


def _answer(text: str, kind: str, status: int = 200) -> web.Response:
    return web.Response(
        body=text.encode(),
        status=status,
        headers={**_HEADERS, "Content-Type": f"{kind}; charset=utf-8"},
    )


def _standby(kind: str, text: str) -> web.Response:
    """A load balancer may try another replica, and a client's next connection reach one."""
    answer = _answer(text, kind, 503)
    answer.headers["Retry-After"] = "1"
    answer.force_close()
    return answer
