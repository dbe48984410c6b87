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

LEASE = "fastapi-maintenance-operator"
"""The Lease of whoever acts; its name is fixed, so that two operators of one namespace, or of one
cluster and release namespace, exclude each other whatever their releases are called."""
