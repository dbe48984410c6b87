"""What kopf calls. Handlers only delegate; none of them adds a finalizer or writes to an object."""

from __future__ import annotations

from typing import Any

import kopf

from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .controller import Controller
from .names import CLUSTER_PLURAL, PLAN_CONFIGMAP
from .processes import PLURAL as PROCESSES

WATCHED = (
    (GROUP, VERSION, PLURAL),
    (GROUP, VERSION, CLUSTER_PLURAL),
    (GROUP, VERSION, PROCESSES),
    ("", "v1", "configmaps"),
    ("", "v1", "namespaces"),
)
"""Group, version and plural of what the operator reacts to."""


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
        settings.watching.field_selectors["", "v1", "configmaps"] = (
            f"metadata.name={PLAN_CONFIGMAP}"
        )

    async def observe(event: kopf.RawEvent, **_: Any) -> None:
        controller.observe(event["type"], dict(event["object"]))

    for resource in WATCHED:
        kopf.on.event(*resource, registry=registry)(observe)
    return registry
