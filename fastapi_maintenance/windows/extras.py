"""Libraries that belong to an extra, imported only where they are used."""

from __future__ import annotations

import importlib
from types import ModuleType


def load(module: str, purpose: str) -> ModuleType:
    """The module, or an ImportError of one line that says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as cause:
        raise ImportError(f"{purpose} need: pip install 'fastapi-maintenance[windows]'") from cause
