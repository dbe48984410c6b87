"""The same view of the API server, of one namespace: a Role suffices for it."""

from __future__ import annotations

from kubernetes_asyncio import client

from .api import ClusterApi
from .plans import Plan
from .reconcile import Object


class NamespaceApi(ClusterApi):
    """Lists what is in one namespace; all else names its namespace anyway.

    What belongs to the cluster is none of its business: no ClusterMaintenanceWindow, no Namespace.
    """

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        super().__init__(api_client)
        self._namespace = namespace

    async def list_windows(self, namespace: str | None = None) -> tuple[list[Object], int]:
        """The namespace's MaintenanceWindows, and the version at which these were all."""
        return await super().list_windows(self._namespace)

    async def list_parents(self) -> tuple[list[Object], int]:
        """None: they belong to the cluster."""
        return [], 0

    async def list_namespaces(self) -> tuple[list[Object], int]:
        """None: only a ClusterMaintenanceWindow selects them."""
        return [], 0

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        """The namespace's plan, if it has one."""
        return await self._list_plans(self._namespace)
