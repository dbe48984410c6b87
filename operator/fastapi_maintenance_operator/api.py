"""What the operator reads and writes in the cluster."""

from __future__ import annotations

import json
import secrets
import socket
from functools import partial
from typing import Any

import aiohttp
from kubernetes_asyncio import client

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION

from .names import CLUSTER_KIND, CLUSTER_PLURAL, FIELD_MANAGER, PLAN_CONFIGMAP, PLAN_KEY
from .paging import all_pages
from .plans import Plan, PlanChanged
from .reconcile import Object, Observed, slim

_TIMEOUT = 10
_LIST_TIMEOUT = 60
_APPLY: dict[str, Any] = {
    "field_manager": FIELD_MANAGER,
    "force": True,
    "_content_type": "application/apply-patch+yaml",
    "_request_timeout": _TIMEOUT,
}
_PLAN_ONLY = f"metadata.name={PLAN_CONFIGMAP}"
_LABELS = {"app.kubernetes.io/managed-by": FIELD_MANAGER}

FAILURES = (PlanChanged, client.ApiException, aiohttp.ClientError, OSError, TimeoutError)
"""What a request to the API server may end in, and what another try may mend."""


class ClusterApi:
    """A narrow view of the API server: only what the operator's role allows."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._custom = client.CustomObjectsApi(api_client)
        self._core = client.CoreV1Api(api_client)
        self._events = client.EventsV1Api(api_client)
        self._instance = socket.gethostname()
        self._token = secrets.token_hex(4)

    async def list_windows(self, namespace: str | None = None) -> tuple[list[Object], int]:
        """The MaintenanceWindows of a namespace, or all, and the version at which these were all.

        A consistent read: nothing that was written before is missing.
        """
        if namespace is None:
            fetch = partial(self._custom.list_cluster_custom_object, GROUP, VERSION, PLURAL)
        else:
            place = (GROUP, VERSION, namespace, PLURAL)
            fetch = partial(self._custom.list_namespaced_custom_object, *place)
        answer = await all_pages(partial(fetch, _request_timeout=_LIST_TIMEOUT))
        return _items(answer, KIND)

    async def list_parents(self) -> tuple[list[Object], int]:
        """All ClusterMaintenanceWindows, and the version at which these were all."""
        answer = await self._custom.list_cluster_custom_object(
            GROUP, VERSION, CLUSTER_PLURAL, _request_timeout=_LIST_TIMEOUT
        )
        return _items(answer, CLUSTER_KIND)

    async def list_namespaces(self) -> tuple[list[Object], int]:
        """All namespaces, with their metadata alone, and the version at which these were all."""
        answer = await self._core.list_namespace(_request_timeout=_LIST_TIMEOUT)
        items = [{"kind": "Namespace", "metadata": _metadata(item)} for item in answer.items]
        return items, int(answer.metadata.resource_version)

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        """The plan of each namespace that has one, and the version at which these were all."""
        return await self._list_plans(None)

    async def _list_plans(self, namespace: str | None) -> tuple[dict[str, Plan], int]:
        how: dict[str, Any] = {"field_selector": _PLAN_ONLY, "_request_timeout": _LIST_TIMEOUT}
        if namespace is None:
            answer = await self._core.list_config_map_for_all_namespaces(**how)
        else:
            answer = await self._core.list_namespaced_config_map(namespace, **how)
        plans = {item.metadata.namespace: _plan(item) for item in answer.items}
        return plans, int(answer.metadata.resource_version)

    async def read_plan(self, namespace: str) -> Plan | None:
        """The plan of a namespace as it stands now; a list of one needs no further right."""
        plans, _ = await self._list_plans(namespace)
        return plans.get(namespace)

    async def apply_plan(self, namespace: str, text: str, version: int | None) -> Plan | None:
        """Write over the plan of a version, or with None make the first one.

        The first one without force and under a name of its own, so that it conflicts with a plan
        that another operator made meanwhile. None where the namespace is going or gone.

        Raises:
            PlanChanged: another plan stands there.
        """
        metadata: Object = {"name": PLAN_CONFIGMAP, "labels": _LABELS}
        how = {**_APPLY, "force": None, "field_manager": f"{FIELD_MANAGER}-{self._token}"}
        if version is not None:
            metadata["resourceVersion"] = str(version)
            how = _APPLY
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        body["data"] = {PLAN_KEY: text}
        patch = self._core.patch_namespaced_config_map
        try:
            return _plan(await patch(PLAN_CONFIGMAP, namespace, body, **how))
        except client.ApiException as error:
            # A plan that is gone has changed too; where there was none, 404 means the namespace.
            if error.status == 409 or (error.status == 404 and version is not None):
                raise PlanChanged(message_of(error)) from error
            if error.status != 404 and "being terminated" not in message_of(error):
                raise
            return None

    async def apply_status(self, observed: Observed, status: Object) -> Object:
        """Write a status, unless the object is another by now; returns the object as it is then."""
        metadata = {"name": observed.name, "resourceVersion": str(observed.version)}
        kind = {"apiVersion": API_VERSION, "kind": observed.kind}
        body = {**kind, "metadata": metadata, "status": status}
        namespace, name = observed.namespace, observed.name
        if namespace:
            answer = await self._custom.patch_namespaced_custom_object_status(
                GROUP, VERSION, namespace, PLURAL, name, body, **_APPLY
            )
        else:
            answer = await self._custom.patch_cluster_custom_object_status(
                GROUP, VERSION, CLUSTER_PLURAL, name, body, **_APPLY
            )
        return slim(dict(answer))

    async def create_window(self, window: Object) -> Object | None:
        """Make a child; None where a window of its name exists, or the namespace is going."""
        place = (GROUP, VERSION, window["metadata"]["namespace"], PLURAL)
        create = self._custom.create_namespaced_custom_object
        try:
            answer: Object = await create(
                *place, window, field_manager=FIELD_MANAGER, _request_timeout=_TIMEOUT
            )
        except client.ApiException as error:
            if error.status not in (404, 409) and "being terminated" not in message_of(error):
                raise
            return None
        return answer

    async def replace_spec(self, window: Observed, spec: Object) -> Object | None:
        """Let a child's spec be another; None where it changed, or went, since it was observed.

        The whole spec, also what somebody else put in: a JSON patch (RFC 6902). The version that it
        says is a conflict where the object has another.
        """
        version = {
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": str(window.version),
        }
        body = [version, {"op": "replace", "path": "/spec", "value": spec}]
        place = (GROUP, VERSION, window.namespace, PLURAL, window.name)
        try:
            answer: Object = await self._custom.patch_namespaced_custom_object(
                *place, body, field_manager=FIELD_MANAGER, _request_timeout=_TIMEOUT
            )
        except client.ApiException as error:
            if error.status not in (404, 409):
                raise
            return None
        return answer

    async def create_event(self, event: Object) -> None:
        """Record an Event, unless it was recorded before."""
        body: Any = {**event, "reportingInstance": self._instance}
        try:
            await self._events.create_namespaced_event(
                event["metadata"]["namespace"], body, _request_timeout=_TIMEOUT
            )
        except client.ApiException as error:
            if error.status not in (404, 409) and "being terminated" not in message_of(error):
                raise

    async def delete_window(self, observed: Observed) -> None:
        """Delete a window, unless it is another one, or has changed, since it was observed."""
        metadata = observed.object["metadata"]
        sure = client.V1Preconditions(
            uid=metadata["uid"], resource_version=metadata["resourceVersion"]
        )
        how = client.V1DeleteOptions(preconditions=sure)
        name, seconds = observed.name, _TIMEOUT
        try:
            if observed.namespace:
                await self._custom.delete_namespaced_custom_object(
                    GROUP, VERSION, observed.namespace, PLURAL, name,
                    body=how, _request_timeout=seconds,
                )  # fmt: skip
            else:
                await self._custom.delete_cluster_custom_object(
                    GROUP, VERSION, CLUSTER_PLURAL, name, body=how, _request_timeout=seconds
                )
        except client.ApiException as error:
            if error.status != 404:
                raise


def _items(answer: Object, kind: str) -> tuple[list[Object], int]:
    """The objects of a list, each with its kind, and the list's version."""
    items = [{"apiVersion": API_VERSION, "kind": kind, **item} for item in answer["items"]]
    return items, int(answer["metadata"]["resourceVersion"])


def _metadata(item: Any) -> Object:
    """What the operator needs of it, in the words of the API."""
    metadata = item.metadata
    return {
        "name": metadata.name,
        "resourceVersion": metadata.resource_version,
        "labels": metadata.labels or {},
        "deletionTimestamp": metadata.deletion_timestamp,
    }


def _plan(item: Any) -> Plan:
    text = (item.data or {}).get(PLAN_KEY, "")
    return Plan(text, int(item.metadata.resource_version))


def message_of(error: Exception) -> str:
    """What the API server said, in its own words; else what kept it from answering."""
    if not isinstance(error, client.ApiException):
        return str(error) or type(error).__name__
    try:
        return str(json.loads(error.body or b"")["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
