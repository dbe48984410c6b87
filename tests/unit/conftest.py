"""What the unit tests share: asyncio is the loop that async tests run on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from weakref import WeakSet

import anyio
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


@pytest.fixture
def counting_ends() -> Iterator[None]:
    """Counting, once begun, goes on for the whole process."""
    of_anyio, of_asyncio, tracking = anyio.to_thread.run_sync, asyncio.to_thread, _gates.tracking
    yield
    anyio.to_thread.run_sync, asyncio.to_thread = of_anyio, of_asyncio
    _gates.tracking = tracking
    for gate in _gates.all_known():
        gate.hurry()


@pytest.fixture
def reader_in() -> Iterator[Callable[[str], None]]:
    """Lets whoever reads a terminal be in a zone, for the length of a test."""
    with pytest.MonkeyPatch.context() as patch:

        def put(zone: str) -> None:
            patch.setenv("TZ", zone)
            time.tzset()

        yield put
    time.tzset()
