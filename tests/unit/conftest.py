"""What the unit tests share: asyncio is the loop that async tests run on."""

from __future__ import annotations

from weakref import WeakSet

import pytest

from fastapi_maintenance import _gates


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def no_other_middlewares(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if none had been made or configured before this test."""
    monkeypatch.setattr(_gates, "configured", None)
    monkeypatch.setattr(_gates, "known", WeakSet())
