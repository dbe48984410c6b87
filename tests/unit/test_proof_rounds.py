"""Rounds: what is listed when, what is written on it, and which processes are cleared away."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiException

from fastapi_maintenance.proof.processes import read_process
from fastapi_maintenance_operator.proof_rounds import Rounds, unplanned
from fastapi_maintenance_operator.proof_snapshots import RoundTooOld, Snapshots
from fastapi_maintenance_operator.reconcile import Fate, Object, Observed, read
from fastapi_maintenance_operator.statuses import Statuses
from fastapi_maintenance_operator.windows import Windows
from tests.unit.making import at, parsed, stored
from tests.unit.operated import Clock, MemoryCluster, Operator, clock_at
from tests.unit.proving import MemoryProcesses, flights, report, stored_process

pytestmark = pytest.mark.anyio

LUNCH: dict[str, Any] = {
    "start": "2026-06-01T12:00:00Z",
    "end": "2026-06-01T13:00:00Z",
    "apps": ["orders"],
}
IN_MID_WINDOW = "2026-06-01T12:10Z"


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock_at(IN_MID_WINDOW):
        yield


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()


@pytest.fixture
async def operator(cluster: MemoryCluster) -> Operator:
    """An operator that waits for one process to acknowledge the window lunch."""
    cluster.put("lunch", **LUNCH)
    cluster.processes.put(stored_process("orders-1"))
    operator = Operator(cluster)
    await operator.work()
    assert cluster.condition("lunch", "Drained") == ("False", "NotAcknowledged")
    return operator


def acknowledged(cluster: MemoryCluster, pod: str = "orders-1", **changes: Any) -> Object:
    """Let a process acknowledge lunch; gives what a watch would tell."""
    found = read(cluster.windows["shop", "lunch"]).window
    assert found is not None
    said = report(found, f"{Clock.instant:%Y-%m-%dT%H:%M:%SZ}", **changes)
    heard = Clock.instant.isoformat()
    return cluster.processes.put(stored_process(pod, said, heard=heard))


async def test_a_word_of_the_last_process_moves_the_condition(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe_process("MODIFIED", acknowledged(cluster))
    assert await operator.work_after(seconds=0.5) == [
        "status lunch",
        "event WindowEnforced",
        "event WindowDrained",
    ]
    assert cluster.condition("lunch", "Enforced") == ("True", "AllEnforce")
    assert cluster.condition("lunch", "Drained") == ("True", "AllDrained")
    assert cluster.windows["shop", "lunch"]["status"]["processes"] == {
        "registered": 1,
        "enforcing": 1,
        "draining": 0,
        "scope": cluster.processes.items["mp-orders-1"]["spec"]["windows"][0]["scope"],
        "until": "2026-06-01T13:00:00Z",
    }


async def test_at_the_end_both_are_false_at_once(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R4."""
    acknowledged(cluster)
    await operator.work_after(minutes=1)
    await operator.work_at("2026-06-01T13:00Z")
    assert cluster.condition("lunch", "Enforced") == ("False", "NotActive")
    assert cluster.condition("lunch", "Drained") == ("False", "NotActive")
    assert "processes" not in cluster.windows["shop", "lunch"]["status"]


