"""What the operator asks of the API server about processes."""

from __future__ import annotations

from typing import Any, Protocol

from kubernetes_asyncio import client

from fastapi_maintenance.proof.processes import PLURAL, Process
from fastapi_maintenance.windows import GROUP, VERSION

Object = dict[str, Any]

_TIMEOUT = 5
_NOT_FOUND, _CONFLICT = 404, 409


class Processes(Protocol):
    """The processes of a cluster."""

    async def list(self, namespace: str) -> list[Object]:
        """Those of a namespace, all at one version."""

    async def get_pod(self, namespace: str, name: str) -> Object | None:
        """A Pod as it is now; None where there is none."""

    async def remove(self, namespace: str, process: Process) -> bool:
        """Remove a process's object; False where it is no longer as it was read."""


class ProcessApi:
    """The processes of a real cluster."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._client = api_client
        self._custom = client.CustomObjectsApi(api_client)
        self._core = client.CoreV1Api(api_client)

    async def list(self, namespace: str) -> list[Object]:
        """Those of a namespace, by a consistent read (without a resourceVersion)."""
        answer = await self._custom.list_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURAL, _request_timeout=_TIMEOUT
        )
        return list(answer["items"])

    async def get_pod(self, namespace: str, name: str) -> Object | None:
        """A Pod, by a consistent read; None where there is none."""
        try:
            pod = await self._core.read_namespaced_pod(name, namespace, _request_timeout=_TIMEOUT)
        except client.ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        answer: Object = self._client.sanitize_for_serialization(pod)
        return answer

    async def remove(self, namespace: str, process: Process) -> bool:
        """Remove a process's object, unless it has said a word since it was read."""
        conditions: Any = {"uid": process.uid, "resourceVersion": process.version}
        try:
            await self._custom.delete_namespaced_custom_object(
                *(GROUP, VERSION, namespace, PLURAL, process.name),
                body=client.V1DeleteOptions(preconditions=conditions),
                _request_timeout=_TIMEOUT,
            )
        except client.ApiException as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise
            return error.status == _NOT_FOUND
        return True
