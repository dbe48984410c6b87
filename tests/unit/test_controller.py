"""The operator brings the cluster to what its windows mean, and writes nothing else."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from fastapi_maintenance_operator import controller as controller_module
from fastapi_maintenance_operator.controller import Controller
from fastapi_maintenance_operator.plans import Plan, PlanChanged
from fastapi_maintenance_operator.proof_rounds import Rounds
from fastapi_maintenance_operator.reconcile import Object, Observed
from fastapi_maintenance_operator.view import Present, Take
from fastapi_maintenance_operator.windows import key_of
from fastapi_maintenance_operator.wire import Left
from tests.unit.making import at
from tests.unit.operated import Clock, MemoryCluster, Operator, clock_at

pytestmark = pytest.mark.anyio

LUNCH: dict[str, Any] = {"start": "2026-06-01T12:00:00Z", "duration": "1h"}
NIGHTLY = {"schedule": "0 2 * * *", "timeZone": "Europe/Berlin", "duration": "2h"}
DENSE = {"schedule": "* * * * *", "timeZone": "Etc/UTC", "duration": "30s"}


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with clock_at("2026-06-01T11:00Z"):
        yield


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()


@pytest.fixture
async def operator(cluster: MemoryCluster) -> Operator:
    """An operator that has done its first work on a window named lunch."""
    cluster.put("lunch", **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    return operator


async def test_a_window_is_planned_before_its_status_says_so(cluster: MemoryCluster) -> None:
    cluster.put("lunch", **LUNCH)
    operator = Operator(cluster)
    assert not operator.ready
    assert await operator.work() == ["plan shop", "status lunch"]
    assert operator.ready
    assert cluster.planned() == ["lunch"]
    assert cluster.condition("lunch", "Ready") == ("True", "Planned")
    assert cluster.condition("lunch", "Active") == ("False", "Scheduled")


async def test_an_empty_cluster_is_ready_and_nothing_is_written(cluster: MemoryCluster) -> None:
    operator = Operator(cluster)
    assert await operator.work() == []
    assert operator.ready


async def test_each_namespace_has_a_plan_of_its_own_windows(cluster: MemoryCluster) -> None:
    cluster.put("lunch", namespace="shop", **LUNCH)
    cluster.put("night", namespace="bank", **NIGHTLY)
    await Operator(cluster).work()
    assert (cluster.planned("shop"), cluster.planned("bank")) == (["lunch"], ["night"])


async def test_a_window_opens_and_closes_at_its_edges(
    operator: Operator, cluster: MemoryCluster
) -> None:
    assert await operator.work_at("2026-06-01T11:59:59Z") == []
    assert await operator.work_at("2026-06-01T12:00Z") == ["event WindowOpened", "status lunch"]
    assert cluster.condition("lunch", "Active") == ("True", "Open")
    assert await operator.work_at("2026-06-01T13:00Z") == ["event WindowClosed", "status lunch"]
    assert cluster.condition("lunch", "Active") == ("False", "Finished")
    assert len(cluster.events) == 2


async def test_where_nothing_changed_nothing_is_written(
    operator: Operator, cluster: MemoryCluster
) -> None:
    assert await operator.work_after(minutes=6) == []
    assert cluster.lists == 2
    operator.observe("MODIFIED", cluster.windows["shop", "lunch"])
    assert await operator.work() == []


async def test_another_operator_that_takes_over_writes_nothing(
    operator: Operator, cluster: MemoryCluster
) -> None:
    assert await Operator(cluster).work() == []


async def test_a_window_that_is_told_of_is_taken_up(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("ADDED", cluster.put("night", **NIGHTLY))
    assert await operator.work() == ["plan shop", "status night"]
    assert cluster.planned() == ["lunch", "night"]


async def test_a_window_that_is_edited_is_planned_anew(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("MODIFIED", cluster.put("lunch", **LUNCH, mode="ReadOnly"))
    assert await operator.work() == ["plan shop", "status lunch"]
    assert cluster.windows["shop", "lunch"]["status"]["observedGeneration"] == 2


async def test_an_object_that_is_told_of_without_a_field_is_looked_at_again(
    cluster: MemoryCluster,
) -> None:
    """As while a CRD is replaced by a newer one; its version is that of the whole object."""
    item = cluster.put("lunch", **LUNCH, suspend=True)
    operator, lacking = Operator(cluster), {**item, "spec": {**item["spec"]}}
    del lacking["spec"]["suspend"]
    operator.observe("ADDED", lacking)
    await operator.work()
    assert cluster.condition("lunch", "Active") == ("False", "Suspended")


async def test_a_field_that_only_the_answer_to_a_write_shows_counts(
    operator: Operator, cluster: MemoryCluster
) -> None:
    item = cluster.put("lunch", **LUNCH, suspend=True)
    del item["spec"]["suspend"]
    operator.observe("MODIFIED", item)
    await operator.work()
    assert cluster.condition("lunch", "Active") == ("False", "Suspended")
    assert cluster.planned() == []


async def test_a_namespace_whose_labels_changed_unseen_is_found(cluster: MemoryCluster) -> None:
    cluster.label("shop")
    cluster.put_parent("night", selector={"matchLabels": {"stage": "live"}}, **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    cluster.label("shop", stage="live")
    assert "create shop/night" in await operator.work_after(minutes=6)


async def test_a_window_that_is_deleted_leaves_the_plan(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("DELETED", cluster.remove("lunch"))
    assert await operator.work() == ["plan shop"]
    assert cluster.planned() == []
    assert await operator.work_at("2026-06-01T12:00Z") == []


async def test_a_delete_that_no_watch_told_of_is_found(
    operator: Operator, cluster: MemoryCluster
) -> None:
    cluster.remove("lunch")
    assert await operator.work_after(minutes=4) == []
    assert await operator.work_after(minutes=2) == ["plan shop"]
    assert cluster.planned() == []


async def test_a_window_that_no_watch_told_of_is_found(
    operator: Operator, cluster: MemoryCluster
) -> None:
    cluster.put("night", **NIGHTLY)
    await operator.work_after(minutes=6)
    assert cluster.planned() == ["lunch", "night"]


class Behind(MemoryCluster):
    """Its next list is one that was taken a while ago."""

    stale: tuple[list[Object], int] | None = None

    def look(self) -> None:
        """Take that list now."""
        self.stale = copy.deepcopy(list(self.windows.values())), self.version

    async def list_windows(self, take: Take, namespace: str | None = None) -> Present:
        stale, self.stale = self.stale, None
        if stale is None:
            return await super().list_windows(take, namespace)
        for item in stale[0]:
            take(item)
        return {key_of(item) for item in stale[0]}, stale[1]


async def test_what_a_watch_told_of_after_the_list_was_taken_stays() -> None:
    cluster = Behind()
    cluster.put("lunch", **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    cluster.look()
    operator.observe("ADDED", cluster.put("night", **NIGHTLY))
    await operator.work_after(minutes=6)
    assert cluster.planned() == ["lunch", "night"]


async def test_what_a_watch_told_to_be_deleted_after_the_list_was_taken_stays_deleted() -> None:
    cluster = Behind()
    cluster.put("lunch", **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    cluster.look()
    operator.observe("DELETED", cluster.remove("lunch"))
    await operator.work_after(minutes=6)
    assert cluster.planned() == []
    assert await operator.work_after(minutes=6) == []


async def test_an_event_that_comes_late_undoes_nothing(
    operator: Operator, cluster: MemoryCluster
) -> None:
    late = cluster.put("lunch", **LUNCH, suspend=True)
    operator.observe("MODIFIED", cluster.put("lunch", **LUNCH))
    operator.observe("MODIFIED", late)
    await operator.work()
    assert cluster.condition("lunch", "Active") == ("False", "Scheduled")


async def test_a_window_that_comes_again_after_its_deletion_is_taken_up(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("DELETED", cluster.remove("lunch"))
    operator.observe("ADDED", cluster.put("lunch", **LUNCH))
    assert await operator.work() == ["status lunch"]
    assert cluster.planned() == ["lunch"]


async def test_a_plan_that_somebody_changed_or_deleted_is_put_right(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """Even where no watch told of it."""
    for damage in ("{}", None):
        cluster.edit_plan(damage)
        assert await operator.work_after(minutes=6) == ["plan shop"]
        assert cluster.planned() == ["lunch"]


async def test_a_plan_of_a_namespace_without_windows_is_emptied(cluster: MemoryCluster) -> None:
    cluster.plans["bank"] = "left over"
    assert await Operator(cluster).work() == ["plan bank"]
    assert cluster.planned("bank") == []


async def test_a_plan_is_carried_on_at_midnight(cluster: MemoryCluster) -> None:
    cluster.put("night", **NIGHTLY)
    operator = Operator(cluster)
    await operator.work()
    assert await operator.work_at("2026-06-01T23:59:59Z") == []
    assert await operator.work_at("2026-06-02T00:00Z") == [
        "plan shop",
        "event WindowOpened",
        "status night",
    ]


async def test_an_invalid_window_is_stalled_and_does_not_hinder_others(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("ADDED", cluster.put("broken", start="soon"))
    await operator.work()
    assert cluster.condition("broken", "Stalled") == ("True", "Invalid")
    assert cluster.planned() == ["lunch"]
    operator.observe("MODIFIED", cluster.put("broken", **LUNCH))
    await operator.work()
    assert cluster.condition("broken", "Stalled") == ("False", "Valid")
    assert cluster.planned() == ["broken", "lunch"]


async def test_a_window_that_is_too_large_is_left_out_and_says_so(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("ADDED", cluster.put("dense", **DENSE))
    await operator.work()
    assert cluster.planned() == ["lunch"]
    assert cluster.condition("dense", "Ready") == ("False", "PlanTooLarge")
    assert cluster.condition("lunch", "Ready") == ("True", "Planned")


async def test_a_window_that_fits_again_is_ready(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe("ADDED", cluster.put("dense", **DENSE))
    await operator.work()
    operator.observe("MODIFIED", cluster.put("dense", **NIGHTLY))
    await operator.work()
    assert cluster.planned() == ["dense", "lunch"]
    assert cluster.condition("dense", "Ready") == ("True", "Planned")


async def test_a_window_that_others_push_out_of_the_plan_says_so(cluster: MemoryCluster) -> None:
    """And that it is in again, when they are gone."""
    large = {**LUNCH, "apps": ["a" * 63] * 64, "response": {"message": "x" * 1024}}
    cluster.put("z", **large)
    operator = Operator(cluster)
    await operator.work()
    for number in range(12):
        operator.observe("ADDED", cluster.put(f"a{number}", **large))
    await operator.work()
    assert cluster.condition("z", "Ready") == ("False", "PlanTooLarge")
    for number in range(12):
        operator.observe("DELETED", cluster.remove(f"a{number}"))
    assert await operator.work() == ["plan shop", "status z"]
    assert cluster.condition("z", "Ready") == ("True", "Planned")


async def test_a_change_wakes_an_operator_that_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is told of while another is written is not lost."""
    monkeypatch.setattr(controller_module, "_LONGEST_SLEEP", 3600.0)
    written = asyncio.Event()

    class Telling(MemoryCluster):
        async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
            if observed.name == "first":
                controller.observe("ADDED", self.put("second", **LUNCH))
            else:
                written.set()
            return await super().apply_status(observed, status, left)

    telling = Telling()
    controller = Controller(telling, Rounds(telling.processes))
    task = asyncio.create_task(controller.run())
    while not controller.ready:
        await asyncio.sleep(0)
    controller.observe("ADDED", telling.put("first", **LUNCH))
    async with asyncio.timeout(30):
        await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("damage", ["{}", None])
