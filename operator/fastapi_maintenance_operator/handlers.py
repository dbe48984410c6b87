"""What kopf calls. Handlers only delegate; none of them adds a finalizer or writes to an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from fastapi_maintenance.proof.processes import PLURAL as PROCESSES
from fastapi_maintenance.windows import GROUP, PLURAL, VERSION

from .names import CLUSTER_PLURAL, PLAN_CONFIGMAP
from .reconcile import Object, slim

Observe = Callable[[str | None, Object], None]
"""Takes the kind of an event and the object; called in kopf's thread."""
Notice = Callable[[], None]

WATCHED = (
    (GROUP, VERSION, PLURAL),
    (GROUP, VERSION, PROCESSES),
    ("", "v1", "configmaps"),
)
"""Group, version and plural of what the operator reacts to, wherever it looks."""
WATCHED_OF_CLUSTER = ((GROUP, VERSION, CLUSTER_PLURAL), ("", "v1", "namespaces"))
"""What besides, when it looks at all namespaces."""


def make_registry(observe: Observe, namespace: str | None = None) -> kopf.OperatorRegistry:
    """kopf's handlers, which tell `observe` of each event of a watch.

    Args:
        observe: Is told.
        namespace: The only one that is looked at; all with None.
    """
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
        # Ten thousand objects at once, and a task for each that idles for 5 s, are 100 MiB. (Should
        # a page come too late, 410, the process ends and another one begins.)
        settings.watching.chunk_size = 200
        settings.queueing.idle_timeout = 0.1
        # Of each object kopf would compare copies with what it noted, for handlers that none of
        # ours is.
        settings.persistence.diffbase_storage = _NoDiffs()
        settings.persistence.progress_storage = _NoProgress()
        # kopf would kill its thread, and the process with it, while a term ends.
        settings.process.ultimate_exiting_timeout = None

    async def tell(event: kopf.RawEvent, **_: Any) -> None:
        observe(event["type"], slim(dict(event["object"])))

    for resource in WATCHED if namespace else WATCHED + WATCHED_OF_CLUSTER:
        kopf.on.event(*resource, registry=registry)(tell)
    return registry


class Forgetful(ResourceMemories):
    """Remembers no object between two events; kopf would keep the last state of each for handlers
    that none of ours is."""

    async def recall(self, *args: Any, **kwargs: Any) -> ResourceMemory:
        """A new memory each time."""
        return await super().recall(*args, **kwargs | {"ephemeral": True})


class _NoDiffs(kopf.DiffBaseStorage):
    """Notes nothing of an object, and compares nothing."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing."""


class _NoProgress(kopf.ProgressStorage):
    """Notes no progress of handlers, of which none has any."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Nothing."""

    def purge(self, **_: Any) -> None:
        """Nothing."""

    def touch(self, **_: Any) -> None:
        """Nothing."""
