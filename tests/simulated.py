"""A cluster where everything goes wrong, and an operator that is killed in the midst of it.

Each run is a function of its seed. In the end nothing goes wrong any more; then what stands in the
cluster must be what the pure functions say of the objects that users left there.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from kubernetes_asyncio.client import ApiException

from fastapi_maintenance.proof.proving import NOT_ACTIVE, Proof, Question, prove
from fastapi_maintenance.windows import make_plan, occurrence_at
from fastapi_maintenance_operator.children import distribute, parent_status
from fastapi_maintenance_operator.plans import Plan
from fastapi_maintenance_operator.reconcile import (
    Fate,
    Object,
    Observed,
    desired_status,
    has_expired,
    read,
)
from fastapi_maintenance_operator.wire import Left
from tests.unit.operated import Clock, MemoryCluster, Operator

STEPS = 40
NAMES, PLACES = ("a", "b", "c"), ("shop", "bank", "club")
NOON = "2026-06-01T12:00:00Z"
SPECS: tuple[dict[str, Any], ...] = (
    {"start": NOON, "duration": "1h"},
    {"start": NOON, "duration": "1h", "ttlSecondsAfterFinished": 600},
    {"start": "2026-06-01T11:00:00Z"},
    {"start": "2026-06-01T11:00:00Z", "suspend": True},
    {"schedule": "*/40 * * * *", "timeZone": "Etc/UTC", "duration": "15m"},
    {"schedule": "* * * * *", "timeZone": "Etc/UTC", "duration": "30s"},  # too large
    {"start": "soon"},  # invalid
)
SELECTORS: tuple[dict[str, Any], ...] = (
    {},
    {"matchLabels": {"stage": "live"}},
    {"matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]},
)


class Killed(BaseException):
    """The operator's process is no more."""


class Faulty(MemoryCluster):
    """Requests fail before or after they took effect, and the watch tells late, or never."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice
        self.chance = 0.2
        self.untold: list[tuple[str, Object]] = []

    def _fail(self, verb: str) -> None:
        if self.dice.random() < self.chance:
            raise self._fault()

    def _fault(self) -> BaseException:
        statuses = (409, 429, 500, 503)
        faults = [ApiException(status=status, reason="Fault") for status in statuses]
        return self.dice.choice([*faults, TimeoutError(), OSError("reset"), Killed()])

    def _tell(self, kind: str, item: Object) -> None:
        self.untold.append((kind, copy.deepcopy(item)))

    # Users

    def put(self, name: str, /, namespace: str = "shop", **spec: object) -> Object:
        is_new = (namespace, name) not in self.windows
        super().put(name, namespace, **spec)
        item = self.windows[namespace, name]
        if is_new:
            item["metadata"]["uid"] = f"uid-{self.version}"
        self._tell("MODIFIED", item)
        return item

    def put_parent(self, name: str, /, **spec: Any) -> Object:
        item = super().put_parent(name, **spec)
        self.untold[-1] = "MODIFIED", copy.deepcopy(item)
        return item

    def remove(self, name: str, /, namespace: str = "shop") -> Object:
        item = super().remove(name, namespace)
        self._tell("DELETED", item)
        for place, other in list(self.windows):
            owners = self.windows[place, other]["metadata"].get("ownerReferences", ())
            if [o for o in owners if o["uid"] == item["metadata"]["uid"]]:
                self.remove(other, place)  # as the garbage collector does
        return item

    def label(self, namespace: str, /, **labels: str) -> Object:
        item = super().label(namespace, **labels)
        self._tell("MODIFIED", item)
        return item

    def edit_plan(self, text: str | None, namespace: str = "shop") -> tuple[str, Object]:
        kind, item = super().edit_plan(text, namespace)
        self._tell(kind, item)
        return kind, item

    # The operator

    async def list_plans(self) -> tuple[dict[str, Plan], int]:
        self._fail("list")
        return await super().list_plans()

    async def apply_plan(self, namespace: str, text: str, version: int | None) -> Plan | None:
        plan = await super().apply_plan(namespace, text, version)
        self._tell("MODIFIED", self.configmap(namespace, text))
        self._fail("answer")
        return plan

    async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
        standing = self.windows.get((observed.namespace, observed.name))
        if standing is None:
            raise ApiException(status=404, reason="Not Found")
        if standing["metadata"]["resourceVersion"] != str(observed.version):
            raise ApiException(status=409, reason="Conflict")
        item = await super().apply_status(observed, status, left)
        self._tell("MODIFIED", item)
        self._fail("answer")
        return item

    async def create_window(self, window: Object) -> Object | None:
        item = await super().create_window(window)
        if item:
            item["metadata"]["uid"] = f"uid-{self.version}"
            key = item["metadata"]["namespace"], item["metadata"]["name"]
            self.windows[key] = copy.deepcopy(item)
            self.untold[-1] = "ADDED", copy.deepcopy(item)
            self._fail("answer")
        return item

    async def replace_spec(self, window: Observed, spec: Object) -> Object | None:
        self._fail("restore")
        item = await super().replace_spec(window, spec)
        if item:
            self._tell("MODIFIED", item)
            self._fail("answer")
        return item

    async def delete_window(self, observed: Observed) -> None:
        if (observed.namespace, observed.name) in self.windows:
            await super().delete_window(observed)
            self._fail("answer")


class Run:
    """One story, as the dice have it."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.cluster = Faulty(self.dice)
        for place in PLACES:
            self.cluster.label(place)
        self.operator = Operator(self.cluster)
        self.kills = 0

    async def play(self) -> None:
        """Let things go wrong, then right; then compare."""
        acts: list[Callable[[], None]] = [
            self.edit, self.edit, self.distribute, self.delete, self.relabel,
            self.touch_plan, self.pass_time, self.tell_some, self.begin_watch_anew, self.kill,
        ]  # fmt: skip
        for _ in range(STEPS):
            self.dice.choice(acts)()
            await self.work()
        await self.calm()
        check(self.cluster)

    async def work(self) -> None:
        """Let the operator work, if it lives to the end of it."""
        try:
            await self.operator.work()
        except* Killed:
            self.kill()

    async def calm(self) -> None:
        """No more faults; all is told, and the time of every retry and resync comes."""
        self.cluster.chance = 0
        for _ in range(3):
            Clock.instant += timedelta(minutes=6)
            await self.rest()

    async def rest(self) -> None:
        """Let it work at this instant until nothing is left to do or to tell."""
        for _ in range(20):
            self.tell(len(self.cluster.untold))
            if not await self.operator.work() and not self.cluster.untold:
                return
        raise AssertionError("it never comes to rest")

    # What may happen

    def edit(self) -> None:
        spec = self.dice.choice(SPECS)
        name, place = self.dice.choice(NAMES), self.dice.choice(PLACES)
        self.cluster.put(name, namespace=place, **spec)

    def distribute(self) -> None:
        spec, selector = self.dice.choice(SPECS), self.dice.choice(SELECTORS)
        self.cluster.put_parent(self.dice.choice(NAMES), selector=selector, **spec)

    def delete(self) -> None:
        if self.cluster.windows:
            place, name = self.dice.choice(sorted(self.cluster.windows))
            self.cluster.remove(name, place)

    def relabel(self) -> None:
        labels = self.dice.choice([{}, {"stage": "live"}])
        self.cluster.label(self.dice.choice(PLACES), **labels)

    def touch_plan(self) -> None:
        if self.cluster.plans:
            text = self.dice.choice([None, "{}", ""])
            self.cluster.edit_plan(text, self.dice.choice(sorted(self.cluster.plans)))

    def pass_time(self) -> None:
        Clock.instant += timedelta(seconds=self.dice.choice([0.5, 5, 60, 900, 3600]))

    def tell_some(self) -> None:
        self.tell(self.dice.randint(0, len(self.cluster.untold)))

    def tell(self, many: int) -> None:
        for kind, item in self.cluster.untold[:many]:
            self.operator.observe(kind, item)
        del self.cluster.untold[:many]

    def begin_watch_anew(self) -> None:
        """As after a 410: what is there is told, what went is not."""
        self.cluster.untold.clear()
        items = [*self.cluster.windows.values(), *self.cluster.namespaces.values()]
        for item in items:
            self.operator.observe(None, copy.deepcopy(item))

    def kill(self) -> None:
        self.kills += 1
        self.operator = Operator(self.cluster)
        self.begin_watch_anew()


