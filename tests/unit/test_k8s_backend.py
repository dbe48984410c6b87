"""Windows of a cluster, in memory: from the first list on, whatever becomes of the cluster."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from fastapi import FastAPI

from fastapi_maintenance import EnvVarBackend, K8sBackend
from fastapi_maintenance.backends.kubernetes import backend as backend_module
from fastapi_maintenance.backends.kubernetes import sources, watcher
from fastapi_maintenance.windows import OFF, make_plan, parse_manifest
from tests.python import python
from tests.unit.clustered import StandingCluster, put_into
from tests.unit.making import Held, at, fixed, open_since_2026, recurring, stored, window
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio

THREAD = "fastapi-maintenance"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> StandingCluster:
    """A cluster with one window that is open for the app orders."""
    cluster = StandingCluster(stored("move", apps=["orders"]))
    put_into(cluster, monkeypatch)
    return cluster


@pytest.fixture
def backend(cluster: StandingCluster) -> Iterator[K8sBackend]:
    backend = K8sBackend("orders")
    yield backend
    backend.close()


def threads() -> int:
    return sum(thread.name == THREAD for thread in threading.enumerate())


def source(backend: K8sBackend) -> str | None:
    refusal = backend.state().writes
    return refusal.opening.source if refusal else None


@pytest.mark.usefixtures("cluster")
def test_constructing_it_starts_nothing() -> None:
    backend = K8sBackend("orders")
    assert (threads(), backend.health(), backend.ready) == (0, None, False)


async def test_it_is_ready_once_everything_has_been_listed(backend: K8sBackend) -> None:
    await backend.wait_until_ready()
    assert backend.ready
    assert source(backend) == "window=shop/move"


async def test_one_thread_follows_however_often_it_is_started(backend: K8sBackend) -> None:
    for _ in range(3):
        backend.start()
    await backend.wait_until_ready()
    assert threads() == 1


async def test_windows_of_other_apps_do_not_count(cluster: StandingCluster) -> None:
    backend = K8sBackend("billing")
    await backend.wait_until_ready()
    assert backend.state().writes is None
    backend.close()


async def test_without_a_server_it_is_ready_when_the_time_to_wait_is_over(
    cluster: StandingCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.away = True
    backend = K8sBackend("orders", sync_timeout=0.01)
    await backend.wait_until_ready()
    assert backend.ready
    assert backend.state() == OFF
    assert "no list of windows within 0.01 s of starting" in caplog.text
    backend.close()


async def test_that_no_list_came_in_time_is_said_once_however_many_wait(
    backend: K8sBackend, cluster: StandingCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.away, backend.sync_timeout = True, 0.05
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(backend.wait_until_ready)
    assert caplog.text.count("no list of windows within 0.05 s") == 1
    backend.close()
    await backend.wait_until_ready()
    assert caplog.text.count("no list of windows within 0.05 s") == 2


async def test_who_waits_for_the_first_list_looks_ever_more_rarely(
    backend: K8sBackend, cluster: StandingCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of requests may wait at once, on the core that is to start the rest."""
    cluster.away, backend.sync_timeout = True, 0.5
    looks, must_wait = [0], backend._must_wait

    def counted() -> bool:
        looks[0] += 1
        return must_wait()

    monkeypatch.setattr(backend, "_must_wait", counted)
    await backend.wait_until_ready()
    assert looks[0] <= 20


def test_before_the_first_list_it_may_refuse(cluster: StandingCluster) -> None:
    """With health checks passed: else the Pod would never come up."""
    cluster.away = True
    backend = K8sBackend("orders", before_first_sync="refuse")
    refusal = backend.state().reads
    assert refusal is not None
    assert refusal.opening.probes_pass
    assert refusal.opening.response.retry_after_seconds == 5
    backend.close()


async def test_closing_ends_the_thread_and_keeps_what_is_known(backend: K8sBackend) -> None:
    await backend.wait_until_ready()
    for _ in range(2):
        backend.close()
    assert (threads(), backend.health(), backend.ready) == (0, None, False)
    assert source(backend) == "window=shop/move"


