"""Maintenance mode for FastAPI: planned windows, from a laptop's file to a Kubernetes fleet.

Names load when they are first used (PEP 562): ``fastapi_maintenance.windows`` serves the operator
and the command line, and imports no web framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends import BaseStateBackend, EnvVarBackend, K8sBackend, LocalFileBackend
    from .middleware import MaintenanceModeMiddleware

__all__ = [
    "BaseStateBackend",
    "EnvVarBackend",
    "K8sBackend",
    "LocalFileBackend",
    "MaintenanceModeMiddleware",
]

_MODULES = dict.fromkeys(__all__, "fastapi_maintenance.backends") | {
    "MaintenanceModeMiddleware": "fastapi_maintenance.middleware"
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)
