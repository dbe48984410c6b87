"""Who has a window in its hands, and who opened it, by what the object tells."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.cli._seen import parent_of, see, warning_of
from tests.unit.making import at, manifest

NOW = at("2026-06-01T12:00Z")


def item(**metadata: Any) -> dict[str, Any]:
    """A window that is open, with more in its metadata."""
    found = manifest("w")
    found["metadata"] |= metadata
    return found


def by(manager: str) -> dict[str, Any]:
    """What the API server keeps of whoever wrote the spec."""
    return {"managedFields": [{"manager": manager, "fieldsV1": {"f:spec": {}}}]}


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}}, "Argo CD"),
        (by("argocd-controller"), "Argo CD"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "x"}}, "Flux"),
        (by("kustomize-controller"), "Flux"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        (by("kubectl-client-side-apply"), None),
    ],
)
def test_a_tool_that_will_bring_fields_back_is_known_by_its_marks(
    metadata: dict[str, Any], tool: str | None
) -> None:
    warning = warning_of(item(**metadata), "spec.endedAt")
    assert (warning is None) if tool is None else (warning or "").startswith(f"warning: {tool} ")


def test_who_opened_a_window_is_a_person_or_else_a_program() -> None:
    named = item(annotations={"fastapi-maintenance.io/opened-by": "jane"}, **by("x"))
    assert see(named, NOW).opened_by == "jane"
    assert see(item(**by("kubectl-edit")), NOW).opened_by == "kubectl-edit"
    assert see(item(), NOW).opened_by == ""


def test_a_child_of_a_cluster_window_knows_its_parent() -> None:
    owner = {"kind": "ClusterMaintenanceWindow", "name": "all"}
    assert parent_of(item(ownerReferences=[owner])) == "all"
    assert parent_of(item(ownerReferences=[{"kind": "Shop", "name": "all"}])) is None


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        ({}, "Open"),
        ({"suspend": True}, "Suspended"),
        ({"end": "2026-02-01T00:00:00Z"}, "Finished"),
        ({"start": "2027-01-01T00:00:00Z"}, "Scheduled"),
        ({"apps": []}, "Invalid"),
    ],
)
def test_the_state_is_that_of_the_condition_active(spec: dict[str, Any], state: str) -> None:
    assert see(manifest("w", **spec), NOW).state == state
