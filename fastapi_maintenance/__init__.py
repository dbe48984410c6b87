"""Maintenance mode for FastAPI: planned windows, from a laptop's file to a Kubernetes fleet.

Names load when they are first used (PEP 562): ``fastapi_maintenance.windows`` serves the operator
and the command line, and imports no web framework.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends import BaseStateBackend, EnvVarBackend, K8sBackend, LocalFileBackend
    from .backends.base import StateNotWritten
    from .backends.work import MaintenanceActive
    from .current import (
        BackendNotConfigured,
        MaintenanceState,
        configure_backend,
        get_maintenance_mode,
        maintenance_state,
        set_maintenance_mode,
    )
    from .decorators import force_maintenance_mode_off, force_maintenance_mode_on, needs
    from .middleware import MaintenanceModeMiddleware
    from .overrides import maintenance_mode_off, maintenance_mode_on

__all__ = [
    "BackendNotConfigured",
    "BaseStateBackend",
    "EnvVarBackend",
    "K8sBackend",
    "LocalFileBackend",
    "MaintenanceActive",
    "MaintenanceModeMiddleware",
    "MaintenanceState",
    "StateNotWritten",
    "configure_backend",
    "force_maintenance_mode_off",
    "force_maintenance_mode_on",
    "get_maintenance_mode",
    "maintenance_mode_off",
    "maintenance_mode_on",
    "maintenance_state",
    "needs",
    "set_maintenance_mode",
]

_MODULES = {
    "BaseStateBackend": "backends",
    "EnvVarBackend": "backends",
    "K8sBackend": "backends",
    "LocalFileBackend": "backends",
    "MaintenanceActive": "backends.work",
    "MaintenanceModeMiddleware": "middleware",
    "StateNotWritten": "backends.base",
    "force_maintenance_mode_off": "decorators",
    "force_maintenance_mode_on": "decorators",
    "maintenance_mode_off": "overrides",
    "maintenance_mode_on": "overrides",
    "needs": "decorators",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, 'current')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
