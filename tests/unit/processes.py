"""An API server in memory that holds MaintenanceProcesses, and can be made to fail."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from fastapi_maintenance.backends import ledger
from fastapi_maintenance.backends.forks import ForkLock
from fastapi_maintenance.backends.kubernetes import report_thread
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.backends.ledger import Flight, Ledger, add
from fastapi_maintenance.windows import State
from tests.unit.clustered import StandingCluster, put_into

Object = dict[str, Any]


class ProcessServer(StandingCluster):
    """Beside windows, the MaintenanceProcesses of one namespace, as etcd would keep them."""

    def __init__(self, *windows: Object, **configmaps: dict[str, str]) -> None:
        super().__init__(*windows, **configmaps)
        self.processes: dict[str, Object] = {}
        self.writes: list[tuple[float, str, str]] = []
        """When (monotonic seconds), which method, which object."""
        self.refuses: ApiError | Unreachable | None = None
        """What every write of a process is answered with."""
        self.loses_answers = False
        """Whether writes are done, but nobody hears of it."""
        self.is_slow = False
        """Whether registrations stay on their way until they `arrive`, whoever waits for them."""
        self.on_their_way: list[tuple[str, Object]] = []
        self.consistent_lists = 0
        """Lists of windows without a resourceVersion."""
        self.too_new_for_caches: list[Object] = []
        """Windows that only a consistent list has."""
        self.order: list[str] = []
        """What was asked, in its order."""
        self._versions = itertools.count(2)
        self._lock = ForkLock()

    async def get(self, path: str, params: Mapping[str, str]) -> Object:
        if "/maintenanceprocesses" in path:
            return self._processes(path, params)
        if path.endswith("/configmaps/fastapi-maintenance-plan"):
            return self._plan()
        consistent = "resourceVersion" not in params
        self.consistent_lists += consistent
        self.order.append("consistent list" if consistent else "list")
        answer = await super().get(path, params)
        return {**answer, "items": answer["items"] + self.too_new_for_caches * consistent}

    async def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> Object:
        name = path.rpartition("/")[2]
        given = json.loads(body) if body else {}
        self.order.append(method)
        self.writes.append((time.monotonic(), method, name))
        if self.away:
            raise Unreachable("connection refused", sent=False)
        if self.refuses:
            raise self.refuses
        if self.is_slow and method == "POST":
            self.on_their_way.append((name, given))
            await asyncio.Event().wait()
        with self._lock:
            answer: Object = getattr(self, f"_{method.lower()}")(name, given)
        if self.loses_answers:
            raise Unreachable("the answer was lost")
        return answer

    def arrive(self) -> None:
        """What was on its way is done; who asked for it may be gone."""
        for name, given in self.on_their_way:
            self._post(name, given)
        self.on_their_way = []

    def _plan(self) -> Object:
        if "fastapi_maintenance_plan" not in self.configmaps:
            raise ApiError(404, "not found")
        return {"data": self.configmaps["fastapi_maintenance_plan"]}

    @property
    def specs(self) -> list[Object]:
        """What all processes say."""
        return [item["spec"] for item in list(self.processes.values())]

    def reported(self, name: str = "move") -> Object | None:
        """What the only process says of a window."""
        windows = [w for spec in self.specs for w in spec["windows"] if w["name"] == name]
        return windows[0] if windows else None

    def _post(self, _: str, given: Object) -> Object:
        name = given["metadata"]["name"]
        if name in self.processes:
            raise ApiError(409, "already exists")
        version = str(next(self._versions))
        given["metadata"] |= {"uid": f"uid-{version}", "resourceVersion": version}
        self.processes[name] = given
        return given

    def _patch(self, name: str, given: Object) -> Object:
        item = self._found(name)
        if given["metadata"].get("uid") != item["metadata"]["uid"]:
            raise ApiError(409, "the uid is another")
        item["spec"] |= given["spec"]
        item["metadata"]["resourceVersion"] = str(next(self._versions))
        return json.loads(json.dumps(item))  # type: ignore[no-any-return]

    def _delete(self, name: str, given: Object) -> Object:
        metadata = self._found(name)["metadata"]
        wanted = given.get("preconditions", {})
        assert set(wanted) in ({"uid", "resourceVersion"}, set())
        if any(metadata[key] != value for key, value in wanted.items()):
            raise ApiError(409, "it is another version")
        return self.processes.pop(name)

    def _found(self, name: str) -> Object:
        if name not in self.processes:
            raise ApiError(404, "not found")
        return self.processes[name]

    def _processes(self, path: str, params: Mapping[str, str]) -> Object:
        if self.away:
            raise Unreachable("connection refused", sent=False)
        name = path.partition("/maintenanceprocesses")[2].strip("/")
        if name:
            return self._found(name)
        items = list(self.processes.values())
        if selector := params.get("fieldSelector"):
            pod = selector.removeprefix("spec.pod.name=")
            items = [i for i in items if i["spec"].get("pod", {}).get("name") == pod]
        metadata: Object = {"resourceVersion": "1"}
        if params.get("limit") == "1":
            metadata["remainingItemCount"] = max(0, len(items) - 1)
            items = items[:1]
        return {"items": items, "metadata": metadata}


def serve(server: ProcessServer, patch: pytest.MonkeyPatch) -> None:
    """Let backends that are made from now on find this server."""
    put_into(server, patch)
    patch.setattr(ledger, "_known", weakref.WeakSet())  # no gates of other tests
    patch.setattr(report_thread, "Transport", lambda *_: server)


class Book(Ledger):
    """A ledger that says what the test says."""

    def __init__(self, backend: object) -> None:
        self.flights: list[Flight] = []
        self.unseen = 0
        self.why: str | None = None
        self.asked: list[State] = []
        self._backend = backend
        add(self)

    def asks(self, backend: object) -> bool:
        return backend is self._backend

    def covered(self, state: State) -> list[Flight]:
        self.asked.append(state)
        return [] if state.quiet else list(self.flights)

    def uncounted(self) -> int:
        return self.unseen

    def running(self) -> int:
        return len(self.flights)

    def lapse(self) -> str | None:
        return self.why

    @contextmanager
    def runs(self, route: str = "/export/{id}", since: float = 0.0) -> Iterator[None]:
        """While a request runs."""
        flight = Flight(since, "POST", route)
        self.flights.append(flight)
        try:
            yield
        finally:
            self.flights.remove(flight)
