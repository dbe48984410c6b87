"""Probes that a window would refuse are named before it opens."""

from __future__ import annotations

from typing import Any

import pytest

from fastapi_maintenance.cli._probes import HEALTH_PATHS, refused_probes
from fastapi_maintenance.middleware import HEALTH_PATHS as GATE_PATHS
from fastapi_maintenance.windows import Allow, Match, Window
from tests.unit.making import fixed, window

OPEN = fixed(("2026-06-01T00:00Z", None))


def deployment(path: str, app: str | None = None, name: str = "orders") -> dict[str, Any]:
    """One container with a readiness probe."""
    env = [{"name": "FASTAPI_MAINTENANCE_APP", "value": app}] if app else []
    probe = {"httpGet": {"path": path, "port": 8000}}
    container = {"name": "web", "env": env, "readinessProbe": probe}
    return {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def test_the_paths_that_pass_are_those_of_the_gate() -> None:
    assert HEALTH_PATHS == GATE_PATHS


@pytest.mark.parametrize(
    ("about", "given", "refused"),
    [
        (window(OPEN), deployment("/status"), True),
        (window(OPEN), deployment("/healthz?full=1"), False),
        (window(OPEN, allow=Allow(paths=("/status",))), deployment("/status"), False),
        (window(OPEN, match=Match(paths=("/api/*",))), deployment("/status"), False),
        (window(OPEN, match=Match(methods=("POST",))), deployment("/status"), False),
        (window(OPEN, mode="ReadOnly"), deployment("/status"), False),
        (window(OPEN, apps=("orders",)), deployment("/status"), True),
        (window(OPEN, apps=("orders",)), deployment("/status", app="billing"), False),
        (window(OPEN, apps=("billing",)), deployment("/status", app="billing"), True),
    ],
)
def test_a_probe_is_named_where_the_window_refuses_it(
    about: Window, given: dict[str, Any], refused: bool
) -> None:
    found = list(refused_probes(about, [given]))
    assert len(found) == refused
    if refused:
        assert "readinessProbe GET /status would be refused" in found[0]
        assert "health_paths=['/status']" in found[0]
