"""An API server that takes what processes say, and backends that report to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastapi_maintenance import K8sBackend
from tests.unit.making import stored
from tests.unit.processes import ProcessServer, serve

POD = {"POD_NAME": "orders-1", "POD_UID": "pod-uid"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ProcessServer:
    """One window, open for the app orders; nothing reports yet."""
    server = ProcessServer(stored("move", apps=["orders"]))
    serve(server, monkeypatch)
    for name, value in POD.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def make(server: ProcessServer) -> Iterator[Callable[..., K8sBackend]]:
    """Makes backends that report."""
    made: list[K8sBackend] = []

    def one(app: str | None = "orders", **options: Any) -> K8sBackend:
        made.append(K8sBackend(app, report=True, **options))
        return made[-1]

    yield one
    for backend in made:
        backend.close()


Make = Callable[..., K8sBackend]
