"""JSON over the client library's connections, past its models.

The library finds the API server, renews credentials and speaks TLS. Its models would check, copy
and convert each body several times over: of ten thousand statuses that is half of the work.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes_asyncio import client

Object = dict[str, Any]

Left = Callable[[], float | None]
"""How many seconds a write may still take, None: as many as any; raises where it comes too late."""

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
"""Content types; for the second, JSON is YAML enough."""

_TIMEOUT = 10.0
_AT_ONCE = 16
"""Writes under way at the same time; the API server gains nothing by more."""


class Wire:
    """Requests to the API server; each answer is the object in it.

    All of them raise ApiException for what the server refuses, and aiohttp.ClientError, OSError or
    TimeoutError where it doesn't answer.
    """

    def __init__(self, api_client: client.ApiClient) -> None:
        self._client = api_client
        self._writes = asyncio.Semaphore(_AT_ONCE)

    async def get(
        self, path: str, query: Mapping[str, Any] | None = None, timeout: float = _TIMEOUT
    ) -> Object:
        """Read an object, or a list of them."""
        return await self._ask("GET", path, query, timeout=timeout)

    async def write(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        left: Left = lambda: None,
    ) -> Object:
        """Create, change or delete an object.

        Args:
            method: POST, PATCH or DELETE.
            path: of the object.
            body: as `content_type` has it.
            query: how to write.
            content_type: of the body.
            left: asked when it is this write's turn, which others may keep it waiting for.
        """
        async with self._writes, asyncio.timeout(left()):
            return await self._ask(method, path, query, body, content_type)

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any = None,
        content_type: str = JSON,
        timeout: float = _TIMEOUT,
    ) -> Object:
        api = self._client
        headers = {**api.default_headers, "Accept": JSON, "Content-Type": content_type}
        await api.update_params_for_auth(headers, [], ["BearerToken"])
        answer = await api.request(
            method,
            f"{api.configuration.host}{path}",
            query_params=query,
            headers=headers,
            body=body,
            _request_timeout=timeout,
        )
        found: Object = json.loads(answer.data)
        return found


def path_to(resource: str, namespace: str | None = None, name: str | None = None) -> str:
    """The path of an object, or of a list of them.

    Args:
        resource: API and plural, such as ``api/v1/configmaps``.
        namespace: None: in all namespaces, or of the cluster.
        name: None: all.
    """
    api, _, plural = resource.rpartition("/")
    place = f"namespaces/{namespace}/" if namespace else ""
    return f"/{api}/{place}{plural}" + (f"/{name}" if name else "")
