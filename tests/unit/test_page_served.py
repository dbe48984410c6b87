"""How the page is answered with: to whom, with which headers, and how often it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from icalendar import Calendar

from fastapi_maintenance_operator.page import serve, texts
from fastapi_maintenance_operator.page.document import POLICY
from fastapi_maintenance_operator.page.model import Page, make_page
from fastapi_maintenance_operator.page.serve import serve_page
from tests.controlplane.ports import free_port
from tests.python import python
from tests.unit.paged import a_shop, observed

pytestmark = pytest.mark.anyio

OPEN = {"start": "2026-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a machine that does much else takes for a page, its readers wait for it."""
    monkeypatch.setattr(texts, "_PATIENCE", 60.0)


def leader(*windows: Any, processes: Any = ()) -> Any:
    """What works in this term, as far as the page asks for it."""
    return SimpleNamespace(windows=list(windows), processes=list(processes))


@asynccontextmanager
async def served(controller: Any, *, notes: bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    port = free_port()
    async with (
        serve_page(lambda: controller, notes=notes, host="127.0.0.1", port=port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield session


async def read(session: aiohttp.ClientSession, path: str) -> str:
    async with session.get(path) as response:
        assert response.status == 200
        return await response.text()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Page]:
    """All pages that are made from now on."""
    made: list[Page] = []

    def count(*seen: Any) -> Page:
        made.append(make_page(*seen))
        return made[-1]

    monkeypatch.setattr(serve, "make_page", count)
    return made


async def test_the_page_and_the_calendar_come_with_strict_headers() -> None:
    async with served(leader(observed("w", **OPEN))) as session:
        for path, kind in (("/", "text/html"), ("/calendar.ics", "text/calendar")):
            async with session.get(path) as response:
                assert response.content_type == kind
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["Content-Security-Policy"] == POLICY
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_it_can_be_read_and_nothing_else(method: str) -> None:
    async with served(leader()) as session:
        for path in ("/", "/calendar.ics"):
            async with session.request(method, path) as response:
                assert response.status == 405
            async with session.head(path) as response:
                assert (response.status, await response.read()) == (200, b"")


async def test_the_calendar_is_of_a_namespace_where_one_is_named() -> None:
    windows, _ = a_shop()
    async with served(leader(*windows, observed("w", "bank", **OPEN))) as session:
        text = await read(session, "/calendar.ics?namespace=bank")
    places = {str(e["LOCATION"]) for e in Calendar.from_ical(text).walk("VEVENT")}
    assert places == {"bank"}


async def test_notes_are_in_both_or_in_neither() -> None:
    window = observed("w", **OPEN, description="OPS-4")
    for notes in (False, True):
        async with served(leader(window), notes=notes) as session:
            for path in ("/", "/calendar.ics"):
                assert ("OPS-4" in await read(session, path)) is notes


async def test_a_standby_says_so_and_lets_another_replica_be_tried() -> None:
    """A connection that is kept would lead to it again and again."""
    async with served(None) as session:
        for path in ("/", "/calendar.ics"):
            async with session.get(path) as response:
                assert response.status == 503
                assert response.headers["Connection"] == "close"
                assert response.headers["Retry-After"] == "1"
                assert "tand" in await response.text()


async def test_many_readers_share_one_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    made = counted(monkeypatch)
    monkeypatch.setattr(texts, "_FRESH", 600.0)
    async with served(leader(observed("w", **OPEN))) as session:
        pages = {await read(session, "/") for _ in range(5)}
        assert len(made) == len(pages) == 1
        await read(session, "/?zone=Asia/Tokyo")
        assert len(made) == 2


async def test_all_that_is_unknown_is_one_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else whoever can reach the page could have it made as often as he likes."""
    made = counted(monkeypatch)
    monkeypatch.setattr(texts, "_FRESH", 600.0)
    async with served(leader(observed("w", **OPEN))) as session:
        for wish in ("zone", "namespace"):
            pages = {await read(session, f"/?{wish}=x{number}") for number in range(20)}
            assert len(pages) == 1
        assert len(made) == 2
        calendars = {await read(session, f"/calendar.ics?namespace=x{n}") for n in range(20)}
        assert len(calendars) == 1


async def test_nothing_is_shown_or_subscribed_to_of_an_unknown_namespace() -> None:
    async with served(leader(observed("w", **OPEN))) as session:
        text = await read(session, "/?namespace=elsewhere")
        assert "Nothing is known of the namespace" in text
        assert "No window is open" not in text
        assert "calendar.ics" not in text
        assert "VEVENT" not in await read(session, "/calendar.ics?namespace=elsewhere")


async def test_who_asks_while_too_much_is_asked_for_is_told_to_ask_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(texts, "_MOST_MADE", 0)
    async with served(leader(observed("w", **OPEN))) as session:
        for path in ("/", "/calendar.ics"):
            async with session.get(path) as response:
                assert response.status == 503
                assert response.headers["Retry-After"] == "1"
                assert response.headers["Cache-Control"] == "no-store"


async def test_hostile_queries_are_answered_calmly() -> None:
    async with served(leader(observed("w", **OPEN))) as session:
        for query in (
            "zone=%00",
            "zone=../../x",
            "namespace=%F0%9F%98%80<b>",
            "zone=" + "a" * 5000,
        ):
            assert "<b>" not in await read(session, f"/?{query}")


async def test_a_change_is_seen_by_the_next_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_FRESH", 0.0)
    monkeypatch.setattr(texts, "_SHARE", 0)
    controller = leader()
    async with served(controller) as session:
        assert "No window is open" in await read(session, "/")
        controller.windows.append(observed("upgrade", **OPEN))
        assert "upgrade" in await read(session, "/")


def test_nothing_of_the_page_is_loaded_while_it_is_off() -> None:
    code = (
        "import sys, fastapi_maintenance_operator.__main__\n"
        "sys.exit('fastapi_maintenance_operator.page' in sys.modules)"
    )
    python("-c", code)
