"""Lists of thousands of objects in pages: no more of them than needed is in memory at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from .reconcile import Object, slim

PAGE = 500
"""Objects of one request, as kubectl has it."""

Fetch = Callable[..., Awaitable[Any]]
"""Asks for a list by its query, which says the page."""


async def pages_of(fetch: Fetch) -> AsyncIterator[tuple[list[Object], int]]:
    """The objects of each page, and the resource version, which all pages have in common."""
    token = None
    while True:
        page = await fetch({"limit": PAGE} | ({"continue": token} if token else {}))
        yield [slim(item) for item in page["items"]], int(page["metadata"]["resourceVersion"])
        token = page["metadata"].get("continue")
        if not token:
            return
