"""Blocks on a cluster: a window each, which lasts while its process lives."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from starlette.testclient import TestClient

from fastapi_maintenance import (
    K8sBackend,
    LocalFileBackend,
    StateNotWritten,
    maintenance_mode_off,
    maintenance_mode_on,
)
from fastapi_maintenance.backends.base import wall_clock
from fastapi_maintenance.backends.kubernetes import blocks as blocks_module
from fastapi_maintenance.backends.kubernetes import written as written_module
from fastapi_maintenance.backends.kubernetes.objects import missing_proof
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from tests.python import python
from tests.unit.blocks import is_on, shop
from tests.unit.making import at
from tests.unit.writable import WritableCluster, put_writable, writing_threads
from tests.waiting import wait_for

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_other_middlewares")]

AWAY = "the API server can't be reached (connection refused); try again once it can"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> WritableCluster:
    cluster = WritableCluster()
    put_writable(cluster, monkeypatch)
    return cluster


@pytest.fixture
def backend(cluster: WritableCluster) -> Iterator[K8sBackend]:
    backend = K8sBackend("orders")
    anyio.run(backend.wait_until_ready)
    yield backend
    assert writing_threads() == 0
    backend.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are renewed all the time."""
    monkeypatch.setattr(blocks_module, "_RENEW_EVERY", (0.0, 0.02))
    monkeypatch.setattr(blocks_module, "_TRY_AGAIN_AFTER", (0.0, 0.02))


def end_of(cluster: WritableCluster) -> float:
    """When the only window ends."""
    (item,) = cluster.windows
    return datetime.fromisoformat(item["spec"]["end"]).timestamp()


async def until(condition: Any, what: str) -> None:
    await anyio.to_thread.run_sync(lambda: wait_for(condition, 30, what, interval=0.005))