async def test_an_operator_that_takes_over_keeps_what_was_proven(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R12: though a new process has come, and the old one is silent."""
    acknowledged(cluster)
    await operator.work_after(minutes=1)
    assert cluster.condition("lunch", "Drained")[0] == "True"
    cluster.processes.put(stored_process("orders-2", heard="2026-06-01T12:20:00Z"))
    cluster.processes.pods["orders-1"] = {"metadata": {"uid": "uid-of-orders-1"}, "status": {}}
    Clock.instant = at("2026-06-01T12:20Z")
    await Operator(cluster).work()
    assert cluster.condition("lunch", "Drained")[0] == "True"
    assert cluster.condition("lunch", "Enforced")[0] == "True"


async def test_the_next_occurrence_after_the_operator_was_down_begins_with_nothing(
    cluster: MemoryCluster,
) -> None:
    """R4: the first write says so, whatever the status has said since yesterday."""
    nightly: dict[str, Any] = {
        "schedule": "0 2 * * *",
        "timeZone": "Etc/UTC",
        "duration": "1h",
        "apps": ["orders"],
    }
    cluster.put("lunch", **nightly)
    Clock.instant = at("2026-06-01T02:10Z")
    acknowledged(cluster)
    await Operator(cluster).work()
    assert cluster.condition("lunch", "Drained")[0] == "True"
    Clock.instant = at("2026-06-02T02:10Z")
    beat = cluster.processes.items["mp-orders-1"]
    beat["spec"]["renewTime"] = "2026-06-02T02:09:59Z"
    await Operator(cluster).work()
    assert cluster.condition("lunch", "Enforced") == ("False", "NotAcknowledged")
    assert cluster.condition("lunch", "Drained") == ("False", "NotAcknowledged")


async def test_an_extension_is_claimed_with_its_generation_at_once(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R4: what waits for it does not see it fall."""
    acknowledged(cluster)
    await operator.work_after(minutes=1)
    longer = cluster.put("lunch", **{**LUNCH, "end": "2026-06-01T14:00:00Z"})
    operator.observe("MODIFIED", longer)
    await operator.work()
    status = cluster.windows["shop", "lunch"]["status"]
    assert cluster.condition("lunch", "Drained")[0] == "True"
    assert {c["observedGeneration"] for c in status["conditions"]} == {2}
    assert status["processes"]["until"] == "2026-06-01T13:00:00Z"


async def test_a_window_that_was_suspended_while_the_operator_was_down_is_asked_about_anew(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R4: what was let in meanwhile may still run, and its process may not have said so yet."""
    acknowledged(cluster)
    cluster.processes.pods["orders-1"] = {"metadata": {"uid": "uid-of-orders-1"}, "status": {}}
    await operator.work_after(minutes=1)
    assert cluster.condition("lunch", "Drained")[0] == "True"
    cluster.put("lunch", **LUNCH, suspend=True)
    cluster.put("lunch", **LUNCH)
    await Operator(cluster).work()
    assert cluster.condition("lunch", "Enforced") == ("False", "NotAcknowledged")
    assert cluster.condition("lunch", "Drained") == ("False", "NotAcknowledged")


async def test_heartbeats_ring_for_nobody(operator: Operator, cluster: MemoryCluster) -> None:
    operator.observe_process("ADDED", acknowledged(cluster))
    await operator.work_after(seconds=1)
    lists = cluster.processes.lists
    for _ in range(3):
        operator.observe_process("MODIFIED", acknowledged(cluster))
        assert await operator.work_after(seconds=10) == []
    assert cluster.processes.lists == lists


async def test_many_processes_that_speak_at_once_are_listed_four_times_a_second(
    operator: Operator, cluster: MemoryCluster
) -> None:
    lists = cluster.processes.lists
    for number in range(100):
        operator.observe_process("ADDED", acknowledged(cluster, f"orders-{number}"))
        await operator.work_after(seconds=0.01)
    assert cluster.processes.lists - lists <= 5
    await operator.work_after(seconds=0.5)
    assert cluster.condition("lunch", "Drained")[0] == "True"


async def test_counts_alone_are_not_written_at_every_word(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """Each write wakes every application that watches; a verdict that changes is no mere count."""
    operator.observe_process("ADDED", cluster.processes.put(stored_process("orders-2")))
    assert await operator.work_after(seconds=1) == []
    assert await operator.work_after(seconds=6) == ["status lunch"]
    assert cluster.windows["shop", "lunch"]["status"]["processes"]["registered"] == 2


async def test_a_verdict_that_time_moves_does_not_wait_with_the_counts(
    cluster: MemoryCluster,
) -> None:
    """Enforced is true from two seconds after the start, whoever has drained just before."""
    Clock.instant = at("2026-06-01T12:00Z")
    cluster.put("lunch", **LUNCH)
    for pod in ("orders-1", "orders-2"):
        acknowledged(cluster, pod, **flights("2026-06-01T11:59:00Z"))
    operator = Operator(cluster)
    await operator.work()
    assert cluster.condition("lunch", "Enforced") == ("False", "Opening")
    operator.observe_process("MODIFIED", acknowledged(cluster, "orders-2"))
    assert await operator.work_after(seconds=1) == []
    await operator.work_after(seconds=1)
    assert cluster.condition("lunch", "Enforced") == ("True", "AllEnforce")


async def test_a_process_with_an_impossible_time_does_not_end_the_operator(
    operator: Operator, cluster: MemoryCluster
) -> None:
    for heard in ("9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"):
        item = stored_process("orders-2")
        item["spec"]["renewTime"] = heard
        operator.observe_process("ADDED", cluster.processes.put(item))
        await operator.work_after(minutes=6)
        assert cluster.condition("lunch", "Enforced")[0] == "Unknown"


def removals(cluster: MemoryCluster) -> list[Object]:
    """The Events about processes that were removed."""
    return [event for event in cluster.events.values() if event["reason"] == "ProcessRemoved"]


async def test_a_process_whose_pod_is_gone_is_removed_and_waited_for_no_more(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R7: a deleted Pod, by whatever kind of deletion."""
    acknowledged(cluster, "orders-2")
    cluster.processes.pods["orders-2"] = {"metadata": {"uid": "uid-of-orders-2"}, "status": {}}
    await operator.work_after(seconds=16)
    assert cluster.processes.removed == ["mp-orders-1"]
    assert cluster.condition("lunch", "Drained")[0] == "True"
    (event,) = removals(cluster)
    assert event["note"] == "orders-1: its Pod is gone"
    assert (event["regarding"]["name"], event["related"]["name"]) == ("lunch", "mp-orders-1")


async def test_a_process_whose_pod_is_in_another_namespace_is_waited_for(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R7: that it is not here proves nothing."""
    acknowledged(cluster, "orders-2")
    cluster.processes.items["mp-orders-1"]["spec"]["pod"]["namespace"] = "bank"
    cluster.processes.pods["orders-2"] = {"metadata": {"uid": "uid-of-orders-2"}, "status": {}}
    await operator.work_after(minutes=6)
    assert cluster.processes.removed == []
    assert cluster.condition("lunch", "Drained") == ("Unknown", "ProcessSilent")


async def test_a_process_whose_pod_is_ending_is_waited_for(
    operator: Operator, cluster: MemoryCluster
) -> None:
    """R7: a foreground deletion leaves the Pod there until its processes have ended."""
    metadata = {"uid": "uid-of-orders-1", "deletionTimestamp": "2026-06-01T12:10:05Z"}
    started = {"running": {"startedAt": "2026-06-01T09:00:00Z"}}
    cluster.processes.pods["orders-1"] = {
        "metadata": metadata,
        "status": {"containerStatuses": [{"name": "web", "state": started}]},
    }
    await operator.work_after(minutes=4)
    assert cluster.processes.looked_at == ["orders-1"]
    assert cluster.processes.removed == []
    assert cluster.condition("lunch", "Drained") == ("Unknown", "ProcessSilent")


async def test_what_has_ended_is_cleared_away_though_no_window_is_open(
    cluster: MemoryCluster,
) -> None:
    """R7: a container that is started again and again leaves an object behind each time."""
    operator = Operator(cluster)
    await operator.work()
    for pod in ("orders-1", "orders-2"):
        operator.observe_process("ADDED", cluster.processes.put(stored_process(pod)))
    cluster.processes.pods["orders-2"] = {"metadata": {"uid": "uid-of-orders-2"}, "status": {}}
    await operator.work_after(minutes=6)
    assert cluster.processes.removed == ["mp-orders-1"]
    assert cluster.processes.lists == 1
    (event,) = removals(cluster)
    assert event["regarding"]["kind"] == "MaintenanceProcess"
    assert event["metadata"]["namespace"] == "shop"


async def test_a_process_that_speaks_while_its_pod_is_looked_at_is_not_removed(
    cluster: MemoryCluster,
) -> None:
    """R7: what is removed is what was read."""
    processes = cluster.processes
    seen = read_process(processes.put(stored_process("orders-1", heard="2026-06-01T12:00Z")))
    processes.put(stored_process("orders-1", heard="2026-06-01T12:10Z"))
    assert await Rounds(processes).clear("shop", (seen,)) == []
    assert processes.looked_at == ["orders-1"]


async def test_a_conflict_begins_the_round_anew(operator: Operator, cluster: MemoryCluster) -> None:
    """R6: what was proven of another version of the window is never written."""
    operator.observe_process("MODIFIED", acknowledged(cluster))
    cluster.failing["status"] = [ApiException(status=409, reason="Conflict")]
    lists = cluster.processes.lists
    await operator.work_after(seconds=1)
    assert cluster.condition("lunch", "Drained")[0] == "False"
    await operator.work_after(seconds=2)
    assert cluster.processes.lists == lists + 2
    assert cluster.condition("lunch", "Drained")[0] == "True"


async def test_a_window_that_changes_while_processes_are_listed_is_looked_at_anew() -> None:
    """R6, R8: nothing is written on what was asked about its earlier version."""

    class Changing(MemoryProcesses):
        async def list(self, namespace: str) -> list[Object]:
            answer = await super().list(namespace)
            if self.lists == 1:
                working.observe("MODIFIED", edited.put("lunch", **LUNCH, description="edited"))
            return answer

    edited = MemoryCluster()
    edited.put("lunch", **LUNCH)
    edited.processes = Changing()
    working = Operator(edited)
    assert (await working.work()).count("status lunch") == 1
    assert edited.windows["shop", "lunch"]["status"]["observedGeneration"] == 2


async def test_a_list_that_fails_leaves_the_status_and_is_tried_again(
    operator: Operator, cluster: MemoryCluster
) -> None:
    operator.observe_process("MODIFIED", acknowledged(cluster))
    cluster.processes.failing = [ApiException(status=429, reason="Too Many Requests")]
    assert await operator.work_after(seconds=1) == []
    await operator.work_after(seconds=2)
    assert cluster.condition("lunch", "Drained")[0] == "True"


async def test_a_round_that_took_too_long_is_dropped() -> None:
    """R6."""
    now = [0.0]
    snapshots = Snapshots(MemoryProcesses(), lambda: Clock.instant, lambda: now[0])
    snapshot = await snapshots.take("shop")
    now[0] = 4.5
    assert snapshot.left() == 0.5
    now[0] = 5.0
    with pytest.raises(RoundTooOld):
        snapshot.left()


async def test_what_was_proven_shortly_before_the_end_is_not_written_after_it(
    cluster: MemoryCluster,
) -> None:
    """R4, R6: a second before the end, a second is left."""
    Clock.instant, ticks = at("2026-06-01T12:59:59Z"), [0.0]
    observed = read(cluster.put("lunch", **LUNCH))
    acknowledged(cluster)
    rounds = Rounds(cluster.processes, lambda: Clock.instant, lambda: ticks[0])
    asked = await rounds.about(observed, Fate.PLANNED, planned(1, "lunch"))
    assert asked.proof.drained.status is True
    assert asked.left() == 1.0
    ticks[0] = 1.0
    with pytest.raises(RoundTooOld):
        await Statuses(cluster, Windows(), rounds).write(observed, {}, asked, Clock.instant)
    assert cluster.written() == []


async def test_whoever_asks_while_a_list_is_taken_gets_the_next_one() -> None:
    """R6, R10: the window was read before the processes were listed, also by one shared list."""
    go_on = asyncio.Event()

    class Slow(MemoryProcesses):
        async def list(self, namespace: str) -> list[Object]:
            answer = await super().list(namespace)
            await go_on.wait()
            return answer

    processes = Slow()
    snapshots = Snapshots(processes, lambda: Clock.instant, lambda: 0.0)
    first = [asyncio.create_task(snapshots.take("shop")) for _ in range(3)]
    while processes.lists == 0:
        await asyncio.sleep(0)
    late = [asyncio.create_task(snapshots.take("shop")) for _ in range(3)]
    await asyncio.sleep(0)
    processes.put(stored_process("orders-1"))
    go_on.set()
    counts = [len(s.processes) for s in await asyncio.gather(*first, *late)]
    assert counts == [0, 0, 0, 1, 1, 1]
    assert processes.lists == 2


async def test_a_list_that_fails_when_nobody_waits_for_it_any_more_is_no_news() -> None:
    """As at the end of the operator, where the connection is closed under it."""
    processes, go_on, said = MemoryProcesses(), asyncio.Event(), list[dict[str, Any]]()

    async def fail(namespace: str) -> list[Object]:
        await go_on.wait()
        raise OSError("closed")

    processes.list = fail  # type: ignore[method-assign]
    asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told))
    snapshots = Snapshots(processes, lambda: Clock.instant, lambda: 0.0)
    asked = asyncio.create_task(snapshots.take("shop"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    go_on.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert said == []


async def test_what_others_push_out_of_the_plan_is_claimed_no_longer(
    operator: Operator, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R8: whoever follows the plan refuses nothing from then on."""
    operator.observe_process("MODIFIED", acknowledged(cluster))
    await operator.work_after(seconds=1)
    assert cluster.condition("lunch", "Drained")[0] == "True"
    monkeypatch.setattr("fastapi_maintenance.windows.plan.MOST_BYTES", 256)
    operator.observe("ADDED", cluster.put("another", **LUNCH))
    await operator.work()
    assert cluster.planned() == []
    assert cluster.condition("lunch", "Enforced") == ("Unknown", "PlanTooLarge")
    assert cluster.condition("lunch", "Drained") == ("Unknown", "PlanTooLarge")


def planned(generation: int, name: str = "w") -> str:
    return f'{{"windows": [{{"uid": "uid-of-{name}", "generation": {generation}}}]}}'


@pytest.mark.parametrize(
    ("fate", "plan", "reason"),
    [
        (Fate.PLANNED, planned(1), None),
        (Fate.PLANNED, planned(2), "PlanNotWritten"),
        (Fate.PLANNED, "{}", "PlanNotWritten"),
        (Fate.PLANNED, None, "PlanNotWritten"),
        (Fate.TOO_LARGE, planned(1), "PlanTooLarge"),
        (Fate.NOT_WRITTEN, planned(1), "PlanNotWritten"),
    ],
)
def test_the_plan_in_etcd_has_this_version_of_the_window_or_nothing_is_proven(
    fate: Fate, plan: str | None, reason: str | None
) -> None:
    """R8."""
    observed = Observed(stored("w", **LUNCH), parsed("w", **LUNCH))
    assert unplanned(observed, fate, plan) == reason


async def test_a_plan_that_cannot_be_written_proves_nothing(cluster: MemoryCluster) -> None:
    """R8."""
    cluster.put("lunch", **LUNCH)
    acknowledged(cluster)
    cluster.failing["plan"] = [ApiException(status=403, reason="Forbidden")]
    await Operator(cluster).work()
    assert cluster.condition("lunch", "Drained") == ("Unknown", "PlanNotWritten")


async def test_a_request_that_ends_is_told_by_the_message_that_named_it(
    operator: Operator, cluster: MemoryCluster
) -> None:
    running = acknowledged(cluster, **flights("2026-06-01T12:05Z"))
    operator.observe_process("MODIFIED", running)
    await operator.work_after(seconds=12)
    status = cluster.windows["shop", "lunch"]["status"]
    (drained,) = [c for c in status["conditions"] if c["type"] == "Drained"]
    assert drained["message"] == "orders-1: 1 request, GET /export/{id} since 2026-06-01T12:05:00Z"
