"""Lists of thousands of objects in pages: no more of them than needed is in memory at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .reconcile import Object, slim

PAGE = 500
"""Objects of one request, as kubectl has it."""

Fetch = Callable[..., Awaitable[Any]]
"""Asks for a list by its query, which says the page."""


async def all_pages(fetch: Fetch) -> Object:
    """What one list would have answered; all pages are of the same resource version."""
    items: list[Object] = []
    token = None
    while True:
        page = await fetch({"limit": PAGE} | ({"continue": token} if token else {}))
        items += [slim(item) for item in page["items"]]
        token = page["metadata"].get("continue")
        if not token:
            return {**page, "items": items}
