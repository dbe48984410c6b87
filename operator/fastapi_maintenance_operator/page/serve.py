"""Answers with the page and the calendar: to GET and HEAD alone, and from memory alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from fastapi_maintenance.windows import make_calendar
from fastapi_maintenance.windows.zones import is_zone
from fastapi_maintenance_operator.controller import Controller
from fastapi_maintenance_operator.listening import listen

from .document import POLICY, render_page, render_standby
from .model import UNKNOWN, Wish, make_page
from .texts import Texts

Leader = Callable[[], Controller | None]
"""What works in this term; None while standing by, or before everything has been seen once."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@asynccontextmanager
async def serve_page(
    leader: Leader, *, notes: bool, host: str | None, port: int
) -> AsyncIterator[None]:
    """Serve ``/`` and ``/calendar.ics`` as long as the block lasts.

    Args:
        leader: gives what is known now.
        notes: whether descriptions and reasons are told.
        host: the address to listen on; None for every one.
        port: its port.
    """
    async with Texts() as texts:
        answers = _Answers(leader, notes, texts)
        routes = [web.get("/", answers.page), web.get("/calendar.ics", answers.calendar)]
        async with listen(routes, host, port):
            yield


class _Answers:
    """What is asked for is told by what is meant: all that is unknown is one and the same."""

    def __init__(self, leader: Leader, notes: bool, texts: Texts) -> None:
        self._leader, self._notes, self._texts = leader, notes, texts

    async def page(self, request: web.Request) -> web.Response:
        if (controller := self._working()) is None:
            return _standby("text/html", render_standby())
        zone = request.query.get("zone", "") or "Etc/UTC"
        namespace = _namespace(request, controller)
        wish = Wish(namespace, zone if is_zone(zone) else UNKNOWN, self._notes)

        def make() -> str:
            seen = controller.windows, controller.processes, datetime.now(UTC), wish
            return render_page(make_page(*seen))

        return _answered(await self._texts.get(("page", namespace, wish.zone), make), "text/html")

    async def calendar(self, request: web.Request) -> web.Response:
        if (controller := self._working()) is None:
            return _standby("text/plain", "standing by\n")
        namespace = _namespace(request, controller)

        def make() -> str:
            seen = [o for o in controller.windows if namespace in ("", o.namespace)]
            windows = [o.window for o in seen if o.window]
            title = "Maintenance"
            title += f" in {namespace}" if namespace not in ("", UNKNOWN) else ""
            return make_calendar(windows, datetime.now(UTC), title=title, notes=self._notes)

        return _answered(await self._texts.get(("calendar", namespace), make), "text/calendar")

    def _working(self) -> Controller | None:
        """The leader; where there is none, what the last one knew is forgotten."""
        if (controller := self._leader()) is None:
            self._texts.forget()
        return controller


def _namespace(request: web.Request, controller: Controller) -> str:
    """The one asked for; all, where none is; UNKNOWN, where nothing is known of it."""
    name = request.query.get("namespace", "")
    is_known = not name or any(o.namespace == name for o in controller.windows)
    is_known = is_known or any(of == name for of, _ in controller.processes)
    return name if is_known else UNKNOWN


def _answered(text: str | None, kind: str) -> web.Response:
    """With a text; without one, too much is asked for at once."""
    if text is not None:
        return _answer(text, kind)
    answer = _answer("too many readers at once: ask again in a second\n", "text/plain", 503)
    answer.headers["Retry-After"] = "1"
    return answer


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
