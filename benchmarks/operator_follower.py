"""A watch of the benchmark's own, which sees what the operator writes, and when."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION


def key_of(item: dict[str, Any]) -> str:
    """Namespace and name."""
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def answered(item: dict[str, Any]) -> bool:
    """Whether the status speaks of the spec as it is."""
    seen = (item.get("status") or {}).get("observedGeneration")
    return bool(seen == item["metadata"]["generation"])


def is_open(item: dict[str, Any]) -> bool:
    """Whether the status says so."""
    return "current" in (item.get("status") or {})


class Follower:
    """Watches all windows, and knows of each what its status says and when that came."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api
        self.objects: dict[str, dict[str, Any]] = {}
        self.arrived: dict[str, float] = {}
        self.answered: set[str] = set()
        """Windows whose status speaks of their spec as it is."""
        self.open: set[str] = set()
        """Windows whose status says that they are open."""
        self.events = 0
        self._changed = asyncio.Condition()

    async def follow(self, version: str) -> None:
        """Take every event from a resource version on."""
        url = f"/apis/{GROUP}/{VERSION}/{PLURAL}?watch=true&resourceVersion={version}"
        headers = {"Accept-Encoding": "identity"}
        async with self._api.stream("GET", url, headers=headers, timeout=None) as answer:
            async for line in answer.aiter_lines():
                await self._take(json.loads(line)["object"])

    async def _take(self, item: dict[str, Any]) -> None:
        key = key_of(item)
        self.objects[key] = item
        self.arrived[key] = time.time()
        self.events += 1
        for found, holds in ((self.answered, answered(item)), (self.open, is_open(item))):
            (found.add if holds else found.discard)(key)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, fact: Callable[[], bool], patience: float) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(patience), self._changed:
            await self._changed.wait_for(fact)
