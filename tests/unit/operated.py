"""A cluster in memory, a clock that is set, and an operator that works until nothing is left."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

import pytest
from kubernetes_asyncio.client import ApiException

from fastapi_maintenance.windows import parse_plan
from fastapi_maintenance_operator import controller as controller_module
from fastapi_maintenance_operator.api import ClusterApi
from fastapi_maintenance_operator.controller import Controller
from fastapi_maintenance_operator.names import CLUSTER_KIND, PLAN_CONFIGMAP, PLAN_KEY
from fastapi_maintenance_operator.plans import Plan, PlanChanged
from fastapi_maintenance_operator.proof_rounds import Rounds
from fastapi_maintenance_operator.reconcile import Object, Observed
from fastapi_maintenance_operator.view import Present, Take
from fastapi_maintenance_operator.windows import key_of
from fastapi_maintenance_operator.wire import Left
from tests.unit.making import at, stored
from tests.unit.proving import MemoryProcesses


class Quiet(Exception):
    """There is nothing left to do at this instant."""


class Clock(datetime):
    """Stands where the controller takes the time from."""

    instant = at("2026-06-01T11:00Z")

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return cls.instant


class MemoryCluster(ClusterApi):
    """Keeps windows and plans, and notes what is written in which order."""

    def __init__(self) -> None:
        self.windows: dict[tuple[str, str], Object] = {}
        self.plans: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self.namespaces: dict[str, Object] = {}
        self.events: dict[str, Object] = {}
        self.processes = MemoryProcesses()
        self.version = 100
        self.writes: list[str] = []
        self.lists = 0
        self.failing: dict[str, list[Exception]] = {}
        """Verb ("list", "plan", "status", "event", "delete") to what its next requests end in."""

    def put(self, name: str, /, namespace: str = "shop", **spec: object) -> Object:
        """Create a window, or change its spec; gives what a watch would tell of it."""
        self.version += 1
        known = self.windows.get((namespace, name))
        item = stored(name, self.version, **spec)
        item["metadata"]["namespace"] = namespace
        if known:
            item["metadata"] = {**known["metadata"], "resourceVersion": str(self.version)}
            item["metadata"]["generation"] += 1
            item["status"] = known.get("status")
        self.windows[namespace, name] = item
        return copy.deepcopy(item)

    def remove(self, name: str, /, namespace: str = "shop") -> Object:
        """Delete a window; gives what a watch would tell of it."""
        self.version += 1
        item = self.windows.pop((namespace, name))
        item["metadata"]["resourceVersion"] = str(self.version)
        return item

    async def list_windows(self, take: Take, namespace: str | None = None) -> Present:
        self._fail("list")
        self.lists += 1
        return self._give(
            take, [o for (ns, _), o in self.windows.items() if ns and namespace in (None, ns)]
        )

    async def list_parents(self, take: Take) -> Present:
        return self._give(take, [o for (ns, _), o in self.windows.items() if not ns])

    def _give(self, take: Take, found: list[Object]) -> Present:
        for item in copy.deepcopy(found):
            take(item)
        return {key_of(item) for item in found}, self.version

    async def list_namespaces(self) -> tuple[list[Object], int]:
        return copy.deepcopy(list(self.namespaces.values())), self.version

    def label(self, namespace: str, /, **labels: str) -> Object:
        """Create a namespace, or give it other labels; gives what a watch would tell of it."""
        self.version += 1
        metadata = {"name": namespace, "resourceVersion": str(self.version), "labels": labels}
        self.namespaces[namespace] = {"kind": "Namespace", "metadata": metadata}
        return copy.deepcopy(self.namespaces[namespace])

    def put_parent(self, name: str, /, *, selector: Object | None = None, **spec: object) -> Object:
        """Create a ClusterMaintenanceWindow, or change it."""
        item = self.put(name, namespace="", namespaceSelector=selector or {}, **spec)
        item["kind"] = self.windows["", name]["kind"] = CLUSTER_KIND
        return item

    async def create_window(self, window: Object) -> Object | None:
        self._fail("create")
        metadata = window["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        if (namespace, name) in self.windows:
            return None
        self.put(name, namespace=namespace, **window["spec"])
        made = self.windows[namespace, name]
        made["metadata"] |= {**metadata, "uid": f"uid-of-{namespace}-{name}"}
        self.writes.append(f"create {namespace}/{name}")
        return copy.deepcopy(made)

    async def replace_spec(self, window: Observed, spec: Object) -> Object | None:
        standing = self.windows.get((window.namespace, window.name))
        if standing is None or standing["metadata"]["resourceVersion"] != str(window.version):
            return None
        self.version += 1
        standing["spec"] = copy.deepcopy(spec)
        standing["metadata"]["generation"] += 1
        standing["metadata"]["resourceVersion"] = str(self.version)
        self.writes.append(f"restore {window.namespace}/{window.name}")
        return copy.deepcopy(standing)

    def edit_plan(self, text: str | None, namespace: str = "shop") -> tuple[str, Object]:
        """Change a plan by hand, or delete it with None; gives what a watch would tell of it."""
        self.version += 1
        self._versions[namespace] = self.version
        kind = "MODIFIED"
        if text is None:
            kind, text = "DELETED", self.plans.pop(namespace)
        else:
            self.plans[namespace] = text
        return kind, self.configmap(namespace, text)

    def configmap(self, namespace: str, text: str) -> Object:
        """A plan as a watch tells of it."""
        version = str(self._versions[namespace])
        metadata = {"namespace": namespace, "name": PLAN_CONFIGMAP, "resourceVersion": version}
        return {"kind": "ConfigMap", "metadata": metadata, "data": {PLAN_KEY: text}}

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        found = {namespace: await self.read_plan(namespace) for namespace in self.plans}
        return {namespace: plan for namespace, plan in found.items() if plan}, self.version

    async def read_plan(self, namespace: str) -> Plan | None:
        text = self.plans.get(namespace)
        return None if text is None else Plan(text, self._versions.get(namespace, 1))

    async def apply_plan(self, namespace: str, text: str, version: int | None) -> Plan | None:
        self._fail("plan")
        found = await self.read_plan(namespace)
        if (found.version if found else None) != version:
            raise PlanChanged("the object has been modified")
        self.version += 1
        self.plans[namespace], self._versions[namespace] = text, self.version
        self.writes.append(f"plan {namespace}")
        return Plan(text, self.version)

    async def delete_window(self, observed: Observed) -> None:
        self._fail("delete")
        standing = self.windows[observed.namespace, observed.name]["metadata"]
        if standing["resourceVersion"] != observed.object["metadata"]["resourceVersion"]:
            raise ApiException(status=409, reason="Conflict")
        self.remove(observed.name, observed.namespace)
        self.writes.append(f"delete {observed.name}")

    async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
        self._fail("status")
        left()
        self.version += 1
        item = self.windows[observed.namespace, observed.name]
        item["status"] = copy.deepcopy(status)
        item["metadata"]["resourceVersion"] = str(self.version)
        self.writes.append(f"status {observed.name}")
        return copy.deepcopy(item)

    async def create_event(self, event: Object) -> None:
        self._fail("event")
        self.events.setdefault(event["metadata"]["name"], event)
        self.writes.append(f"event {event['reason']}")

    def _fail(self, verb: str) -> None:
        if self.failing.get(verb):
            raise self.failing[verb].pop(0)

    # What tests ask for

    def condition(self, name: str, kind: str, namespace: str = "shop") -> tuple[str, str]:
        """Status and reason of a condition, as they stand in the cluster."""
        status = self.windows[namespace, name]["status"]
        (found,) = [c for c in status["conditions"] if c["type"] == kind]
        return found["status"], found["reason"]

    def planned(self, namespace: str = "shop") -> list[str]:
        """Names of the windows in a plan."""
        return [window.name for window in parse_plan(self.plans[namespace])]

    def written(self) -> list[str]:
        """What was written since this was asked for last."""
        writes, self.writes = self.writes, []
        return writes


class Operator(Controller):
    """A controller that works at one instant until nothing is left to do."""

    def __init__(self, cluster: MemoryCluster) -> None:
        super().__init__(
            cluster,
            Rounds(cluster.processes, lambda: Clock.instant, lambda: Clock.instant.timestamp()),
        )
        self.cluster = cluster

    async def _sleep(self) -> None:
        due = self._agenda.next(Clock.instant)
        if not self._listed or due is None or due > Clock.instant:
            raise Quiet

    async def work(self) -> list[str]:
        """Do what is to do now; gives what was written."""
        with contextlib.suppress(Quiet):
            await self.run()
        return self.cluster.written()

    async def work_at(self, instant: str) -> list[str]:
        Clock.instant = at(instant)
        return await self.work()

    async def work_after(self, **duration: float) -> list[str]:
        Clock.instant += timedelta(**duration)
        return await self.work()


@contextlib.contextmanager
def clock_at(instant: str) -> Iterator[None]:
    """Let the controller's clock stand at an instant, to begin with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(controller_module, "datetime", Clock)
        Clock.instant = at(instant)
        yield