async def test_a_block_has_a_window_of_its_own_that_ends_soon(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    before = wall_clock()
    async with maintenance_mode_on(backend):
        (item,) = cluster.windows
        assert item["metadata"]["name"].startswith("orders-block-")
        assert item["metadata"]["labels"]["fastapi-maintenance.io/made-for"] == "block"
        assert item["spec"]["apps"] == ["orders"]
        assert before + 60 <= end_of(cluster) <= wall_clock() + 60
        refusal = backend.decide().reads
        assert refusal is not None
        assert refusal.opening.source == f"window=shop/{cluster.names[0]}"
        assert cluster.bodies[0]["spec"]["ttlSecondsAfterFinished"] == 600
    assert cluster.windows == []
    assert not is_on(backend)


async def test_blocks_overlap_and_each_takes_away_its_own_window(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    first, second = maintenance_mode_on(backend), maintenance_mode_on(backend)
    await first.__aenter__()
    await second.__aenter__()
    assert len(set(cluster.names)) == 2
    await first.__aexit__(None, None, None)
    assert is_on(backend)
    assert len(cluster.names) == 1
    await second.__aexit__(None, None, None)
    assert not is_on(backend)


async def test_a_block_that_turns_it_off_is_for_this_process(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    """It takes no request, and so no `async with`, not even beside one that turns it on."""
    async with maintenance_mode_on(backend):
        before = list(cluster.requests)
        with maintenance_mode_off([backend]):
            assert not is_on(backend)
        assert is_on(backend)
        assert cluster.requests == before


def test_plain_blocks_work_in_plain_code(backend: K8sBackend, cluster: WritableCluster) -> None:
    with maintenance_mode_on(backend):
        assert (len(cluster.names), is_on(backend)) == (1, True)
    assert (cluster.names, is_on(backend)) == ([], False)


async def test_a_plain_block_in_an_event_loop_is_an_error(backend: K8sBackend) -> None:
    with pytest.raises(RuntimeError, match="write `async with`"), maintenance_mode_on(backend):
        raise AssertionError


def test_an_endpoint_may_be_the_block(backend: K8sBackend, cluster: WritableCluster) -> None:
    app, seen = shop(backend), list[Any]()

    @app.post("/migrate")
    @maintenance_mode_on(backend)
    def migrate() -> None:
        seen.append((len(cluster.names), is_on(backend)))

    with TestClient(app) as client:
        assert client.post("/migrate").status_code == 200
        assert client.get("/orders").status_code == 200
    assert seen == [(1, True)]
    assert cluster.names == []


def test_blocks_of_threads_and_tasks_run_at_the_same_time(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    together = threading.Barrier(6)

    def plain() -> None:
        with maintenance_mode_on(backend):
            together.wait(30)

    async def tasks() -> None:
        async def one() -> None:
            async with maintenance_mode_on(backend):
                await anyio.to_thread.run_sync(together.wait, 30)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(one)

    threads = [threading.Thread(target=plain) for _ in range(3)]
    for thread in threads:
        thread.start()
    anyio.run(tasks, backend="trio")
    for thread in threads:
        thread.join()
    assert (cluster.names, is_on(backend)) == ([], False)
    assert len([verb for verb, _ in cluster.requests if verb == "POST"]) == 6


@pytest.mark.usefixtures("hasty")
async def test_the_end_is_renewed_while_the_event_loop_is_blocked(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    async with maintenance_mode_on(backend):
        first = end_of(cluster)
        wait_for(lambda: end_of(cluster) > first, what="a renewal")


@pytest.mark.usefixtures("hasty")
async def test_while_the_server_is_away_the_block_holds_here_and_is_complained_of_once(
    backend: K8sBackend, cluster: WritableCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with maintenance_mode_on(backend):
        (name,) = cluster.names
        first = end_of(cluster)
        cluster.away = True
        await until(lambda: "can't be renewed" in caplog.text, "the complaint")
        await asyncio.sleep(0.1)  # more tries
        assert is_on(backend)
        cluster.away = False
        await until(lambda: end_of(cluster) > first, "the next renewal")
        await until(lambda: "is renewed again" in caplog.text, "that to be said")
    said = [r.getMessage() for r in caplog.records if "renewed" in r.getMessage()]
    assert len(said) == 2
    assert said[0].startswith(f"window {name} can't be renewed: {AWAY}; unless that succeeds")


@pytest.mark.usefixtures("hasty")
async def test_after_so_long_an_absence_that_its_window_was_cleared_up_it_gets_one_again(
    backend: K8sBackend, cluster: WritableCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with maintenance_mode_on(backend):
        with cluster._lock:  # no renewal is under way
            cluster.away = True
            cluster.windows.clear()
        monkeypatch.setattr(blocks_module, "wall_clock", lambda: wall_clock() + 120)
        cluster.away = False
        await until(lambda: cluster.names, "the window")
        assert end_of(cluster) > wall_clock() + 170
    assert cluster.names == []


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("how", "said"), [("delete", "was deleted"), ("suspend", "was ended or suspended")]
)
async def test_a_window_that_somebody_takes_back_ends_its_block_here_too(
    backend: K8sBackend,
    cluster: WritableCluster,
    caplog: pytest.LogCaptureFixture,
    how: str,
    said: str,
) -> None:
    async with maintenance_mode_on(backend):
        if how == "delete":
            cluster.windows.clear()
        else:
            cluster.windows[0]["spec"]["suspend"] = True
        await until(lambda: said in caplog.text, "that to be said")
        await until(lambda: backend.block() is None, "the block to hold no longer")
        renewals = len(cluster.requests)
        await asyncio.sleep(0.1)
        assert len(cluster.requests) == renewals
    assert cluster.names == []


async def test_a_block_that_can_not_be_told_to_others_does_not_begin(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    cluster.away = True
    with pytest.raises(StateNotWritten, match=r"maintenancewindow orders-block-\w+: the API serve"):
        async with maintenance_mode_on(backend):
            raise AssertionError
    assert not is_on(backend)


@pytest.mark.usefixtures("hasty")
async def test_a_block_that_did_not_begin_since_an_answer_was_lost_leaves_nothing(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    """Its window was made; and the first try to delete it fails, too."""
    cluster.losing = ["POST"]
    cluster.failing["DELETE"] = [Unreachable("connection reset")]
    with pytest.raises(StateNotWritten, match="the answer was lost"):
        async with maintenance_mode_on(backend):
            raise AssertionError
    assert writing_threads() == 0
    assert (cluster.names, is_on(backend)) == ([], False)
    assert [verb for verb, _ in cluster.requests] == ["POST", "DELETE", "DELETE"]


@pytest.mark.usefixtures("hasty")
async def test_a_block_is_renewed_though_an_answer_was_something_else(
    backend: K8sBackend, cluster: WritableCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with maintenance_mode_on(backend):
        cluster.garbling = ["PATCH"]
        await until(lambda: "is renewed again" in caplog.text, "the next renewal")
        assert "can't be renewed: the API server answered 200: " in caplog.text
    assert cluster.names == []


async def test_a_block_that_began_with_an_answer_of_something_else_leaves_nothing(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    cluster.garbling = ["POST"]
    with pytest.raises(StateNotWritten, match="the answer is no"):
        async with maintenance_mode_on(backend):
            raise AssertionError("it began")
    await until(lambda: cluster.names == [], "the window to be taken back")


@pytest.mark.usefixtures("hasty")
async def test_what_was_written_is_remembered_no_longer_than_its_window_lasts(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    """Whoever has deleted it: else each block would leave something in memory."""
    for _ in range(3):
        async with maintenance_mode_on(backend):
            cluster.windows.clear()
    (written,) = written_module._shared.values()
    assert written._versions == {}


async def test_a_window_that_can_not_be_deleted_ends_by_itself(
    backend: K8sBackend, cluster: WritableCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """And until then refuses here as everywhere."""
    async with maintenance_mode_on(backend):
        cluster.away = True
    assert "can't be deleted" in caplog.text
    assert "it ends by itself within" in caplog.text
    assert is_on(backend)
    assert backend.block() is None


async def test_a_block_that_is_cancelled_while_it_begins_leaves_nothing(
    backend: K8sBackend, cluster: WritableCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, may_answer = threading.Event(), threading.Event()
    answer = cluster._create

    def slowly(body: Any) -> Any:
        asked.set()
        may_answer.wait(30)
        return answer(body)

    monkeypatch.setattr(cluster, "_create", slowly)
    task = asyncio.create_task(maintenance_mode_on(backend).__aenter__())
    await until(asked.is_set, "the request")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    may_answer.set()
    assert writing_threads() == 0
    assert (cluster.names, is_on(backend)) == ([], False)
    assert [verb for verb, _ in cluster.requests] == ["POST", "DELETE"]


# Waiting for all processes


async def test_without_an_operator_nobody_can_say_that_all_are_drained(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    with pytest.raises(TimeoutError, match=r"not drained by all processes in time \(no operator"):
        async with maintenance_mode_on(backend, wait_for="drained", timeout=0.05):
            raise AssertionError
    assert (cluster.names, is_on(backend)) == ([], False)


def say(item: dict[str, Any], status: str, **current: str) -> None:
    """What an operator writes."""
    condition = {"type": "Drained", "status": status, "reason": "Draining", "message": "1 request"}
    item["status"] = {"conditions": [condition], "current": current}


@pytest.mark.parametrize("plain", [True, False])
def test_the_block_begins_when_the_operator_says_so(
    backend: K8sBackend, cluster: WritableCluster, monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    looks: list[str] = []
    answer = cluster._answer

    def operated(method: str, path: str, body: Any, content_type: str) -> Any:
        if method == "GET":
            (item,) = cluster.windows
            say(item, "False" if not looks else "True", start=item["spec"]["start"])
            looks.append(item["status"]["conditions"][0]["status"])
        return answer(method, path, body, content_type)

    async def block() -> None:
        async with maintenance_mode_on(backend, wait_for="drained"):
            looks.append("begun")

    monkeypatch.setattr(cluster, "_answer", operated)
    if plain:
        with maintenance_mode_on(backend, wait_for="drained"):
            looks.append("begun")
    else:
        anyio.run(block)
    assert looks == ["False", "True", "begun"]


NOON = at("2026-06-01T12:00Z").timestamp()


@pytest.mark.parametrize(
    ("status", "start", "end", "missing"),
    [
        ("True", "11:59:00", None, None),
        ("True", "11:59:00", "12:00:01", None),
        ("True", "11:59:00", "12:00:00", "out of date"),
        ("True", None, None, "out of date"),
        ("False", "11:59:00", None, "Draining: 1 request"),
    ],
)
def test_a_condition_counts_for_the_occurrence_that_is_open_now(
    status: str, start: str | None, end: str | None, missing: str | None
) -> None:
    """An operator that is away takes nothing back."""
    times = {"start": start, "end": end}
    item: dict[str, Any] = {}
    say(item, status, **{k: f"2026-06-01T{v}Z" for k, v in times.items() if v})
    found = missing_proof(item, "drained", NOON)
    assert (found is None) if missing is None else (missing in str(found))


async def test_a_server_that_goes_away_while_others_are_waited_for_is_named(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    cluster.failing["GET"] = [ApiError(500, "etcd leader changed")] * 100
    with pytest.raises(TimeoutError, match="etcd leader changed"):
        async with maintenance_mode_on(backend, wait_for="enforced", timeout=0.05):
            raise AssertionError


# Elsewhere


async def test_outside_a_cluster_a_block_is_the_other_backends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    file = LocalFileBackend(tmp_path / "maintenance")
    backend = K8sBackend("orders", outside_cluster=file)
    async with maintenance_mode_on(backend, wait_for="drained", timeout=0):
        assert (is_on(backend), is_on(file), backend.block()) == (True, True, True)
    assert (is_on(backend), is_on(file), backend.block()) == (False, False, None)


FORKING = """
import os, sys
import pytest
from fastapi_maintenance import K8sBackend, maintenance_mode_on
from tests.unit.writable import WritableCluster, put_writable

cluster = WritableCluster()
put_writable(cluster, pytest.MonkeyPatch())
backend = K8sBackend("orders")
block = maintenance_mode_on(backend)
block.__enter__()
child = os.fork()
if child == 0:
    status = 1
    try:
        assert backend.block() is None
        block.__exit__(None, None, None)
        assert len(cluster.names) == 1 and len(cluster.requests) == 1
        with maintenance_mode_on(backend):
            assert backend.block() and len(cluster.names) == 2
        status = 0
    finally:
        os._exit(status)
_, status = os.waitpid(child, 0)
assert backend.block()
block.__exit__(None, None, None)
assert backend.block() is None and cluster.names == []
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_fork_leaves_a_block_to_the_process_that_began_it() -> None:
    python("-c", FORKING)
