"""What the operator may do, and needs to: the chart's roles say the same, and a test holds them so.

Apart stand the rights that only an operator of all namespaces has, and those for the Lease alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastapi_maintenance.proof.processes import PLURAL as PROCESSES
from fastapi_maintenance.windows import GROUP, PLURAL

from .names import CLUSTER_PLURAL, LEASE, PLAN_CONFIGMAP


@dataclass(frozen=True, slots=True)
class Right:
    """A rule of RBAC, and what for."""

    group: str
    resource: str
    """With its subresource, as in a rule: ``maintenancewindows/status``."""
    verbs: tuple[str, ...]
    name: str | None = None
    """The only object that it concerns."""

    def rule(self, *verbs: str) -> str:
        """The rule in YAML, for some of its verbs or all."""
        names = f"resourceNames: [{self.name}], " if self.name else ""
        return (
            f'{{apiGroups: ["{self.group}"], resources: [{self.resource}], {names}'
            f"verbs: [{', '.join(verbs or self.verbs)}]}}"
        )


WORK = (
    Right(GROUP, PLURAL, ("list", "watch", "delete")),
    Right(GROUP, f"{PLURAL}/status", ("patch",)),
    Right(GROUP, PROCESSES, ("list", "watch", "delete")),
    Right("", "pods", ("get",)),
    Right("", "configmaps", ("list", "watch", "create", "patch"), PLAN_CONFIGMAP),
    Right("events.k8s.io", "events", ("create",)),
)
"""In the namespaces that are looked at: all of them, or one."""

CLUSTER = (
    Right(GROUP, CLUSTER_PLURAL, ("list", "watch", "delete")),
    Right(GROUP, f"{CLUSTER_PLURAL}/status", ("patch",)),
    Right("", "namespaces", ("list", "watch")),
    Right(GROUP, PLURAL, ("create", "patch")),
)
"""Besides, where all are looked at: ClusterMaintenanceWindows, and the windows that are theirs."""

ELECTION = (Right("coordination.k8s.io", "leases", ("get", "create", "update"), LEASE),)
"""In the namespace of the Lease."""

RESOURCES = (PLURAL, CLUSTER_PLURAL, PROCESSES)
"""What has to be served: plurals of the group's CRDs."""
