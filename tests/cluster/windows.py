"""MaintenanceWindows as tests apply them, and what the cluster says of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi_maintenance.windows import API_VERSION, KIND, PLURAL, format_instant

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl


def in_seconds(seconds: float) -> datetime:
    """An instant from now, in whole seconds, as people write them."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)


def far_weekday() -> str:
    """A weekday, as cron has it, on which nothing is open now or soon, whenever a test runs."""
    return f"{in_seconds(3 * 86_400):%a}".lower()


def manifest(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """A window for the app orders; instants may be datetimes."""
    values = {k: format_instant(v) if isinstance(v, datetime) else v for k, v in spec.items()}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"apps": ["orders"], **values},
    }


def apply_window(kubectl: Kubectl, name: str, namespace: str, **spec: Any) -> None:
    """`kubectl apply` it."""
    kubectl("apply", "-f", "-", input=json.dumps(manifest(name, namespace, **spec)))


def get_window(kubectl: Kubectl, name: str, namespace: str) -> dict[str, Any]:
    """The object as it stands, without who owns which field."""
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}/{name}"
    found: dict[str, Any] = kubectl.request("GET", path)
    del found["metadata"]["managedFields"]
    return found


def condition(window: dict[str, Any], kind: str) -> dict[str, Any]:
    """One of its conditions."""
    conditions = window.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {})


def wait_for_condition(kubectl: Kubectl, name: str, namespace: str, what: str) -> None:
    """`kubectl wait` for a condition such as Ready, or Active=false."""
    kubectl("wait", f"--for=condition={what}", f"mw/{name}", "-n", namespace, "--timeout=120s")


def reasons(kubectl: Kubectl, namespace: str) -> list[str]:
    """The reasons of all Events in a namespace, sorted."""
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    items = kubectl.request("GET", path)["items"]
    return sorted(item["reason"] for item in items if item["reason"].startswith("Window"))
