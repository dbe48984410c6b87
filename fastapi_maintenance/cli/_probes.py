"""Probes of Deployments that a window would refuse, so that its Pods would be restarted: pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi_maintenance.windows import Mode, Window, applies_to, covers

HEALTH_PATHS = (
    "/healthz", "/livez", "/readyz", "/health", "/health/*", "/live", "/ready", "/ping", "/metrics",
)  # fmt: skip
"""What the gate lets pass unless it is told otherwise; it is not imported here for its weight."""

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_APP_VARIABLE = "FASTAPI_MAINTENANCE_APP"
_LABELS = ("app.kubernetes.io/name", "app")

Object = Mapping[str, Any]


def refused_probes(window: Window, deployments: Sequence[Object]) -> Iterator[str]:
    """Each with what mends it. An application may let other paths pass: nobody here can know."""
    if window.mode is not Mode.FULL:
        return
    for deployment in deployments:
        template = deployment["spec"]["template"]
        for container in template["spec"].get("containers", ()):
            if not _concerns(window, deployment, container):
                continue
            for kind, path in _paths(container):
                if _is_refused(window, path):
                    name = deployment["metadata"]["name"]
                    yield (
                        f"Deployment {name}: {kind} GET {path} would be refused, and its Pods "
                        f"restarted or taken out: add health_paths=[{path!r}] to the middleware, "
                        "or allow.paths to the window"
                    )


def _concerns(window: Window, deployment: Object, container: Object) -> bool:
    """By the app's name where it is told, else by what people mostly name alike."""
    told = [e.get("value") for e in container.get("env", ()) if e.get("name") == _APP_VARIABLE]
    labels = deployment["metadata"].get("labels") or {}
    guessed = [deployment["metadata"]["name"], *(labels.get(label) for label in _LABELS)]
    return any(applies_to(window, name) for name in told or guessed if name)


def _paths(container: Object) -> Iterator[tuple[str, str]]:
    for kind in _PROBES:
        get = (container.get(kind) or {}).get("httpGet")
        if get:
            yield kind, str(get.get("path") or "/")


def _is_refused(window: Window, path: str) -> bool:
    path = path.partition("?")[0]
    if covers(HEALTH_PATHS, path) or covers(window.allow.paths, path):
        return False
    match = window.match
    hit = (not match.paths or covers(match.paths, path)) and not match.dependencies
    return hit and (not match.methods or "GET" in match.methods)
