"""Ways to the API server: whose credentials, where, and that only a leader writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes_asyncio import client, config

_RENEW_SECONDS = 60.0
_READ_BUFFER = 2**21
"""Bytes, as the library has it."""
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NoCluster(Exception):
    """Neither a Pod nor a kubeconfig."""


class NotLeading(PermissionError):
    """A write came after the Lease was lost; whoever holds it does the work now."""


def connect(configuration: client.Configuration) -> client.ApiClient:
    """A client of the library that asks the environment nothing."""
    return _without_environment(client.ApiClient(configuration))


def _without_environment(api_client: client.ApiClient) -> client.ApiClient:
    """Heed no proxy variables, which are not meant for the cluster's own API server.

    Nor a .netrc: the library would look for one before each request, in a thread.
    """
    rest = api_client.rest_client
    connector = rest.pool_manager.connector
    rest.pool_manager.detach()
    rest.pool_manager = aiohttp.ClientSession(connector=connector, read_bufsize=_READ_BUFFER)
    return api_client


class FencedClient(client.ApiClient):
    """Sends writes only while `may_write()` is true, whoever of its users is late to notice."""

    def __init__(self, configuration: client.Configuration, may_write: Callable[[], bool]) -> None:
        super().__init__(configuration)
        _without_environment(self)
        self._may_write = may_write
        self.last_answer = time.monotonic()
        """When the API server last answered: a sign of life within a long round."""

    async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """As the base class does it; what the server refuses is an answer too.

        Raises:
            NotLeading: it is a write, and this process may not write now.
        """
        if method != "GET" and not self._may_write():
            raise NotLeading("the Lease is not held")
        try:
            answer = await super().request(method, url, *args, **kwargs)
        except client.ApiException:
            self.last_answer = time.monotonic()
            raise
        self.last_answer = time.monotonic()
        return answer


async def log_in() -> client.Configuration:
    """Credentials of the Pod, or else of a kubeconfig; both are read again as they are renewed.

    Raises:
        NoCluster: there are none.
    """
    configuration = client.Configuration()
    try:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            await config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise NoCluster(
                f"no cluster: not in a Pod, and no kubeconfig ({error}): set KUBECONFIG"
            ) from error
        configuration.refresh_api_key_hook = _Renewal()
    return configuration


def own_namespace() -> str:
    """The Pod's namespace; elsewhere that of the kubeconfig's context, as kubectl has it."""
    if _NAMESPACE_FILE.exists():
        return _NAMESPACE_FILE.read_text().strip()
    try:
        _, active = config.list_kube_config_contexts()
    except config.ConfigException:
        return "default"
    return str((active or {}).get("context", {}).get("namespace") or "default")


class _Renewal:
    """Reads a kubeconfig again when its credentials are a minute old, as for a Pod's token."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _RENEW_SECONDS

    async def __call__(self, configuration: client.Configuration) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _RENEW_SECONDS
            await config.load_kube_config(client_configuration=configuration)
