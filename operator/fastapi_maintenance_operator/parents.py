"""Making a ClusterMaintenanceWindow's children what they should be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

from .children import Distribution, child_spec, make_child
from .reconcile import Object, Observed
from .selectors import Labels

Request = Callable[[], Awaitable[Object | None]]

_AT_ONCE = 8
"""Requests under way at the same time, for each parent."""


class ChildApi(Protocol):
    """What children need of the cluster."""

    async def create_window(self, window: Object) -> Object | None:
        """Make a window; None where one of its name exists, or the namespace is going."""

    async def replace_spec(self, window: Observed, spec: Object) -> Object | None:
        """Let a spec be another; None where the window changed since it was observed."""

    async def delete_window(self, observed: Observed) -> None:
        """Delete a window, unless it has changed since it was observed."""


class Namespaces:
    """The labels of the namespaces that are there to stay."""

    def __init__(self) -> None:
        self.labels: dict[str, Labels] = {}
        self._seen: dict[str, int] = {}

    def observe(self, kind: str | None, item: Object) -> bool:
        """Take an event, or with None an object of a list; whether that was news."""
        metadata = item["metadata"]
        name, version = str(metadata["name"]), int(metadata["resourceVersion"])
        if version <= self._seen.get(name, 0):
            return False
        self._seen[name] = version
        before = self.labels.pop(name, None)
        if kind != "DELETED" and not metadata.get("deletionTimestamp"):
            self.labels[name] = metadata.get("labels") or {}
        return before != self.labels.get(name)

    def replace(self, listed: Iterable[Object], version: int) -> bool:
        """Take a list, and the version at which that was all; whether there was news in it."""
        before = dict(self.labels)
        present = {str(item["metadata"]["name"]) for item in listed}
        for name in [n for n, at in self._seen.items() if n not in present and at <= version]:
            del self._seen[name]
            self.labels.pop(name, None)
        for item in listed:
            self.observe(None, item)
        return before != self.labels


async def settle(
    api: ChildApi, parent: Observed, found: Distribution, take: Callable[[Object], None]
) -> BaseException | None:
    """Create, restore and remove children; `take` is told of each as it is then.

    Returns the first failure; the other requests were made all the same.
    """
    spec = child_spec(parent) if found.changed else {}
    requests: list[Request] = [
        *(partial(api.create_window, make_child(parent, place)) for place in found.missing),
        *(partial(api.replace_spec, child, spec) for child in found.changed),
        *(partial(api.delete_window, child) for child in found.superfluous),
    ]
    limit = asyncio.Semaphore(_AT_ONCE)
    ended = await asyncio.gather(*(_within(limit, r) for r in requests), return_exceptions=True)
    for item in ended:
        if isinstance(item, Mapping):
            take(dict(item))
    return next((each for each in ended if isinstance(each, BaseException)), None)


async def _within(limit: asyncio.Semaphore, request: Request) -> Object | None:
    async with limit:
        return await request()
