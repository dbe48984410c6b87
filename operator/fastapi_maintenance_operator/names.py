"""Names that the operator and the cluster share."""

from __future__ import annotations

FIELD_MANAGER = "fastapi-maintenance-operator"
"""Who owns the fields that the operator applies."""

CONTROLLER = "fastapi-maintenance.io/operator"
"""``reportingController`` of Events."""

PLAN_CONFIGMAP = "fastapi-maintenance-plan"
PLAN_KEY = "windows.json"

CLUSTER_KIND = "ClusterMaintenanceWindow"
CLUSTER_PLURAL = "clustermaintenancewindows"
