"""The same view of the API server, of one namespace: a Role suffices for it."""

from __future__ import annotations

from functools import partial

from kubernetes_asyncio import client

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .api import _LIST_TIMEOUT, ClusterApi
from .names import PLAN_CONFIGMAP, PLAN_KEY
from .paging import all_pages
from .reconcile import Object


class NamespaceApi(ClusterApi):
    """Lists what is in one namespace; all else names its namespace anyway."""

    def __init__(self, api_client: client.ApiClient, namespace: str) -> None:
        super().__init__(api_client)
        self._namespace = namespace

    async def list_windows(self) -> tuple[list[Object], int]:
        """The namespace's MaintenanceWindows, and the resource version at which these were all."""
        fetch = partial(
            self._custom.list_namespaced_custom_object,
            GROUP,
            VERSION,
            self._namespace,
            PLURAL,
            _request_timeout=_LIST_TIMEOUT,
        )
        answer = await all_pages(fetch)
        return list(answer["items"]), int(answer["metadata"]["resourceVersion"])

    async def list_plans(self) -> dict[str, str]:
        """The namespace's plan, if it has one."""
        answer = await self._core.list_namespaced_config_map(
            self._namespace,
            field_selector=f"metadata.name={PLAN_CONFIGMAP}",
            _request_timeout=_LIST_TIMEOUT,
        )
        return {i.metadata.namespace: (i.data or {}).get(PLAN_KEY, "") for i in answer.items}
