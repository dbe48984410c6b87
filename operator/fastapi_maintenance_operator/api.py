"""What the operator reads and writes in the cluster."""

from __future__ import annotations

import json
import secrets
import socket
from functools import partial

import aiohttp
from kubernetes_asyncio import client

from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION

from .names import CLUSTER_KIND, CLUSTER_PLURAL, FIELD_MANAGER, PLAN_CONFIGMAP, PLAN_KEY
from .paging import pages_of
from .plans import Plan, PlanChanged, plan_of
from .reconcile import Object, Observed, slim
from .view import Present, Take
from .windows import Key, key_of
from .wire import APPLY, JSON_PATCH, Left, Wire, path_to

_LIST_SECONDS = 60
_OURS = {"fieldManager": FIELD_MANAGER}
_FORCE = _OURS | {"force": "true"}
_PLAN_ONLY = {"fieldSelector": f"metadata.name={PLAN_CONFIGMAP}"}
_LABELS = {"app.kubernetes.io/managed-by": FIELD_MANAGER}

_WINDOWS = f"apis/{GROUP}/{VERSION}/{PLURAL}"
_PARENTS = f"apis/{GROUP}/{VERSION}/{CLUSTER_PLURAL}"
_NAMESPACES = "api/v1/namespaces"
_CONFIGMAPS = "api/v1/configmaps"
_EVENTS = "apis/events.k8s.io/v1/events"

FAILURES = (PlanChanged, client.ApiException, aiohttp.ClientError, OSError, TimeoutError)
"""What a request to the API server may end in, and what another try may mend."""


class ClusterApi:
    """A narrow view of the API server: only what the operator's role allows."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._wire = Wire(api_client)
        self._instance = socket.gethostname()
        self._token = secrets.token_hex(4)

    async def list_windows(self, take: Take, namespace: str | None = None) -> Present:
        """Let each MaintenanceWindow of a namespace, or of all, be taken.

        A consistent read: nothing that was written before is missing.
        """
        return await self._list(take, _WINDOWS, KIND, namespace)

    async def list_parents(self, take: Take) -> Present:
        """Let each ClusterMaintenanceWindow be taken."""
        return await self._list(take, _PARENTS, CLUSTER_KIND)

    async def list_namespaces(self) -> tuple[list[Object], int]:
        """All namespaces, and the version at which these were all."""
        found: list[Object] = []
        _, version = await self._list(found.append, _NAMESPACES, "Namespace")
        return found, version

    async def _list(
        self, take: Take, resource: str, kind: str, namespace: str | None = None
    ) -> Present:
        present, version = set[Key](), 0
        fetch = partial(self._wire.get, path_to(resource, namespace), timeout=_LIST_SECONDS)
        async for items, at in pages_of(fetch):
            version = at
            for item in items:
                present.add(key_of(item))
                take({"apiVersion": API_VERSION, "kind": kind, **item})
        return present, version

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        """The plan of each namespace that has one, and the version at which these were all."""
        return await self._list_plans(None)

    async def _list_plans(self, namespace: str | None) -> tuple[dict[str, Plan], int]:
        path = path_to(_CONFIGMAPS, namespace)
        answer = await self._wire.get(path, _PLAN_ONLY, timeout=_LIST_SECONDS)
        plans = {item["metadata"]["namespace"]: plan_of(item) for item in answer["items"]}
        return plans, int(answer["metadata"]["resourceVersion"])

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
        how = {"fieldManager": f"{FIELD_MANAGER}-{self._token}"}
        if version is not None:
            metadata["resourceVersion"] = str(version)
            how = _FORCE
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        body["data"] = {PLAN_KEY: text}
        path = path_to(_CONFIGMAPS, namespace, PLAN_CONFIGMAP)
        try:
            return plan_of(await self._wire.write("PATCH", path, body, how, APPLY))
        except client.ApiException as error:
            # A plan that is gone has changed too; where there was none, 404 means the namespace.
            if error.status == 409 or (error.status == 404 and version is not None):
                raise PlanChanged(message_of(error)) from error
            if error.status != 404 and "being terminated" not in message_of(error):
                raise
            return None

    async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
        """Write a status, unless the object is another by now; returns the object as it is then.

        Raises:
            TimeoutError: it came too late, or was not answered in the time that was left.
        """
        metadata = {"name": observed.name, "resourceVersion": str(observed.version)}
        kind = {"apiVersion": API_VERSION, "kind": observed.kind}
        body = {**kind, "metadata": metadata, "status": status}
        path = f"{_path_of(observed)}/status"
        return slim(await self._wire.write("PATCH", path, body, _FORCE, APPLY, left))

    async def create_window(self, window: Object) -> Object | None:
        """Make a child; None where a window of its name exists, or the namespace is going."""
        path = path_to(_WINDOWS, window["metadata"]["namespace"])
        try:
            return await self._wire.write("POST", path, window, _OURS)
        except client.ApiException as error:
            if error.status not in (404, 409) and "being terminated" not in message_of(error):
                raise
            return None

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
        try:
            return await self._wire.write("PATCH", _path_of(window), body, _OURS, JSON_PATCH)
        except client.ApiException as error:
            if error.status not in (404, 409):
                raise
            return None

    async def create_event(self, event: Object) -> None:
        """Record an Event, unless it was recorded before."""
        body = {**event, "reportingInstance": self._instance}
        try:
            await self._wire.write("POST", path_to(_EVENTS, event["metadata"]["namespace"]), body)
        except client.ApiException as error:
            if error.status not in (404, 409) and "being terminated" not in message_of(error):
                raise

    async def delete_window(self, observed: Observed) -> None:
        """Delete a window, unless it is another one, or has changed, since it was observed."""
        sure = {"uid": observed.uid, "resourceVersion": str(observed.version)}
        try:
            await self._wire.write("DELETE", _path_of(observed), {"preconditions": sure})
        except client.ApiException as error:
            if error.status != 404:
                raise


def _path_of(observed: Observed) -> str:
    resource = _WINDOWS if observed.namespace else _PARENTS
    return path_to(resource, observed.namespace, observed.name)


def message_of(error: Exception) -> str:
    """What the API server said, in its own words; else what kept it from answering."""
    if not isinstance(error, client.ApiException):
        return str(error) or type(error).__name__
    try:
        return str(json.loads(error.body or b"")["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