def check(cluster: MemoryCluster) -> None:
    """Compare what stands in the cluster with the pure function of what users left there."""
    seen = {key: read(item) for key, item in cluster.windows.items()}
    labels = {name: n["metadata"]["labels"] for name, n in cluster.namespaces.items()}
    for place in PLACES:
        _check_place(cluster, place, [o for (ns, _), o in seen.items() if ns == place])
    for (place, name), parent in seen.items():
        if not place:
            named = [o for (ns, n), o in seen.items() if ns and n == name]
            found = distribute(parent, labels, named)
            assert [found.missing, found.changed, found.superfluous] == [()] * 3, name
            fresh = _without_status(parent)
            assert _bare(parent.status) == _bare(parent_status(fresh, found, Clock.instant)), name


def _check_place(cluster: MemoryCluster, place: str, windows: list[Observed]) -> None:
    now = Clock.instant
    text, too_large = make_plan([o.window for o in windows if o.window], now)
    if windows or place in cluster.plans:
        assert cluster.plans.get(place, make_plan([], now)[0]) == text, place
    for window in windows:
        fate = Fate.TOO_LARGE if window.uid in too_large else Fate.PLANNED
        desired = desired_status(_without_status(window), fate, now, _proof(window, fate))
        assert _bare(window.status) == _bare(desired), (place, window.name)
        assert not has_expired(window, now), (place, window.name)


def _proof(observed: Observed, fate: Fate) -> Proof:
    """Where no process reports."""
    window, now = observed.window, Clock.instant
    occurrence = None if window is None or window.suspend else occurrence_at(window, now)
    if window is None or occurrence is None:
        return NOT_ACTIVE
    unplanned = None if fate is Fate.PLANNED else str(fate)
    return prove(Question(window, occurrence, now, unplanned=unplanned), ())


def _without_status(observed: Observed) -> Observed:
    return read({**observed.object, "status": {}})


def _bare(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the times of its transitions, which tell how it came about."""
    conditions = [{**c, "lastTransitionTime": ""} for c in status["conditions"]]
    return {**status, "conditions": conditions}
