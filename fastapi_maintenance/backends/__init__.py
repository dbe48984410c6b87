"""Where a process learns whether it is in maintenance: one module for each source."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .base import BaseStateBackend
from .env import EnvVarBackend

if TYPE_CHECKING:
    from .file import LocalFileBackend
    from .kubernetes import K8sBackend

__all__ = ["BaseStateBackend", "EnvVarBackend", "K8sBackend", "LocalFileBackend"]


_MODULES = {"K8sBackend": "kubernetes", "LocalFileBackend": "file"}
"""Where a name is whose weight, and whose extra, is for those alone who use it."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
