"""A cluster in memory, a clock that is set, and an operator that works until nothing is left."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

import pytest

from fastapi_maintenance.windows import parse_plan
from fastapi_maintenance_operator import controller as controller_module
from fastapi_maintenance_operator.api import ClusterApi
from fastapi_maintenance_operator.controller import Controller
from fastapi_maintenance_operator.proof_rounds import Rounds
from fastapi_maintenance_operator.reconcile import Object, Observed
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
        self.events: dict[str, Object] = {}
        self.processes = MemoryProcesses()
        self.version = 100
        self.writes: list[str] = []
        self.lists = 0
        self.failing: dict[str, list[Exception]] = {}
        """Verb ("list", "plan", "status", "event") to what its next requests end in."""

    def put(self, name: str, /, namespace: str = "shop", **spec: object) -> Object:
        """Create a window, or change its spec; gives what a watch would tell of it."""
        self.version += 1
        known = self.windows.get((namespace, name))
        item = stored(name, self.version, **spec)
        item["metadata"]["namespace"] = namespace
        if known:
            item["metadata"]["generation"] = known["metadata"]["generation"] + 1
            item["status"] = known.get("status")
        self.windows[namespace, name] = item
        return copy.deepcopy(item)

    def remove(self, name: str, /, namespace: str = "shop") -> Object:
        """Delete a window; gives what a watch would tell of it."""
        self.version += 1
        item = self.windows.pop((namespace, name))
        item["metadata"]["resourceVersion"] = str(self.version)
        return item

    async def list_windows(self) -> tuple[list[Object], int]:
        self._fail("list")
        self.lists += 1
        return copy.deepcopy(list(self.windows.values())), self.version

    async def list_plans(self) -> dict[str, str]:
        return dict(self.plans)

    async def apply_plan(self, namespace: str, text: str) -> None:
        self._fail("plan")
        self.plans[namespace] = text
        self.writes.append(f"plan {namespace}")

    async def apply_status(self, observed: Observed, status: Object) -> Object:
        self._fail("status")
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
        super().__init__(cluster, Rounds(cluster.processes, lambda: Clock.instant))
        self.cluster = cluster

    async def _sleep(self) -> None:
        edge = self._scheduler.next()
        if not self._dirty and (edge is None or edge > Clock.instant):
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
