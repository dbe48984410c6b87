"""What kopf calls. Handlers only delegate; none of them adds a finalizer or writes to an object."""

from __future__ import annotations

from typing import Any

import kopf

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .controller import Controller
from .processes import PLURAL as PLURAL_OF_PROCESSES


def make_registry(controller: Controller) -> kopf.OperatorRegistry:
    """kopf's handlers for a controller."""
    registry = kopf.OperatorRegistry()
    # Reads KUBERNETES_SERVICE_HOST, or a kubeconfig; kopf's own login would need cluster DNS.
    kopf.on.login(registry=registry)(kopf.login_via_async_client)

    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.peering.standalone = True
        # Its resource is known by name: no need to watch CRDs and namespaces, nor for those rights.
        settings.scanning.disabled = True
        settings.watching.server_timeout = 300
        settings.watching.connect_timeout = 10
        settings.networking.request_timeout = 30

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def observe(event: kopf.RawEvent, **_: Any) -> None:
        controller.observe(event["type"], dict(event["object"]))

    @kopf.on.event(GROUP, VERSION, PLURAL_OF_PROCESSES, registry=registry)
    async def observe_process(event: kopf.RawEvent, **_: Any) -> None:
        controller.observe_process(event["type"], dict(event["object"]))

    return registry
