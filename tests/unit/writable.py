"""A cluster in memory that can be written, and whose watch is slower than any test."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import pytest

from fastapi_maintenance.backends import blocks, stages
from fastapi_maintenance.backends.kubernetes import writer as writer_module
from fastapi_maintenance.backends.kubernetes import written
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from tests.unit.clustered import StandingCluster, put_into

WRITES = "fastapi-maintenance-writes"


class WritableCluster(StandingCluster):
    """Takes writes as the API server does; what a watch would tell of them never comes.

    Attributes:
        requests: method and path of each request that writes or looks at one object.
        failing: a method to what its next requests end in.
        losing: methods whose next requests are done, but nobody hears of it; the last one first.
        garbling: as `losing`, but something else than the object is heard.
        lags: lists are of the beginning, unless a later version is asked for.
    """

    def __init__(self, *windows: dict[str, Any], **configmaps: dict[str, str]) -> None:
        super().__init__(*windows, **configmaps)
        self.version = 1
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.failing: dict[str, list[Exception]] = {}
        self.losing: list[str] = []
        self.garbling: list[str] = []
        self.lags = False
        self._first = copy.deepcopy((self.windows, self.configmaps))
        self._lock = threading.Lock()

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        answer = await super().get(path, params)
        if self.lags and int(params.get("resourceVersion") or 0) < self.version:
            now, (self.windows, self.configmaps) = (self.windows, self.configmaps), self._first
            answer["items"] = copy.deepcopy(self._items(path, params))
            self.windows, self.configmaps = now
            return answer
        return answer | {"metadata": {"resourceVersion": str(self.version)}}

    async def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        with self._lock:
            if self.away:
                raise Unreachable("connection refused", sent=False)
            self.requests.append((method, path.rpartition("/")[2]))
            self.bodies.append(json.loads(body) if body else None)
            if self.failing.get(method):
                raise self.failing[method].pop(0)
            answer = copy.deepcopy(self._answer(method, path, self.bodies[-1], content_type))
        if self.losing and self.losing[-1] == method:
            self.losing.pop()
            raise Unreachable("the answer was lost")
        if self.garbling and self.garbling[-1] == method:
            self.garbling.pop()
            return {"message": "by a proxy"}
        return answer

    def _answer(self, method: str, path: str, body: Any, content_type: str) -> dict[str, Any]:
        if "/configmaps/" in path:
            return self._configmap("apply" in content_type, body)
        if method == "POST":
            return self._create(body)
        item = next((i for i in self.windows if i["metadata"]["name"] == path.split("/")[-1]), None)
        if item is None:
            raise ApiError(404, "maintenancewindows not found")
        if method == "DELETE":
            self.windows.remove(item)
        if method == "PATCH":
            item["spec"] |= body["spec"]
            self._number(item)
        return item

    def _configmap(self, apply: bool, body: Any) -> dict[str, Any]:
        name = "fastapi-maintenance"
        if apply:
            self.configmaps.setdefault("fastapi_maintenance", {})
        if "fastapi_maintenance" not in self.configmaps:
            raise ApiError(404, f'configmaps "{name}" not found')
        data = self.configmaps["fastapi_maintenance"]
        data |= body.get("data", {})
        return self._number({"kind": "ConfigMap", "metadata": {"name": name}, "data": data})

    def _create(self, body: Any) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if any(item["metadata"]["name"] == name for item in self.windows):
            raise ApiError(409, f'"{name}" already exists')
        item = self._number(copy.deepcopy(body))
        item["metadata"] |= {"uid": f"uid-{self.version}", "namespace": "shop", "generation": 1}
        for pruned in ("description", "ttlSecondsAfterFinished"):
            item["spec"].pop(pruned, None)
        self.windows.append(item)
        return item

    def _number(self, item: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        return item

    @property
    def names(self) -> list[str]:
        """Of the windows that there are."""
        return [item["metadata"]["name"] for item in self.windows]


def put_writable(cluster: WritableCluster, patch: pytest.MonkeyPatch) -> None:
    """Let backends that are made from now on write there, too."""
    put_into(cluster, patch)
    for module in (blocks, stages, written):  # nothing of other clusters is remembered
        patch.setattr(module, "_shared", WeakValueDictionary())
    patch.setattr(writer_module, "Transport", lambda _: cluster)


def writing_threads() -> int:
    """How many threads write, once those that are about to end have done so."""
    until = time.monotonic() + 5
    while time.monotonic() < until and _writing_threads():
        time.sleep(0.005)
    return _writing_threads()


def _writing_threads() -> int:
    return sum(thread.name == WRITES for thread in threading.enumerate())
