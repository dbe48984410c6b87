"""Processes and questions in a few words, for tests of what is proven."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi_maintenance.backends.kubernetes.process import Pod, Self, WindowReport, new_object
from fastapi_maintenance.backends.kubernetes.process import Report as Said
from fastapi_maintenance.backends.ledger import Flight
from fastapi_maintenance.proof.claim import Claim
from fastapi_maintenance.proof.processes import Process, read_process
from fastapi_maintenance.proof.proving import Proof, Question, prove
from fastapi_maintenance.windows import Window, occurrence_at
from fastapi_maintenance.windows.scope import scope_of
from tests.unit.making import at, fixed, window

NOON, ONE = "2026-06-01T12:00Z", "2026-06-01T13:00Z"
NOW = "2026-06-01T12:10Z"
UPGRADE = window(fixed((NOON, ONE)), uid="uid-of-w", generation=1, apps=("orders",))


def report(about: Window = UPGRADE, now: str = NOW, **changes: Any) -> WindowReport:
    """What a process says that enforces a window and has nothing in flight."""
    occurrence = occurrence_at(about, at(now))
    assert occurrence is not None
    said = WindowReport(
        about.uid, about.name, about.generation, scope_of(about), occurrence.start, occurrence.end
    )
    return replace(said, **changes)


def flights(*since: str, route: str = "/export/{id}") -> dict[str, Any]:
    """Requests in flight."""
    oldest = sorted(Flight(at(each).timestamp(), "GET", route) for each in since)
    return {"in_flight": len(oldest), "oldest": tuple(oldest)}


def stored_process(
    pod: str | None = "orders-1",
    *reports: WindowReport,
    heard: str = NOW,
    app: str | None = "orders",
    name: str | None = None,
    container: str | None = None,
) -> dict[str, Any]:
    """The object that a process writes, as the API server gives it back."""
    where = Pod(pod, f"uid-of-{pod}", container) if pod else None
    name = name or f"mp-{pod}"
    item = new_object(name, Self(app, where), Said(reports), at(heard))
    item["metadata"] |= {"uid": f"uid-of-{name}", "resourceVersion": "1", "namespace": "shop"}
    return item


def process(pod: str | None = "orders-1", *reports: WindowReport, **changes: Any) -> Process:
    """The same, as the operator reads it."""
    return read_process(stored_process(pod, *reports, **changes))


def asked(about: Window = UPGRADE, now: str | datetime = NOW, **changes: Any) -> Question:
    """The question whether a window is enforced."""
    instant = at(now) if isinstance(now, str) else now
    occurrence = occurrence_at(about, instant)
    assert occurrence is not None
    return Question(about, occurrence, instant, **changes)


def proof_of(*processes: Process, about: Window = UPGRADE, now: str = NOW, **changes: Any) -> Proof:
    """What some processes prove."""
    return prove(asked(about, now, **changes), processes)


def claimed(*processes: Process, about: Window = UPGRADE, now: str = NOW) -> Claim:
    """What some processes have proven before."""
    claim = proof_of(*processes, about=about, now=now).claim
    assert claim is not None
    return claim


def both(proof: Proof) -> tuple[tuple[str, str], tuple[str, str]]:
    """Status and reason of Enforced, and of Drained."""
    enforced, drained = proof.verdicts
    return (enforced.word, enforced.reason), (drained.word, drained.reason)


def all_say(status: str, reason: str) -> Iterable[tuple[str, str]]:
    """The same of both."""
    return (status, reason), (status, reason)


PROVEN = (("True", "AllEnforce"), ("True", "AllDrained"))


class MemoryProcesses:
    """The processes and Pods of a cluster in memory, and what was asked of it in which order."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.lists = 0
        self.looked_at: list[str] = []
        self.removed: list[str] = []
        self.failing: list[Exception] = []

    def put(self, item: dict[str, Any]) -> dict[str, Any]:
        """Register a process, or let it say something else; gives what a watch would tell."""
        known = self.items.get(item["metadata"]["name"])
        version = int(known["metadata"]["resourceVersion"]) + 1 if known else 1
        item["metadata"]["resourceVersion"] = str(version)
        self.items[item["metadata"]["name"]] = item
        return copy.deepcopy(item)

    async def list(self, namespace: str) -> list[dict[str, Any]]:
        self.lists += 1
        if self.failing:
            raise self.failing.pop(0)
        found = [i for i in self.items.values() if i["metadata"]["namespace"] == namespace]
        return copy.deepcopy(found)

    async def get_pod(self, namespace: str, name: str) -> dict[str, Any] | None:
        self.looked_at.append(name)
        return self.pods.get(name)

    async def remove(self, namespace: str, process: Process) -> bool:
        item = self.items.get(process.name)
        if item is None or item["metadata"]["resourceVersion"] != process.version:
            return False
        self.removed.append(process.name)
        del self.items[process.name]
        return True
