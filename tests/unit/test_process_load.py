"""A thousand processes at one API server: what it sees of them when a window opens."""

from __future__ import annotations

import asyncio
import json
import os
import random
import weakref
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from fastapi_maintenance.backends import ledger
from fastapi_maintenance.backends.kubernetes import report_pace, reporter
from fastapi_maintenance.backends.kubernetes.process import Self
from fastapi_maintenance.backends.kubernetes.process_api import ProcessObject
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.backends.kubernetes.reporter import Reporter, Source
from fastapi_maintenance.backends.kubernetes.transport import Transport
from fastapi_maintenance.windows import Timeline
from tests.unit.making import Held, at, fixed, window

pytestmark = pytest.mark.anyio

PROCESSES = int(os.environ.get("PROCESSES", "300"))
"""How many; with PROCESSES=1000 it takes some seconds longer."""
NOON = at("2026-06-01T12:00Z").timestamp()


class Skipping(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nobody has anything left to do.

    So what a busy machine delays is no different, and nobody waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector: Any
        select = self._selector.select

        def skip(timeout: float | None = None) -> Any:
            found = select(None if timeout is None else 0)
            if timeout and not found:
                self._now += timeout
            return found

        self._selector.select = skip

    def time(self) -> float:
        return self._now


def clock() -> float:
    return asyncio.get_running_loop().time()


class CountingServer(Transport):
    """Takes whatever it is sent, and notes when."""

    def __init__(self) -> None:
        self.patches: list[float] = []
        self.acknowledged: set[str] = set()
        self.created = 0

    async def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        self.created += method == "POST"
        if method == "PATCH":
            self.patches.append(clock())
            if any(w["enforcing"] for w in json.loads(body)["spec"]["windows"]):
                self.acknowledged.add(path)
        return {"metadata": {"uid": "u", "resourceVersion": "1"}}

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        return {"items": [], "metadata": {"remainingItemCount": PROCESSES}}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No gates of other tests: where there are some, one of them should ask the backend."""
    monkeypatch.setattr(ledger, "_known", weakref.WeakSet())


@pytest.fixture(autouse=True)
def on_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reports goes by the clock of the loop, and each run is as the others."""
    monkeypatch.setattr(reporter, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(reporter, "wall_clock", lambda: NOON + clock())
    monkeypatch.setattr(report_pace, "random", random.Random(1))


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": Skipping}


async def test_when_a_window_opens_for_all_at_once_they_tell_it_one_after_the_other() -> None:
    """A hundred a second, and each only once: what follows is a slow heartbeat."""
    server = CountingServer()
    timelines = [Timeline((), "orders")]
    source = Source(lambda: timelines[-1])
    backend = Held()
    reporters = [Reporter(Account(backend, "orders"), source) for _ in range(PROCESSES)]
    running = [
        asyncio.create_task(
            r.run(ProcessObject(server, "shop", Self("orders"), "maintenancewindow"))
        )
        for r in reporters
    ]
    try:
        async with asyncio.timeout(60):
            while not all(reporter.vouches for reporter in reporters):
                await asyncio.sleep(0.05)
        assert server.created == PROCESSES
        before, opened = len(server.patches), clock()
        start = datetime.fromtimestamp(NOON + opened, UTC).isoformat()
        opening = window(fixed((start, None)), apps=("orders",), uid="u")
        timelines.append(Timeline((opening,), "orders"))
        async with asyncio.timeout(60):
            while len(server.acknowledged) < PROCESSES:
                await asyncio.sleep(0.05)
        took = clock() - opened
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    seconds = Counter(int(at - opened) for at in server.patches[before:])
    assert max(seconds.values()) <= 132, dict(seconds)
    # Heartbeats of those that had nothing to tell any more are few among them.
    assert len(server.patches) - before <= PROCESSES * 1.2 + 10
    assert took < PROCESSES / 100 + 5
