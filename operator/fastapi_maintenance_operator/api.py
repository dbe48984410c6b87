"""What the operator reads and writes in the cluster."""

from __future__ import annotations

import json
import socket
from functools import partial
from typing import Any

import aiohttp
from kubernetes_asyncio import client

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION

from .names import FIELD_MANAGER, PLAN_CONFIGMAP, PLAN_KEY
from .paging import all_pages, slim
from .reconcile import Object, Observed

_APPLY: dict[str, Any] = {
    "field_manager": FIELD_MANAGER,
    "force": True,
    "_content_type": "application/apply-patch+yaml",
    "_request_timeout": 10,
}
_LIST_TIMEOUT = 60

FAILURES = (client.ApiException, aiohttp.ClientError, OSError, TimeoutError)
"""What a request to the API server may end in, and what another try may mend."""


class ClusterApi:
    """A narrow view of the API server: only what the operator's role allows."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._custom = client.CustomObjectsApi(api_client)
        self._core = client.CoreV1Api(api_client)
        self._events = client.EventsV1Api(api_client)
        self._instance = socket.gethostname()

    async def list_windows(self) -> tuple[list[Object], int]:
        """All MaintenanceWindows, and the resource version at which these were all."""
        fetch = partial(
            self._custom.list_cluster_custom_object,
            GROUP,
            VERSION,
            PLURAL,
            _request_timeout=_LIST_TIMEOUT,
        )
        answer = await all_pages(fetch)
        return list(answer["items"]), int(answer["metadata"]["resourceVersion"])

    async def list_plans(self) -> dict[str, str]:
        """The plan of each namespace that has one."""
        answer = await self._core.list_config_map_for_all_namespaces(
            field_selector=f"metadata.name={PLAN_CONFIGMAP}", _request_timeout=_LIST_TIMEOUT
        )
        return {i.metadata.namespace: (i.data or {}).get(PLAN_KEY, "") for i in answer.items}

    async def apply_plan(self, namespace: str, text: str) -> None:
        """Write a namespace's plan; a namespace that is going or gone needs none."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": PLAN_CONFIGMAP,
                "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER},
            },
            "data": {PLAN_KEY: text},
        }
        try:
            await self._core.patch_namespaced_config_map(PLAN_CONFIGMAP, namespace, body, **_APPLY)
        except client.ApiException as error:
            if error.status != 404 and "being terminated" not in message_of(error):
                raise

    async def apply_status(self, observed: Observed, status: Object) -> Object:
        """Write a status, unless the object is another by now; returns the object as it is then."""
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": observed.name,
                "resourceVersion": observed.object["metadata"]["resourceVersion"],
            },
            "status": status,
        }
        answer: Object = await self._custom.patch_namespaced_custom_object_status(
            GROUP, VERSION, observed.namespace, PLURAL, observed.name, body, **_APPLY
        )
        return slim(answer)

    async def create_event(self, event: Object) -> None:
        """Record an Event, unless it was recorded before."""
        body: Any = {**event, "reportingInstance": self._instance}
        try:
            await self._events.create_namespaced_event(
                event["metadata"]["namespace"], body, _request_timeout=10
            )
        except client.ApiException as error:
            if error.status != 409:
                raise


def message_of(error: Exception) -> str:
    """What the API server said, in its own words; else what kept it from answering."""
    if not isinstance(error, client.ApiException):
        return str(error) or type(error).__name__
    try:
        return str(json.loads(error.body or b"")["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
