"""Requests of the operator that fail are tried again, ever more rarely, and nothing is lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiException

from fastapi_maintenance_operator.api import message_of
from fastapi_maintenance_operator.reconcile import Object, Observed
from fastapi_maintenance_operator.wire import Left
from tests.unit.making import at
from tests.unit.operated import Clock, MemoryCluster, Operator, clock_at

pytestmark = pytest.mark.anyio

LUNCH: dict[str, Any] = {"start": "2026-06-01T12:00:00Z", "duration": "1h"}
AWAY = OSError("connection refused")


@pytest.fixture(autouse=True)
def morning() -> Iterator[None]:
    with clock_at("2026-06-01T11:00Z"):
        yield


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    cluster.put("lunch", **LUNCH)
    return cluster


def refused(status: int, **answer: str) -> ApiException:
    error = ApiException(status=status, reason="Refused")
    error.body = json.dumps(answer).encode()
    return error


@pytest.mark.parametrize("error", [AWAY, TimeoutError(), refused(500), refused(409)], ids=repr)
@pytest.mark.parametrize(("verb", "write"), [("plan", "plan shop"), ("status", "status lunch")])
async def test_a_write_that_fails_is_tried_again(
    cluster: MemoryCluster, verb: str, write: str, error: Exception
) -> None:
    cluster.failing[verb] = [error]
    operator = Operator(cluster)
    assert write not in await operator.work()
    assert await operator.work_after(seconds=0.9) == []
    assert write in await operator.work_after(seconds=0.1)
    assert await operator.work_after(minutes=1) == []


async def retries(operator: Operator, cluster: MemoryCluster, verb: str) -> list[float]:
    """Seconds between tries of a request, until it succeeds."""
    seconds: list[float] = []
    tried: datetime = Clock.instant
    while cluster.failing[verb]:
        left = len(cluster.failing[verb])
        while len(cluster.failing[verb]) == left and Clock.instant - tried < timedelta(minutes=2):
            await operator.work_after(seconds=1)
        seconds.append((Clock.instant - tried).total_seconds())
        tried = Clock.instant
    return seconds


async def test_tries_become_rarer_up_to_one_a_minute(cluster: MemoryCluster) -> None:
    cluster.failing["status"] = [AWAY] * 9
    operator = Operator(cluster)
    await operator.work()
    assert await retries(operator, cluster, "status") == [1, 2, 4, 8, 16, 32, 60, 60]


async def test_a_success_forgets_the_failures_before(cluster: MemoryCluster) -> None:
    cluster.failing["status"] = [AWAY] * 3
    operator = Operator(cluster)
    await operator.work()
    await retries(operator, cluster, "status")
    assert await operator.work_after(seconds=4) == ["status lunch"]
    cluster.failing["status"] = [AWAY] * 2
    operator.observe("MODIFIED", cluster.put("lunch", **LUNCH, suspend=True))
    await operator.work()
    assert await retries(operator, cluster, "status") == [1]


async def test_an_edge_that_comes_while_a_write_fails_is_not_forgotten(
    cluster: MemoryCluster,
) -> None:
    operator = Operator(cluster)
    await operator.work()
    cluster.failing["status"] = [AWAY]
    assert await operator.work_at("2026-06-01T12:00Z") == ["event WindowOpened"]
    assert await operator.work_after(seconds=1) == ["event WindowOpened", "status lunch"]
    assert len(cluster.events) == 1
    assert await operator.work_at("2026-06-01T13:00Z") == ["event WindowClosed", "status lunch"]


async def test_an_event_that_fails_is_written_with_the_status_later(
    cluster: MemoryCluster,
) -> None:
    operator = Operator(cluster)
    await operator.work()
    cluster.failing["event"] = [AWAY]
    assert await operator.work_at("2026-06-01T12:00Z") == []
    assert await operator.work_after(seconds=1) == ["event WindowOpened", "status lunch"]


async def test_an_event_that_is_refused_holds_up_no_status(
    cluster: MemoryCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """By a quota: what stood there of an earlier occurrence would stay for good."""
    operator = Operator(cluster)
    await operator.work()
    cluster.failing["event"] = [refused(403, message="exceeded quota")] * 2
    assert await operator.work_at("2026-06-01T12:00Z") == ["status lunch"]
    assert await operator.work_at("2026-06-01T13:00Z") == ["status lunch"]
    assert "shop/lunch: no Event WindowClosed: exceeded quota" in caplog.text


async def test_an_edge_waits_for_no_retry(cluster: MemoryCluster) -> None:
    """However many have failed before; else a condition would outlast what it speaks of."""
    operator = Operator(cluster)
    cluster.failing["status"] = [AWAY] * 7
    Clock.instant = at("2026-06-01T12:58Z")
    await operator.work()
    while cluster.failing["status"]:
        await operator.work_after(seconds=1)
    assert Clock.instant == at("2026-06-01T12:59:03Z")
    assert "status lunch" in await operator.work_at("2026-06-01T13:00Z")


async def test_one_failure_does_not_hinder_others(cluster: MemoryCluster) -> None:
    cluster.put("other", namespace="bank", **LUNCH)
    cluster.failing["plan"] = [AWAY]
    await Operator(cluster).work()
    assert len(cluster.plans) == 1


async def test_a_window_deleted_while_its_write_failed_is_not_written(
    cluster: MemoryCluster,
) -> None:
    cluster.failing["status"] = [AWAY]
    operator = Operator(cluster)
    await operator.work()
    operator.observe("DELETED", cluster.remove("lunch"))
    await operator.work()
    assert await operator.work_after(minutes=2) == []


async def test_a_failure_is_logged_with_the_servers_words_and_the_next_try(
    cluster: MemoryCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.failing["plan"] = [refused(403, message="configmaps is forbidden")]
    await Operator(cluster).work()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "shop/: configmaps is forbidden; next try in 1 s"


async def test_a_list_that_fails_is_tried_again_soon(
    cluster: MemoryCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.failing["list"] = [AWAY]
    operator = Operator(cluster)
    assert await operator.work() == []
    assert not operator.ready
    assert "windows and plans can't be listed: connection refused" in caplog.text
    assert await operator.work_after(seconds=4) == []
    assert await operator.work_after(seconds=1) == ["plan shop", "status lunch"]
    assert operator.ready


async def test_before_all_windows_were_listed_no_plan_is_written(cluster: MemoryCluster) -> None:
    """What a watch tells of meanwhile is not all that there is."""
    await Operator(cluster).work()
    cluster.failing["list"] = [AWAY]
    operator = Operator(cluster)
    operator.observe("ADDED", cluster.put("night", **LUNCH))
    assert await operator.work() == []
    assert cluster.planned() == ["lunch"]
    assert await operator.work_after(seconds=5) == ["plan shop", "status night"]
    assert cluster.planned() == ["lunch", "night"]


async def test_a_list_that_fails_later_forgets_nothing(cluster: MemoryCluster) -> None:
    operator = Operator(cluster)
    await operator.work()
    cluster.failing["list"] = [AWAY]
    assert await operator.work_after(minutes=6) == []
    assert operator.ready
    assert await operator.work_at("2026-06-01T12:00Z") == ["event WindowOpened", "status lunch"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (refused(403, message="no right"), "no right"),
        (refused(500), "Refused"),
        (ApiException(status=502, reason="Bad Gateway"), "Bad Gateway"),
        (OSError("connection refused"), "connection refused"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=repr,
)
async def test_an_error_is_told_in_the_servers_own_words(error: Exception, message: str) -> None:
    assert message_of(error) == message


async def test_a_window_is_not_ready_while_the_plan_cannot_be_written(
    cluster: MemoryCluster,
) -> None:
    """And it is, once the plan is there."""
    cluster.failing["plan"] = [AWAY]
    operator = Operator(cluster)
    await operator.work()
    await operator.work()
    assert cluster.condition("lunch", "Ready") == ("False", "PlanNotWritten")
    await operator.work_after(seconds=1)
    await operator.work()
    assert cluster.condition("lunch", "Ready") == ("True", "Planned")


async def test_what_no_one_foresaw_in_one_window_leaves_the_others_alone(
    cluster: MemoryCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its traceback and tried again."""
    cluster.put("other", **LUNCH)
    cluster.failing["status"] = [RuntimeError("unforeseen")]
    operator = Operator(cluster)
    written = await operator.work()
    assert len([write for write in written if write.startswith("status")]) == 1
    assert "unforeseen" in caplog.text
    assert [w for w in await operator.work_after(seconds=1) if w.startswith("status")]


