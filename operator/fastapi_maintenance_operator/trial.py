"""``python -m fastapi_maintenance_operator.trial NAMESPACE … NAME``: does the operator answer?

In each namespace a window that opens in a year, for an app of the same name that nobody has, is
applied; it has to become Ready; and it is deleted, whatever happens. ``helm test`` runs this.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes_asyncio import client

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .access import NoCluster, log_in
from .api import FAILURES, message_of

SECONDS = float(os.environ.get("FASTAPI_MAINTENANCE_TRIAL_SECONDS", "120"))
"""How long the operator may take; one that has just been installed has to start."""

_POLL_SECONDS = 0.5
_REQUEST_SECONDS = 10
_AHEAD = timedelta(days=365)
_APPLY: dict[str, Any] = {
    "field_manager": "fastapi-maintenance-trial",
    "force": True,
    "_content_type": "application/apply-patch+yaml",
    "_request_timeout": _REQUEST_SECONDS,
}


def main() -> None:
    """Say what is; exit 1 where a window is not Ready in time, or may not be written."""
    _, *namespaces, name = sys.argv
    try:
        complaints = asyncio.run(_try_all(namespaces, name))
    except NoCluster as error:
        sys.exit(str(error))
    if any(complaints):
        sys.exit("\n".join(filter(None, complaints)))


class NotReady(Exception):
    """The operator did not say Ready; what it said instead, and where to look."""


async def _try_all(namespaces: list[str], name: str) -> list[str]:
    """What is wrong in each namespace; empty where nothing is."""
    async with client.ApiClient(await log_in()) as api_client:
        api = client.CustomObjectsApi(api_client)
        return await asyncio.gather(*(_complaint(_Window(api, each, name)) for each in namespaces))


async def _complaint(window: _Window) -> str:
    try:
        await _try(window)
    except FAILURES as error:
        return f"{window.called}: {message_of(error)}"
    except NotReady as error:
        return f"{window.called}: {error}"
    print(f"MaintenanceWindow {window.called} was Ready, and is deleted again")
    return ""


async def _try(window: _Window) -> None:
    await window.apply()
    try:
        await window.wait(time.monotonic() + SECONDS)
    finally:
        await window.delete()


class _Window:
    """One window in the cluster."""

    def __init__(self, api: client.CustomObjectsApi, namespace: str, name: str) -> None:
        self._api, self._name = api, name
        self._at = (GROUP, VERSION, namespace, PLURAL, name)
        self.called = f"{namespace}/{name}"

    async def apply(self) -> None:
        start = (datetime.now(UTC) + _AHEAD).replace(microsecond=0)
        manifest = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "MaintenanceWindow",
            "metadata": {"name": self._name},
            "spec": {"apps": [self._name], "start": start.isoformat(), "duration": "1m"},
        }
        await self._api.patch_namespaced_custom_object(*self._at, manifest, **_APPLY)

    async def wait(self, deadline: float) -> None:
        """Return once the operator has said Ready of what stands there now.

        Raises:
            NotReady: it did not by then.
        """
        ready = await self._ready()
        while ready.get("status") != "True":
            if time.monotonic() > deadline:
                raise NotReady(f"not Ready ({_said(ready)}): look at the operator's log")
            await asyncio.sleep(_POLL_SECONDS)
            ready = await self._ready()

    async def _ready(self) -> dict[str, Any]:
        """The condition, empty where there is none of this generation."""
        item = await self._api.get_namespaced_custom_object(
            *self._at, _request_timeout=_REQUEST_SECONDS
        )
        for condition in (item.get("status") or {}).get("conditions") or ():
            current = condition.get("observedGeneration") == item["metadata"]["generation"]
            if condition["type"] == "Ready" and current:
                return dict(condition)
        return {}

    async def delete(self) -> None:
        """Delete it, where it is there."""
        try:
            await self._api.delete_namespaced_custom_object(
                *self._at, _request_timeout=_REQUEST_SECONDS
            )
        except client.ApiException as error:
            if error.status != 404:
                raise


def _said(condition: dict[str, Any]) -> str:
    return f"{condition['reason']}: {condition['message']}" if condition else "nothing is said"


if __name__ == "__main__":
    main()
