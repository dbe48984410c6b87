"""What the command line reads and writes in a cluster."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from fastapi_maintenance.backends.kubernetes.objects import FIELD_MANAGER, windows_path
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Transport
from fastapi_maintenance.proof.processes import PLURAL as PROCESSES
from fastapi_maintenance.windows import API_VERSION, GROUP, KIND, PLURAL, VERSION

from ._failures import Failure, explain, is_missing_crd
from ._hints import CLUSTER, of_app
from ._hints import at as there
from ._judging import lease_is_fresh
from ._kinds import name_of, path_of, quoted
from ._seen import see
from ._times import now

Object = dict[str, Any]

LEASE = "fastapi-maintenance-operator"
PLAN = "fastapi-maintenance-plan"
OPERATOR_NAMESPACE = "fastapi-maintenance-system"
"""Where the chart's documentation installs the operator."""

_MANAGER = {"fieldManager": FIELD_MANAGER}
_MERGE = "application/merge-patch+json"
_FORBIDDEN, _NOT_FOUND = 403, 404


class Cluster:
    """One cluster, and the namespace that is meant where none is named.

    Raises:
        ApiError, Unreachable: each method, as the transport does.
    """

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self.namespace = namespace

    async def windows(self, everywhere: bool = False) -> list[Object]:
        """The MaintenanceWindows of the namespace, or of all."""
        place = _everywhere(PLURAL) if everywhere else windows_path(self.namespace)
        items = (await self._get(place))["items"]
        return [{"apiVersion": API_VERSION, "kind": KIND, **item} for item in items]

    async def window(self, name: str) -> Object:
        """One window, as etcd has it.

        Raises:
            Failure: there is none of this name.
        """
        found = await self.find_window(name)
        if found is None:
            raise await self._not_found(name)
        return found

    async def find_window(self, name: str) -> Object | None:
        """The same; None where there is none."""
        try:
            return await self._get(path_of(self.namespace, name))
        except ApiError as error:
            if error.status != _NOT_FOUND or is_missing_crd(error):
                raise
            return None

    async def _not_found(self, name: str) -> Failure:
        if name.startswith(CLUSTER):
            return Failure(f"{quoted(name)} not found", "those that are there: kubectl get cmw")
        await self.check_namespace()
        mend = f"those that are there: fastapi-maintenance status {there(self.namespace)}"
        return Failure(
            f"{quoted(name)} not found in namespace {self.namespace}",
            "\n  ".join([*await self._if_app(name), mend]),
        )

    async def _if_app(self, name: str) -> list[str]:
        """What to write where an app was named in place of its window."""
        with contextlib.suppress(ApiError):
            seen = [see(item, now()) for item in await self.windows()]
            its = [s for s in seen if s.window and name in s.window.apps and s.state != "Finished"]
            return of_app(name, [each.name for each in its], self.namespace)
        return []

    async def create_window(self, item: Object, dry_run: bool = False) -> Object:
        """Make it, or let the server only say what it would be."""
        params = {**_MANAGER, "fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        return await self._send("POST", windows_path(self.namespace), params, item)

    async def patch_window(
        self,
        item: Object,
        spec: Object,
        *,
        annotations: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Change fields of the spec, unless the window has changed since it was read."""
        metadata: Object = {"resourceVersion": item["metadata"]["resourceVersion"]}
        if annotations:
            metadata["annotations"] = dict(annotations)
        path = path_of(self.namespace, name_of(item))
        params = _MANAGER | ({"dryRun": "All"} if dry_run else {})
        body = {"metadata": metadata, "spec": spec}
        return await self._send("PATCH", path, params, body, _MERGE)

    async def processes(self, namespace: str | None) -> list[Object]:
        """The MaintenanceProcesses of a namespace, or of all: one consistent list."""
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PROCESSES}"
        return list((await self._get(path if namespace else _everywhere(PROCESSES)))["items"])

    async def delete_process(self, item: Object) -> None:
        """Remove it, unless it has said a word since it was read."""
        metadata = item["metadata"]
        base = f"/apis/{GROUP}/{VERSION}/namespaces/{metadata['namespace']}/{PROCESSES}"
        known = {name: metadata[name] for name in ("uid", "resourceVersion")}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": known}
        await self._send("DELETE", f"{base}/{metadata['name']}", {}, options)

    async def plan(self) -> str | None:
        """The text of the namespace's plan; None where there is none."""
        path = f"/api/v1/namespaces/{self.namespace}/configmaps/{PLAN}"
        try:
            return str((await self._get(path)).get("data", {}).get("windows.json", ""))
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    async def lease(self) -> Object | None:
        """The Lease of the operator that looks after the namespace; None where none can be seen.

        That of the namespace, or that of the operator's namespace while it is fresh, or else
        whichever is found: an operator for all namespaces may be anywhere.
        """
        found = {item["metadata"]["namespace"]: item for item in await self._leases()}
        usual = found.get(OPERATOR_NAMESPACE)
        likely = usual if lease_is_fresh(usual, now()) else None
        newest = max(found.values(), key=_renewed, default=None)
        return found.get(self.namespace) or likely or newest

    def is_looked_after_by(self, lease: Object) -> bool:
        """Whether a Lease is where that of the namespace's operator is: others may be another's."""
        return lease["metadata"]["namespace"] in (self.namespace, OPERATOR_NAMESPACE)

    async def _leases(self) -> list[Object]:
        base, only = "/apis/coordination.k8s.io/v1", {"fieldSelector": f"metadata.name={LEASE}"}
        try:
            return list((await self._get(f"{base}/leases", only))["items"])
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
        places = (self.namespace, OPERATOR_NAMESPACE)
        seen = [await self._readable(f"{base}/namespaces/{each}/leases/{LEASE}") for each in places]
        return [item for item in seen if item]

    async def _readable(self, path: str) -> Object | None:
        try:
            return await self._get(path)
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
            return None

    async def check_namespace(self) -> None:
        """Of one that is not there every list is empty; nothing is said where it may not be asked.

        Raises:
            Failure: the namespace is not there.
        """
        try:
            await self._get(f"/api/v1/namespaces/{self.namespace}")
        except ApiError as error:
            if error.status == _NOT_FOUND:
                raise explain(error) from error
            if error.status != _FORBIDDEN:
                raise

    async def namespaces(self) -> list[Object]:
        """All of them."""
        return list((await self._get("/api/v1/namespaces"))["items"])

    async def deployments(self) -> list[Object]:
        """Those of the namespace."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"
        return list((await self._get(path))["items"])

    async def user(self) -> str | None:
        """By which name the API server knows who asks; None where it does not say."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = await self._send("POST", path, {}, body)
        except ApiError:
            return None
        return str(review["status"]["userInfo"]["username"])

    async def _get(self, path: str, params: Mapping[str, str] | None = None) -> Object:
        return await self._transport.get(path, params or {})

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Object,
        kind: str = "application/json",
    ) -> Object:
        return await self._transport.request(method, path, params, json.dumps(body).encode(), kind)


def _everywhere(plural: str) -> str:
    return f"/apis/{GROUP}/{VERSION}/{plural}"


def _renewed(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("renewTime") or "")
