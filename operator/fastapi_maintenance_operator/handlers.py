"""What kopf calls. Handlers only delegate; none of them adds a finalizer or writes to an object."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import kopf
from kubernetes_asyncio import client

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .api import ClusterApi
from .controller import Controller
from .probes import serve_probes


def register(registry: kopf.OperatorRegistry, host: str, port: int) -> None:
    """Register the operator's handlers; probes are served at host and port."""
    controller: Controller | None = None
    running: asyncio.Task[None] | None = None

    @kopf.on.login(registry=registry)
    async def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        log_in: Callable[..., Awaitable[kopf.ConnectionInfo | None]] = kopf.login_via_async_client
        return await log_in(**kwargs)

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure_kopf(settings)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def observe(event: Any, **_: Any) -> None:
        if controller is not None:
            controller.observe(event["type"], dict(event["object"]))
