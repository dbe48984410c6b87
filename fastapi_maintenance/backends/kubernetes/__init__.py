"""Maintenance windows from a Kubernetes cluster."""

try:
    import httptools  # noqa: F401
except ImportError as cause:
    raise ImportError("K8sBackend needs: pip install 'fastapi-maintenance[kubernetes]'") from cause

from .backend import K8sBackend
from .watcher import Health

__all__ = ["Health", "K8sBackend"]
