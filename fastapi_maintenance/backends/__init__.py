"""Where a process learns whether it is in maintenance: one module for each source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import BaseStateBackend
from .env import EnvVarBackend
from .file import LocalFileBackend

if TYPE_CHECKING:
    from .kubernetes import K8sBackend

__all__ = ["BaseStateBackend", "EnvVarBackend", "K8sBackend", "LocalFileBackend"]


def __getattr__(name: str) -> Any:
    # Its extra need not be installed, and its weight is for those who use it.
    if name == "K8sBackend":
        from .kubernetes import K8sBackend

        return K8sBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