async def test_a_window_deleted_while_its_write_fails_is_tried_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And when it comes again, its former failures do not count."""

    class Deleting(MemoryCluster):
        async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
            if len(self.windows) == 1:
                operator.observe("DELETED", self.remove("lunch"))
            raise AWAY

    cluster = Deleting()
    cluster.put("lunch", **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    assert caplog.records == []
    cluster.put("another", **LUNCH)
    operator.observe("ADDED", cluster.put("lunch", **LUNCH))
    await operator.work()
    assert "next try in 1 s" in caplog.text


async def test_an_answer_older_than_what_the_watch_told_undoes_nothing() -> None:
    class Telling(MemoryCluster):
        async def apply_status(self, observed: Observed, status: Object, left: Left) -> Object:
            answer = await super().apply_status(observed, status, left)
            if observed.object["metadata"]["generation"] == 1:
                operator.observe("MODIFIED", self.put("lunch", **LUNCH, suspend=True))
            return answer

    cluster = Telling()
    cluster.put("lunch", **LUNCH)
    operator = Operator(cluster)
    await operator.work()
    assert cluster.condition("lunch", "Active") == ("False", "Suspended")


async def test_a_clock_that_is_set_back_takes_the_status_with_it(cluster: MemoryCluster) -> None:
    operator = Operator(cluster)
    await operator.work_at("2026-06-01T12:30Z")
    assert cluster.condition("lunch", "Active") == ("True", "Open")
    await operator.work_at("2026-06-01T11:30Z")
    assert cluster.condition("lunch", "Active") == ("False", "Scheduled")
    await operator.work_at("2026-06-01T12:00Z")
    assert cluster.condition("lunch", "Active") == ("True", "Open")


async def test_a_clock_that_is_set_back_a_little_takes_the_status_with_it_at_once(
    cluster: MemoryCluster,
) -> None:
    operator = Operator(cluster)
    await operator.work_at("2026-06-01T13:01Z")
    assert cluster.condition("lunch", "Active") == ("False", "Finished")
    await operator.work_at("2026-06-01T12:59Z")
    assert cluster.condition("lunch", "Active") == ("True", "Open")
    await operator.work_at("2026-06-01T13:00Z")
    assert cluster.condition("lunch", "Active") == ("False", "Finished")