def test_closing_at_once_after_starting_ends_the_thread_too(backend: K8sBackend) -> None:
    """It may not have an event loop yet that could be told."""
    for _ in range(20):
        backend.start()
        backend.close()
    assert threads() == 0


async def test_what_was_known_stays_while_the_server_is_away(
    backend: K8sBackend, cluster: StandingCluster
) -> None:
    await backend.wait_until_ready()
    backend.close()
    cluster.away = True
    await backend.wait_until_ready()
    assert source(backend) == "window=shop/move"


async def test_after_closing_the_next_request_starts_it_again(
    backend: K8sBackend, cluster: StandingCluster
) -> None:
    await backend.wait_until_ready()
    backend.close()
    cluster.windows = []
    backend.state()
    wait_for(lambda: backend.state().writes is None, what="the new list")
    assert threads() == 1


class Telling(StandingCluster):
    """Tells each watch of what it is given to tell, once."""

    def __init__(self, *windows: dict[str, Any]) -> None:
        super().__init__(*windows)
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.version = "1"

    async def get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        return await super().get(path, params) | {"metadata": {"resourceVersion": self.version}}

    async def watch(
        self, path: str, params: Mapping[str, str], opened: Callable[[], None]
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        opened()
        while True:
            with contextlib.suppress(queue.Empty):
                yield [self.events.get_nowait()]
            await asyncio.sleep(0.005)


def test_a_thread_that_ends_late_leaves_to_the_next_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is still at work on an event, of a window that is gone by now."""
    cluster = Telling(stored("move", apps=["orders"]))
    put_into(cluster, monkeypatch)
    began, go_on = threading.Event(), threading.Event()

    def slow(item: dict[str, Any]) -> Any:
        if item["metadata"]["generation"] == 2:
            began.set()
            go_on.wait(30)
        return parse_manifest(item)

    monkeypatch.setattr(sources, "parse_manifest", slow)
    monkeypatch.setattr(watcher, "_CLOSE_TIMEOUT", 0.1)
    backend = K8sBackend("orders")
    backend.wait()
    edited = stored("move", 5, apps=["orders"])
    edited["metadata"]["generation"] = 2
    cluster.events.put({"type": "MODIFIED", "object": edited})
    assert began.wait(30)
    before = {thread for thread in threading.enumerate() if thread.name == THREAD}
    backend.close()
    cluster.windows, cluster.version = [], "9"
    asking = threading.Thread(target=backend.wait)
    asking.start()
    wait_for(lambda: cluster.listed == 2, what="the next one's list")
    go_on.set()
    asking.join(30)
    wait_for(lambda: not any(thread.is_alive() for thread in before), what="the former to end")
    assert source(backend) is None
    backend.close()


async def test_its_health_says_how_the_watch_is_doing(
    backend: K8sBackend, cluster: StandingCluster
) -> None:
    cluster.windows.append(stored("broken", apps=[]))
    await backend.wait_until_ready()
    health = backend.health()
    assert health is not None
    assert (health.synced, health.objects, health.rejected) == (True, 1, 1)
    assert health.last_error is None
    assert health.age is not None
    assert health.age < 60


def test_its_health_names_what_is_wrong(
    backend: K8sBackend, cluster: StandingCluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.away = True
    backend.start()

    def wrong() -> str | None:
        health = backend.health()
        return health.last_error if health and not health.synced else None

    assert wait_for(wrong, what="the first failure") == "connection refused"
    assert "the API server can't be reached (connection refused)" in caplog.text


PLAN, _ = make_plan([window(fixed(("2026-01-01T00:00Z", None)))], at("2026-01-01T00:00Z"))


@pytest.mark.parametrize(
    ("switch", "plan", "expected"),
    [
        (None, None, None),
        ({"maintenance.orders": "on"}, None, "configmap=shop/fastapi-maintenance"),
        ({"maintenance": "off"}, {"windows.json": PLAN}, "window=shop/w"),
    ],
)
async def test_configmaps_hold_a_switch_and_a_plan(
    monkeypatch: pytest.MonkeyPatch, switch: Any, plan: Any, expected: str | None
) -> None:
    held = {"fastapi_maintenance": switch, "fastapi_maintenance_plan": plan}
    cluster = StandingCluster(**{name: data for name, data in held.items() if data})
    put_into(cluster, monkeypatch)
    backend = K8sBackend("orders", source="configmap")
    await backend.wait_until_ready()
    assert cluster.listed == 2
    assert source(backend) == expected
    backend.close()


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch) -> StandingCluster:
    """A cluster whose switch is on for orders, and whose plan may not be read."""
    cluster = StandingCluster(fastapi_maintenance={"maintenance.orders": "on"})
    cluster.forbidden = {"fastapi-maintenance-plan"}
    put_into(cluster, monkeypatch)
    return cluster


@pytest.mark.usefixtures("switched_on")
def test_a_switch_counts_as_soon_as_it_is_known_while_the_plan_is_not() -> None:
    """Synced it is only when both are."""
    backend = K8sBackend("orders", source="configmap")
    backend.start()
    wait_for(lambda: source(backend) == "configmap=shop/fastapi-maintenance", what="the switch")

    def tells(error: str) -> bool:
        health = backend.health()
        return health is not None and not health.synced and health.last_error == error

    wait_for(lambda: tells("403: configmaps is forbidden"), what="the plan to be asked for")
    backend.close()


@pytest.mark.parametrize(("unsynced", "refused"), [("serve", False), ("refuse", True)])
def test_while_the_plan_is_not_known_a_switch_that_is_off_is_no_proof(
    switched_on: StandingCluster, unsynced: Any, refused: bool
) -> None:
    switched_on.configmaps = {"fastapi_maintenance": {"maintenance": "off"}}
    backend = K8sBackend("orders", source="configmap", before_first_sync=unsynced)
    backend.start()
    wait_for(lambda: switched_on.listed, what="the switch to be listed")
    wait_for(lambda: backend._view.timeline, what="the switch to count")
    assert (backend.state().writes is not None) is refused
    backend.close()


# One watch for all


async def test_several_backends_of_one_target_share_one_watch(cluster: StandingCluster) -> None:
    """Each for its own app: several applications may live in one process."""
    backends = [K8sBackend(app) for app in ("orders", "billing", "orders")]
    for backend in backends:
        await backend.wait_until_ready()
    assert (threads(), cluster.listed) == (1, 1)
    assert [source(backend) is not None for backend in backends] == [True, False, True]
    for backend in backends[:2]:
        backend.close()
    assert threads() == 1
    assert source(backends[2]) == "window=shop/move"
    backends[2].close()
    assert threads() == 0


async def test_a_backend_that_comes_later_knows_at_once_what_is_known(
    backend: K8sBackend, cluster: StandingCluster
) -> None:
    await backend.wait_until_ready()
    later = K8sBackend("orders")
    later.start()
    assert source(later) == "window=shop/move"
    assert cluster.listed == 1
    later.close()


@pytest.mark.parametrize("other", [{"namespace": "other"}, {"source": "configmap"}])
def test_another_namespace_or_source_is_another_watch(
    backend: K8sBackend, other: dict[str, Any]
) -> None:
    second = K8sBackend("orders", **other)
    backend.start()
    second.start()
    assert threads() == 2
    second.close()
    assert threads() == 1


async def test_each_backend_waits_for_as_long_as_it_says_from_its_own_start(
    cluster: StandingCluster,
) -> None:
    """However long another one has waited in vain before."""
    cluster.away = True
    first, second = K8sBackend("orders", sync_timeout=0.01), K8sBackend("billing", sync_timeout=30)
    await first.wait_until_ready()
    cluster.away = False
    await second.wait_until_ready()
    health = second.health()
    assert health is not None
    assert health.synced
    first.close()
    second.close()


def test_backends_may_come_and_go_from_many_threads(cluster: StandingCluster) -> None:
    """Afterwards nothing is left of them."""

    def come_and_go() -> None:
        for _ in range(20):
            backend = K8sBackend("orders")
            backend.start()
            backend.close()

    crowd = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert threads() == 0


def test_a_name_is_asked_for_once_where_there_is_none(
    cluster: StandingCluster, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FASTAPI_MAINTENANCE_APP", raising=False)
    K8sBackend()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "pass app= or set FASTAPI_MAINTENANCE_APP" in record.getMessage()
    monkeypatch.setenv("FASTAPI_MAINTENANCE_APP", "orders")
    assert K8sBackend().app == "orders"
    assert len(caplog.records) == 1


def test_an_app_that_is_no_string_is_told_where_it_goes() -> None:
    with pytest.raises(TypeError, match="not FastAPI: the FastAPI object goes to add_middleware"):
        K8sBackend(FastAPI())  # type: ignore[arg-type]


def test_an_unknown_source_is_an_error() -> None:
    with pytest.raises(ValueError, match="write 'maintenancewindow' or 'configmap'"):
        K8sBackend("orders", source="secret")  # type: ignore[arg-type]


async def test_outside_a_cluster_another_backend_decides(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    outside = Held(open_since_2026())
    backend = K8sBackend("orders", outside_cluster=outside)
    backend.start()
    await backend.wait_until_ready()
    assert backend.state() is outside.held
    assert (threads(), backend.health()) == (0, None)
    backend.close()
    assert outside.calls == ["ready", "close"]
    assert caplog.records == []  # it was meant so


def test_outside_a_cluster_the_environment_decides_by_default_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A laptop that was to follow one lacks a variable, which is named once."""
    for name in ("KUBERNETES_SERVICE_HOST", "FASTAPI_MAINTENANCE_KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "on")
    backend = K8sBackend("orders", report=True)
    assert backend.state() == EnvVarBackend().state() != OFF
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "no cluster is followed" in record.getMessage()
    assert (
        "FASTAPI_MAINTENANCE_KUBECONFIG is not set; FASTAPI_MAINTENANCE_MODE alone"
        in record.getMessage()
    )


FORKING = """
import os, sys, threading
import anyio, pytest
from fastapi_maintenance import K8sBackend
from tests.unit.clustered import StandingCluster, put_into
from tests.unit.making import stored

put_into(StandingCluster(stored("move")), pytest.MonkeyPatch())
backend = K8sBackend("orders")
anyio.run(backend.wait_until_ready)
def following():
    return any(thread.name == "fastapi-maintenance" for thread in threading.enumerate())
assert following()
child = os.fork()
if child == 0:
    status = 1
    try:
        assert not following() and backend.health() is None and not backend.ready
        anyio.run(backend.wait_until_ready)
        assert following() and backend.state().writes is not None
        status = 0
    finally:
        os._exit(status)
_, status = os.waitpid(child, 0)
assert following() and backend.health().synced
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_after_a_fork_the_child_follows_with_a_thread_of_its_own() -> None:
    """As under a server that loads the application before it forks its workers."""
    python("-c", FORKING)


async def test_a_plan_past_its_time_is_told_of_while_nothing_happens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No request comes, no event, and what is known stays in force."""
    until = at("2026-06-09T00:00Z").timestamp()
    clock = SimpleNamespace(now=until - 0.01)
    for module in (watcher, backend_module):
        monkeypatch.setattr(module, "wall_clock", lambda: clock.now)
    windows = [window(recurring("0 0 * * *", hours=30), name="nightly")]
    plan, _ = make_plan(windows, at("2026-06-01T00:00Z"))
    cluster = StandingCluster(fastapi_maintenance_plan={"windows.json": plan})
    put_into(cluster, monkeypatch)
    backend = K8sBackend("orders", source="configmap")
    await backend.wait_until_ready()
    assert caplog.messages == []
    clock.now = until
    wait_for(lambda: caplog.messages, what="the plan's age to be told of")
    assert caplog.messages[0].startswith(
        "the plan fastapi-maintenance-plan: it says nothing of the time from 2026-06-09T00:00:00Z "
        "on about shop/nightly:"
    )
    assert source(backend) == "window=shop/nightly"
    backend.close()
