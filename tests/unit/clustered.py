"""A cluster that holds still, in memory, for backends that follow one in their own thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import pytest

from fastapi_maintenance.backends.kubernetes import backend as backend_module
from fastapi_maintenance.backends.kubernetes import report_thread
from fastapi_maintenance.backends.kubernetes import watcher as watcher_module
from fastapi_maintenance.backends.kubernetes.identity import Access
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport, Unreachable


class Someone:
    """An identity that never has to prove itself."""

    namespace = "shop"

    def __init__(self, cluster: object) -> None:
        self.key = cluster

    async def access(self) -> Access:
        raise AssertionError("nothing goes over a network here")

    def renew(self, refused: Access) -> None:
        """Nothing is kept."""


class StandingCluster(Transport):
    """Lists what it has, and has nothing to tell after; or is away."""

    def __init__(self, *windows: dict[str, Any], **configmaps: dict[str, str]) -> None:
        self.away = False
        self.forbidden: set[str] = set()
        """Names of ConfigMaps that may not be read."""
        self.listed = 0
        self.windows = list(windows)
        self.configmaps = configmaps
        """Data by name, with underscores for dashes."""

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        if self.away:
            raise Unreachable("connection refused")
        if params.get("fieldSelector", "").removeprefix("metadata.name=") in self.forbidden:
            raise ApiError(403, "configmaps is forbidden")
        self.listed += 1
        return {"items": self._items(path, params), "metadata": {"resourceVersion": "1"}}

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        opened()
        await asyncio.Event().wait()
        yield []

    async def close(self) -> None:
        """There is no connection."""

    def _items(self, path: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        if not path.endswith("/configmaps"):
            return self.windows
        wanted = params["fieldSelector"].removeprefix("metadata.name=")
        found = self.configmaps.get(wanted.replace("-", "_"))
        return [] if found is None else [{"metadata": {"name": wanted}, "data": found}]


def put_into(cluster: Transport, patch: pytest.MonkeyPatch) -> None:
    """Let backends that are made from now on believe that they are in a Pod of a cluster.

    However busy the machine is, what ends with them has ended when they are closed.
    """
    patch.setattr(watcher_module, "_CLOSE_TIMEOUT", 30.0)
    patch.setattr(report_thread, "_PATIENCE", 30.0)
    patch.setattr(backend_module, "find_identity", lambda *_: Someone(cluster))
    patch.setattr(watcher_module, "Transport", lambda *_: cluster)
