"""What the operator asks of the API server about processes."""

from __future__ import annotations

from typing import Protocol

from kubernetes_asyncio import client

from fastapi_maintenance.proof.processes import PLURAL, Process
from fastapi_maintenance.windows import GROUP, VERSION

from .wire import Object, Wire, path_to

_PROCESSES = f"apis/{GROUP}/{VERSION}/{PLURAL}"
_PODS = "api/v1/pods"
_SECONDS = 5
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
        self._wire = Wire(api_client)

    async def list(self, namespace: str) -> list[Object]:
        """Those of a namespace, by a consistent read (without a resourceVersion)."""
        answer = await self._wire.get(path_to(_PROCESSES, namespace), timeout=_SECONDS)
        return list(answer["items"])

    async def get_pod(self, namespace: str, name: str) -> Object | None:
        """A Pod, by a consistent read; None where there is none."""
        try:
            return await self._wire.get(path_to(_PODS, namespace, name), timeout=_SECONDS)
        except client.ApiException as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def remove(self, namespace: str, process: Process) -> bool:
        """Remove a process's object, unless it has said a word since it was read."""
        sure = {"uid": process.uid, "resourceVersion": process.version}
        path = path_to(_PROCESSES, namespace, process.name)
        try:
            await self._wire.write("DELETE", path, {"preconditions": sure})
        except client.ApiException as error:
            if error.status not in (_NOT_FOUND, _CONFLICT):
                raise
            return error.status == _NOT_FOUND
        return True
