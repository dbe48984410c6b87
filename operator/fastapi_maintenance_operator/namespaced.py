"""The same view of the API server, of one namespace: a Role suffices for it."""

from __future__ import annotations

from kubernetes_asyncio import client

from .api import ClusterApi
from .plans import Plan
from .reconcile import Object
from .view import Present, Take


class NamespaceApi(ClusterApi):
    """Lists what is in one namespace; all else names its namespace anyway.

    What belongs to the cluster is none of its business: no ClusterMaintenanceWindow, no Namespace.
    """

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        super().__init__(api_client)
        self._namespace = namespace

    async def list_windows(self, take: Take, namespace: str | None = None) -> Present:
        """Let each of the namespace's MaintenanceWindows be taken."""
        return await super().list_windows(take, self._namespace)

    async def list_parents(self, take: Take) -> Present:
        """None: they belong to the cluster."""
        return set(), 0

    async def list_namespaces(self) -> tuple[list[Object], int]:
        """None: only a ClusterMaintenanceWindow selects them."""
        return [], 0

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        """The namespace's plan, if it has one."""
        return await self._list_plans(self._namespace)