async def test_a_plan_that_somebody_touches_is_put_right_at_once(
    operator: Operator, cluster: MemoryCluster, damage: str | None
) -> None:
    """Each time, also where the same is done to it again."""
    for _ in range(2):
        operator.observe(*cluster.edit_plan(damage))
        assert await operator.work() == ["plan shop"]
        assert cluster.planned() == ["lunch"]


async def test_what_the_watch_tells_of_its_own_plan_is_no_news(
    operator: Operator, cluster: MemoryCluster
) -> None:
    lists = cluster.lists
    operator.observe("MODIFIED", cluster.configmap("shop", cluster.plans["shop"]))
    assert await operator.work() == []
    assert cluster.lists == lists


async def test_a_plan_is_never_put_over_one_that_rests_on_newer_windows(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """Another operator saw the new window and planned it; no watch told this one of either."""
    other = Operator(cluster)
    cluster.put("night", **NIGHTLY)
    await other.work()
    operator.observe("MODIFIED", cluster.put("lunch", **LUNCH, mode="ReadOnly"))
    await operator.work()
    assert cluster.planned() == ["lunch", "night"]


async def test_a_plan_that_is_told_before_its_windows_is_not_taken_back(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """The watch of plans may be ahead of that of windows."""
    cluster.put("night", **NIGHTLY)
    await Operator(cluster).work()
    operator.observe("MODIFIED", cluster.configmap("shop", cluster.plans["shop"]))
    written = await operator.work()
    assert "plan shop" not in written
    assert cluster.planned() == ["lunch", "night"]


async def test_a_status_that_is_told_before_the_answer_to_its_write_is_no_news() -> None:
    """Ten thousand of them would all be looked at a second time."""

    class Telling(MemoryCluster):
        async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
            answer = await super().apply_status(observed, status, left)
            told.observe("MODIFIED", copy.deepcopy(answer))
            marked.append(told._agenda.next(Clock.instant))
            return answer

    cluster, marked = Telling(), list[datetime | None]()
    cluster.put("lunch", **LUNCH)
    told = Operator(cluster)
    await told.work()
    assert marked == [at("2026-06-01T12:00Z")]


async def test_a_status_that_somebody_changes_is_put_right_at_once(
    operator: Operator, cluster: MemoryCluster
) -> None:
    cluster.version += 1
    item = cluster.windows["shop", "lunch"]
    item["metadata"]["resourceVersion"] = str(cluster.version)
    item["status"] = {"observedGeneration": 7}
    operator.observe("MODIFIED", copy.deepcopy(item))
    assert await operator.work() == ["status lunch"]
    assert cluster.condition("lunch", "Ready") == ("True", "Planned")


async def test_a_plan_that_is_told_before_the_answer_to_its_write_is_no_news() -> None:
    class Telling(MemoryCluster):
        async def apply_plan(self, namespace: str, text: str, version: int | None) -> Plan | None:
            plan = await super().apply_plan(namespace, text, version)
            told.observe("MODIFIED", self.configmap(namespace, text))
            return plan

    cluster = Telling()
    cluster.put("lunch", **LUNCH)
    told = Operator(cluster)
    await told.work()
    lists = cluster.lists
    told.observe("ADDED", cluster.put("night", **NIGHTLY))
    await told.work()
    told.observe("ADDED", cluster.put("noon", **LUNCH))
    await told.work()
    assert cluster.planned() == ["lunch", "night", "noon"]
    assert cluster.lists == lists


async def test_of_two_operators_that_make_the_first_plan_one_gives_way(
    cluster: MemoryCluster,
) -> None:
    operator, other = Operator(cluster), Operator(cluster)
    await operator.work()
    await other.work()
    other.observe("ADDED", cluster.put("night", **NIGHTLY))
    await other.work()
    operator.observe("ADDED", cluster.put("lunch", **LUNCH))
    await operator.work()
    assert cluster.planned() == ["lunch", "night"]


async def test_a_plan_that_others_keep_writing_waits_as_after_a_failure(
    cluster: MemoryCluster,
) -> None:
    cluster.put("lunch", **LUNCH)
    cluster.failing["plan"] = [PlanChanged("modified")] * 3
    operator = Operator(cluster)
    await operator.work()
    assert cluster.condition("lunch", "Ready") == ("False", "PlanNotWritten")
    await operator.work_after(seconds=1)
    assert cluster.condition("lunch", "Ready") == ("True", "Planned")


async def test_a_finished_window_is_deleted_in_its_time(cluster: MemoryCluster) -> None:
    cluster.put("lunch", **LUNCH, ttlSecondsAfterFinished=60)
    operator = Operator(cluster)
    await operator.work_at("2026-06-01T12:59:59Z")
    await operator.work_at("2026-06-01T13:00:59Z")
    assert cluster.condition("lunch", "Active") == ("False", "Finished")
    assert await operator.work_at("2026-06-01T13:01Z") == ["delete lunch"]
    assert cluster.windows == {}


async def test_a_window_that_was_edited_at_its_end_is_not_deleted(cluster: MemoryCluster) -> None:
    """Extended, at the same moment: no watch has told of it yet."""
    cluster.put("lunch", **LUNCH, ttlSecondsAfterFinished=60)
    operator = Operator(cluster)
    await operator.work_at("2026-06-01T13:00:59Z")
    longer = cluster.put("lunch", **{**LUNCH, "duration": "3h"}, ttlSecondsAfterFinished=60)
    assert await operator.work_at("2026-06-01T13:01Z") == []
    operator.observe("MODIFIED", longer)
    await operator.work()
    assert cluster.condition("lunch", "Active") == ("True", "Open")


async def test_a_window_that_is_extended_while_its_end_is_written_is_not_deleted() -> None:
    """The watch may tell of it before the answer comes."""

    class Extending(MemoryCluster):
        async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
            answer = await super().apply_status(observed, status, left)
            if Clock.instant == at("2026-06-01T13:00Z") and "duration" in observed.object["spec"]:
                longer = {"start": LUNCH["start"], "end": "2026-06-01T15:00:00Z"}
                working.observe("MODIFIED", self.put("lunch", **longer, ttlSecondsAfterFinished=0))
            return answer

    cluster = Extending()
    cluster.put("lunch", **LUNCH, ttlSecondsAfterFinished=0)
    working = Operator(cluster)
    await working.work()
    await working.work_at("2026-06-01T13:00Z")
    assert cluster.condition("lunch", "Active") == ("True", "Open")


async def test_a_window_that_is_resumed_opens_a_second_time(
    operator: Operator, cluster: MemoryCluster
) -> None:
    await operator.work_at("2026-06-01T12:00Z")
    operator.observe("MODIFIED", cluster.put("lunch", **LUNCH, suspend=True))
    await operator.work_at("2026-06-01T12:10Z")
    operator.observe("MODIFIED", cluster.put("lunch", **LUNCH))
    await operator.work_at("2026-06-01T12:20Z")
    told = [event["reason"] for event in cluster.events.values()]
    assert told == ["WindowOpened", "WindowClosed", "WindowOpened"]


async def test_after_a_watch_began_anew_what_it_missed_is_found_soon(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """As after a 410; the watch then tells of what is there, and of no deletion."""
    cluster.put("night", **NIGHTLY)
    cluster.remove("lunch")
    operator.observe(None, cluster.windows["shop", "night"])
    await operator.work_after(seconds=5)
    assert cluster.planned() == ["night"]
    assert await operator.work_after(minutes=4) == []
    assert cluster.lists == 2
