"""Processes that a test speaks for, on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kubernetes_asyncio import client, config

from fastapi_maintenance.backends.kubernetes.process import (
    PLURAL,
    Pod,
    Report,
    Self,
    WindowReport,
    new_object,
    spec_of,
)
from fastapi_maintenance.windows import GROUP, VERSION, occurrence_at, parse_manifest
from fastapi_maintenance.windows import PLURAL as WINDOWS
from fastapi_maintenance.windows.scope import scope_of

if TYPE_CHECKING:
    from pathlib import Path

_AT_ONCE = 32
_HEARTBEAT = 60
"""Seconds: who is spoken for once is heard for three minutes, however slow the machine is."""
_MERGE: dict[str, Any] = {"_content_type": "application/merge-patch+json", "_request_timeout": 30}


def acknowledgement(
    item: dict[str, Any], ahead: timedelta = timedelta(0), **changes: Any
) -> WindowReport:
    """What a process says that enforces a window and has nothing in flight."""
    window = parse_manifest(item)
    occurrence = occurrence_at(window, datetime.now(UTC) + ahead)
    assert occurrence is not None
    said: dict[str, Any] = {
        "uid": window.uid,
        "name": window.name,
        "generation": window.generation,
        "scope": scope_of(window),
        "occurrence": occurrence.start,
        "until": occurrence.end,
    }
    return WindowReport(**(said | changes))


@dataclass
class Puppets:
    """MaintenanceProcesses of a namespace that say what the test says."""

    api: client.CustomObjectsApi
    namespace: str
    ahead: timedelta = timedelta(0)
    """By how much their clock is fast."""
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def register(self, name: str, pod: Pod | None = None, *said: WindowReport) -> None:
        """A process of the app orders begins."""
        now = datetime.now(UTC) + self.ahead
        item = new_object(name, Self("orders", pod), Report(said), now)
        item["spec"]["heartbeatSeconds"] = _HEARTBEAT
        async with self.limit:
            await self.api.create_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, item, _request_timeout=30
            )

    async def say(self, name: str, *said: WindowReport) -> None:
        """A process reports."""
        spec = spec_of(Report(said), datetime.now(UTC) + self.ahead)
        patch: Any = {"spec": spec | {"heartbeatSeconds": _HEARTBEAT}}
        async with self.limit:
            await self.api.patch_namespaced_custom_object(
                *(GROUP, VERSION, self.namespace, PLURAL, name, patch),
                **_MERGE,
            )

    async def window(self, name: str) -> dict[str, Any]:
        """A window as it stands."""
        found: dict[str, Any] = await self.api.get_namespaced_custom_object(
            GROUP, VERSION, self.namespace, WINDOWS, name
        )
        return found

    async def list(self) -> list[dict[str, Any]]:
        """All of them, as they stand."""
        found = await self.api.list_namespaced_custom_object(
            GROUP, VERSION, self.namespace, PLURAL, _request_timeout=60
        )
        items: list[dict[str, Any]] = found["items"]
        return items

    async def all(self, names: Iterable[str], verb: str, *arguments: Any) -> None:
        """The same of many processes."""
        await asyncio.gather(*(getattr(self, verb)(name, *arguments) for name in names))


@asynccontextmanager
async def puppets(kubeconfig: Path, namespace: str) -> AsyncIterator[Puppets]:
    """Speak for processes, as an administrator may."""
    api_client = await config.new_client_from_config(str(kubeconfig))
    async with api_client:
        yield Puppets(client.CustomObjectsApi(api_client), namespace)
