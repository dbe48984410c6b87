"""The plan ConfigMap of each namespace: restored when others touch it, and never going back.

A plan is written only over the one that was read, and what it is made of was read after that one.
So whatever an earlier plan rested on, the next one does too, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .names import PLAN_KEY
from .reconcile import Object
from .windows import Key


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it stands in the cluster."""

    text: str
    version: int
    """The resource version of its ConfigMap."""


class PlanChanged(Exception):
    """Somebody else wrote the plan since it was read."""


class PlanApi(Protocol):
    """What plans need of the cluster."""

    async def read_plan(self, namespace: str) -> Plan | None:
        """The plan as it stands now; None where there is none."""

    async def apply_plan(self, namespace: str, text: str, version: int | None) -> Plan | None:
        """Write over the plan of a version, or with None make the first one.

        Gives the new one, or None where a namespace that is going needs none.

        Raises:
            PlanChanged: another one stands there.
        """


def plan_of(configmap: Object) -> Plan:
    """What a ConfigMap of the API server holds."""
    text = (configmap.get("data") or {}).get(PLAN_KEY, "")
    return Plan(str(text), int(configmap["metadata"]["resourceVersion"]))


class Plans:
    """The plans that are known, and who wrote them last."""

    def __init__(self, api: PlanApi) -> None:
        self._api = api
        self._known: dict[str, Plan] = {}
        self._foreign: set[str] = set()
        """Where somebody else wrote, and the windows were not looked at since."""

    def __contains__(self, namespace: str) -> bool:
        return namespace in self._known

    def text(self, namespace: str) -> str | None:
        """The plan as it stood in the cluster when it was last seen; None where there is none."""
        known = self._known.get(namespace)
        return known.text if known else None

    def keys(self) -> set[Key]:
        """All that are known."""
        return {(namespace, "") for namespace in self._known}

    def replace(self, listed: Mapping[str, Plan], version: int) -> set[Key]:
        """Take a list, and the version at which that was all; gives the plans that are others."""
        before = dict(self._known)
        for namespace, known in before.items():
            if namespace not in listed and known.version <= version:
                del self._known[namespace]
        for namespace, plan in listed.items():
            self._take(namespace, plan)
        changed = {n for n in before.keys() | listed if before.get(n) != self._known.get(n)}
        self._foreign |= changed
        return {(namespace, "") for namespace in changed}

    def observe(self, kind: str | None, configmap: Object) -> bool:
        """Take an event of the watch; whether somebody else did something to the plan."""
        namespace, plan = str(configmap["metadata"]["namespace"]), plan_of(configmap)
        known = self._known.get(namespace)
        if known is not None and plan.version <= known.version:
            return False
        if kind == "DELETED":
            return self._known.pop(namespace, None) is not None
        # Or it is one's own, told before the answer: then its text is as it should be.
        self._known[namespace] = plan
        self._foreign.add(namespace)
        return True

    async def publish(self, namespace: str, text: str) -> bool:
        """Let a text be the plan; False: somebody else wrote, look at the windows anew."""
        known = self._known.get(namespace)
        foreign = namespace in self._foreign
        self._foreign.discard(namespace)
        if known is not None and known.text == text:
            return True
        if foreign:
            return False
        try:
            written = await self._api.apply_plan(namespace, text, known.version if known else None)
        except PlanChanged:
            await self._read(namespace)
            return False
        if written is not None:
            self._take(namespace, written)
        return True

    async def _read(self, namespace: str) -> None:
        self._known.pop(namespace, None)
        if found := await self._api.read_plan(namespace):
            self._take(namespace, found)

    def _take(self, namespace: str, plan: Plan) -> None:
        known = self._known.get(namespace)
        if known is None or plan.version >= known.version:
            self._known[namespace] = plan
