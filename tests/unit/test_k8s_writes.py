"""What set_maintenance_mode writes into a cluster, and when requests meet it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain, repeat
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from fastapi_maintenance import (
    K8sBackend,
    MaintenanceModeMiddleware,
    StateNotWritten,
    force_maintenance_mode_off,
    get_maintenance_mode,
    set_maintenance_mode,
)
from fastapi_maintenance.backends.kubernetes import writer as writer_module
from fastapi_maintenance.backends.kubernetes.objects import is_app_name, name_for
from fastapi_maintenance.backends.kubernetes.reflector import Reflector, Resource
from fastapi_maintenance.backends.kubernetes.sources import SwitchStore, WindowStore
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.backends.kubernetes.written import Guarded, Written
from tests.unit.making import Held, stored
from tests.unit.scripted import Ear, Names, Over, ScriptedTransport, item, listed
from tests.unit.writable import WritableCluster, put_writable, writing_threads

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_other_middlewares")]

FORBIDDEN = ApiError(
    403,
    'configmaps "fastapi-maintenance" is forbidden: User "system:serviceaccount:shop:orders" '
    'cannot patch resource "configmaps"',
)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> WritableCluster:
    cluster = WritableCluster()
    put_writable(cluster, monkeypatch)
    return cluster


@pytest.fixture(params=["configmap", "maintenancewindow"])
def backend(cluster: WritableCluster, request: pytest.FixtureRequest) -> Iterator[K8sBackend]:
    backend = K8sBackend("orders", source=request.param)
    yield backend
    backend.close()


@pytest.fixture
def switch(cluster: WritableCluster) -> Iterator[K8sBackend]:
    backend = K8sBackend("orders", source="configmap")
    yield backend
    backend.close()


@pytest.fixture
def window(cluster: WritableCluster) -> Iterator[K8sBackend]:
    backend = K8sBackend("orders")
    yield backend
    backend.close()


def source(backend: K8sBackend) -> str | None:
    refusal = backend.decide().reads
    return refusal.opening.source if refusal else None


async def test_a_change_governs_the_very_next_request(backend: K8sBackend) -> None:
    """The watch of this cluster never tells of it."""
    await backend.wait_until_ready()
    for value in (True, False, True):
        await set_maintenance_mode(value, backend)
        assert await get_maintenance_mode(backend) is value


async def test_a_change_governs_each_object_for_the_same_target(cluster: WritableCluster) -> None:
    backends = [K8sBackend("orders", source="configmap") for _ in range(2)]
    for backend in backends:
        await backend.wait_until_ready()
    await backends[0].set_value(True)
    assert [source(backend) for backend in backends] == ["configmap=shop/fastapi-maintenance"] * 2
    for backend in backends:
        backend.close()


async def test_a_list_that_is_older_than_what_was_written_does_not_count(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    """As from a cache of the API server that lags behind, for a script that writes first."""
    cluster.lags = True
    await backend.set_value(True)
    assert await backend.get_value()


async def test_an_event_that_is_older_than_what_was_written_does_not_count() -> None:
    store, written = SwitchStore(), Written()
    guarded = Guarded(store, written)

    def configmap(version: int, word: str) -> dict[str, Any]:
        metadata = {"name": "fastapi-maintenance", "resourceVersion": str(version)}
        return {"kind": "ConfigMap", "metadata": metadata, "data": {"maintenance.orders": word}}

    def hear(version: int, word: str) -> None:
        guarded.update("MODIFIED", configmap(version, word))
        guarded.version = str(version)

    hear(1, "off")
    written.changed(configmap(5, "on"))
    guarded.learn(configmap(5, "on"))
    hear(4, "off")
    assert store.words == {"maintenance.orders": "on"}
    hear(6, "read-only")
    guarded.learn(configmap(5, "on"))  # it comes too late
    assert store.words == {"maintenance.orders": "read-only"}


@pytest.mark.parametrize("kind_of", [WindowStore, SwitchStore])
async def test_the_deletion_of_a_predecessor_does_not_end_what_was_written_after_it(
    kind_of: type[WindowStore | SwitchStore],
) -> None:
    """On, off and on again, before the watch tells of any of it."""
    store, written, name = kind_of(), Written(), "fastapi-maintenance"
    guarded = Guarded(store, written)

    def made(uid: str, version: int) -> dict[str, Any]:
        found = stored(name, version)
        found["metadata"]["uid"] = uid
        words = {"kind": "ConfigMap", "data": {"maintenance.orders": "on"}}
        return found | words if isinstance(store, SwitchStore) else found

    def is_on() -> bool:
        if isinstance(store, SwitchStore):
            return bool(store.words)
        return [w.uid for w in store.windows] == ["second"]

    guarded.replace([])
    guarded.version = "10"
    written.changed(made("first", 11))
    guarded.learn(made("first", 11))
    written.removed(made("first", 11))
    written.changed(made("second", 13))
    guarded.learn(made("second", 13))
    assert is_on()
    for kind, uid, version in (("ADDED", "first", 11), ("DELETED", "first", 12)):
        guarded.update(kind, made(uid, version))
        assert is_on(), kind
    guarded.update("ADDED", made("second", 13))
    guarded.update("DELETED", made("second", 14))
    assert not is_on()


def test_a_deletion_ends_no_window_but_the_one_that_it_is_about() -> None:
    """Whoever else has made the one that has its name now."""
    store = WindowStore()
    store.replace([stored("move") | {"metadata": stored("move")["metadata"] | {"uid": "new"}}])
    store.update("DELETED", stored("move"))
    assert [window.uid for window in store.windows] == ["new"]


async def test_a_list_that_was_on_its_way_during_a_write_is_asked_for_anew() -> None:
    transport = ScriptedTransport([listed(5, item("old", 4)), listed(9, item("new", 9))])
    store = Names()
    oldest = chain([0], repeat(9))
    reflector = Reflector(transport, Resource("/w"), store, Ear(), oldest=lambda: next(oldest))
    with contextlib.suppress(Over):
        await reflector.run()
    assert transport.requests[:2] == [("list", "0"), ("list", None)]
    assert store.known == {"new": "9"}


async def test_the_thread_that_writes_ends_with_the_write(backend: K8sBackend) -> None:
    await backend.set_value(True)
    assert writing_threads() == 0


# The ConfigMap


async def test_a_configmap_is_made_where_there_is_none(
    switch: K8sBackend, cluster: WritableCluster
) -> None:
    await switch.set_value(True)
    assert cluster.configmaps == {"fastapi_maintenance": {"maintenance.orders": "on"}}
    await switch.set_value(False)
    assert cluster.configmaps == {"fastapi_maintenance": {"maintenance.orders": "off"}}


async def test_the_keys_of_others_stay_whoever_writes_at_the_same_time(
    cluster: WritableCluster,
) -> None:
    apps = [f"app-{number}" for number in range(8)]
    backends = [K8sBackend(app, source="configmap") for app in apps]
    await asyncio.gather(*(backend.set_value(True) for backend in backends))
    data = cluster.configmaps["fastapi_maintenance"]
    assert data == {f"maintenance.{app}": "on" for app in apps}


# The window


async def test_the_window_has_one_name_and_is_deleted_to_turn_it_off(
    window: K8sBackend, cluster: WritableCluster
) -> None:
    for _ in range(2):
        await window.set_value(True)
        assert cluster.names == ["orders-switch"]
    (item,) = cluster.windows
    assert item["spec"].keys() == {"apps", "start"}
    assert item["spec"]["apps"] == ["orders"]
    assert item["metadata"]["labels"]["fastapi-maintenance.io/made-for"] == "switch"
    for _ in range(2):
        await window.set_value(False)
        assert cluster.names == []


async def test_a_switch_that_somebody_has_ended_is_made_anew(
    window: K8sBackend, cluster: WritableCluster
) -> None:
    await window.set_value(True)
    cluster.windows[0]["spec"]["suspend"] = True
    uid = cluster.windows[0]["metadata"]["uid"]
    await window.set_value(True)
    assert cluster.windows[0]["metadata"]["uid"] != uid
    assert "suspend" not in cluster.windows[0]["spec"]


@pytest.mark.parametrize("value", [True, False])
async def test_a_window_of_somebody_else_is_not_taken_over(
    window: K8sBackend, cluster: WritableCluster, value: bool
) -> None:
    cluster.windows = [stored("orders-switch", suspend=True)]
    with pytest.raises(StateNotWritten, match="orders-switch was made by somebody else"):
        await window.set_value(value)
    assert cluster.names == ["orders-switch"]


APPS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", fullmatch=True)


@given(APPS, APPS)
def test_each_app_has_a_name_of_its_own_that_an_object_may_have(one: str, other: str) -> None:
    names = [name_for(app, "block-0123abcd") for app in (one, other)]
    assert is_app_name(one)
    assert (names[0] == names[1]) is (one == other)
    for name in names:
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)


# What is in the way


async def test_without_a_name_it_asks_for_one(
    cluster: WritableCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FASTAPI_MAINTENANCE_APP", raising=False)
    with pytest.raises(StateNotWritten, match="pass app= to K8sBackend or set FASTAPI_MAINTEN"):
        await K8sBackend().set_value(True)
    with pytest.raises(StateNotWritten, match="is no name that a window can be for"):
        await K8sBackend("orders*").set_value(True)
    assert cluster.requests == []


async def test_a_missing_right_is_named_with_the_command_that_grants_it(
    switch: K8sBackend, cluster: WritableCluster
) -> None:
    cluster.failing["PATCH"] = [FORBIDDEN]
    with pytest.raises(StateNotWritten) as failed:
        await switch.set_value(True)
    assert str(failed.value).startswith("configmap fastapi-maintenance, maintenance.orders: ")
    assert str(failed.value).endswith(
        "kubectl -n shop create rolebinding maintenance-writer "
        "--clusterrole=fastapi-maintenance-writer --serviceaccount=shop:orders"
    )
    assert not await switch.get_value()


async def test_without_the_crd_it_says_what_installs_it(
    window: K8sBackend, cluster: WritableCluster
) -> None:
    cluster.failing["POST"] = [ApiError(404, "404 page not found")]
    with pytest.raises(StateNotWritten, match=r"orders-switch: the CRD .* kubectl apply -f crds/"):
        await window.set_value(True)


async def test_without_a_server_nothing_changes(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    await backend.wait_until_ready()
    cluster.away = True
    with pytest.raises(StateNotWritten, match=r"can't be reached \(connection refused\)"):
        await backend.set_value(True)
    assert not await backend.get_value()
    assert writing_threads() == 0


@pytest.mark.parametrize("value", [True, False])
async def test_a_write_whose_answer_was_lost_is_found_to_have_worked(
    backend: K8sBackend, cluster: WritableCluster, value: bool
) -> None:
    await backend.set_value(not value)
    cluster.losing = ["PATCH"] if cluster.configmaps else ["POST" if value else "DELETE"]
    await backend.set_value(value)
    assert (cluster.losing, await backend.get_value()) == ([], value)


@pytest.mark.parametrize("strange", ["losing", "garbling"])
async def test_a_change_governs_the_next_request_though_its_answer_was_lost(
    backend: K8sBackend, cluster: WritableCluster, strange: str
) -> None:
    """Or was something else, as of a proxy."""
    await backend.wait_until_ready()
    for value, method in ((True, "POST"), (False, "DELETE"), (True, "POST")):
        setattr(cluster, strange, ["PATCH"] if cluster.configmaps else [method])
        await backend.set_value(value)
        assert (source(backend) is not None) is value
    assert getattr(cluster, strange) == []


async def test_an_error_says_so_where_nobody_knows_whether_it_was_written(
    window: K8sBackend, cluster: WritableCluster
) -> None:
    cluster.losing = ["POST"]
    cluster.failing["GET"] = [Unreachable("connection reset")]
    with pytest.raises(StateNotWritten, match=r"orders-switch: .* may or may not have been writt"):
        await window.set_value(True)
    assert cluster.names == ["orders-switch"]


async def test_a_switch_that_is_being_deleted_is_not_taken_for_one_that_is_on(
    window: K8sBackend, cluster: WritableCluster
) -> None:
    """A finalizer keeps it there for a while."""
    await window.set_value(True)
    cluster.windows[0]["metadata"]["deletionTimestamp"] = "2026-06-01T12:00:00Z"
    await window.set_value(True)
    assert "deletionTimestamp" not in cluster.windows[0]["metadata"]
    assert [verb for verb, _ in cluster.requests] == ["POST", "POST", "GET", "DELETE", "POST"]


async def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_promised(
    backend: K8sBackend, cluster: WritableCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(writer_module, "PATIENCE", 0.01)
    monkeypatch.setattr(cluster, "request", hang)
    with pytest.raises(StateNotWritten, match=r"no answer within 0.01 s"):
        await backend.set_value(True)


async def test_outside_a_cluster_the_other_backend_is_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    await K8sBackend("orders").set_value(True)
    assert "environment variable FASTAPI_MAINTENANCE_MODE" in caplog.text
    with pytest.raises(StateNotWritten, match="Held can't be written"):
        await K8sBackend("orders", outside_cluster=Held()).set_value(True)


# Start and end of an application


def coming_and_going(backend: Any) -> FastAPI:
    """Turns it off when it starts and on when it ends, as is documented since 0.0.1."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await set_maintenance_mode(False)
        yield
        await set_maintenance_mode(True)

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(MaintenanceModeMiddleware, backend=backend)

    @app.post("/switch/{value}")
    @force_maintenance_mode_off
    async def turn(value: bool) -> None:
        await set_maintenance_mode(value)

    return app


def test_a_process_that_comes_and_goes_does_not_turn_the_switch(
    backend: K8sBackend, cluster: WritableCluster, caplog: pytest.LogCaptureFixture
) -> None:
    app = coming_and_going(backend)
    for _ in range(2):
        with TestClient(app):
            assert cluster.requests == []
    assert cluster.requests == []
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(said) == 4
    assert said[0].startswith("maintenance is not turned off while this application starts, for")
    assert said[1].startswith("maintenance is not turned on while this application ends, for")


def test_between_start_and_end_it_turns_the_switch(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    with TestClient(coming_and_going([backend])) as client:
        assert client.post("/switch/true").status_code == 200
        assert client.post("/nothing").status_code == 404
        assert source(backend) is not None
        client.post("/switch/false")
        assert source(backend) is None


async def test_after_the_end_nothing_is_turned_however_often_and_said_once(
    backend: K8sBackend, cluster: WritableCluster, caplog: pytest.LogCaptureFixture
) -> None:
    app = coming_and_going(backend)
    with TestClient(app):
        pass
    caplog.clear()
    for _ in range(3):
        await backend.set_value(True)
    assert cluster.requests == []
    (record,) = caplog.records
    assert "is not turned on after this application has ended" in record.getMessage()


async def test_another_application_of_the_process_turns_it_after_one_has_ended(
    cluster: WritableCluster,
) -> None:
    """As in tests, of which each makes an application; one that starts is no reason to write."""
    ended, other = coming_and_going(K8sBackend("orders")), K8sBackend("orders")
    with TestClient(ended):
        K8sBackend("orders")
        await other.set_value(True)
        assert cluster.names == ["orders-switch"]
    await other.set_value(False)
    assert cluster.names == ["orders-switch"]
    await K8sBackend("orders").set_value(False)
    assert cluster.names == []
    other.close()


@pytest.mark.parametrize("shared", [True, False])
def test_an_application_without_lifespan_turns_it_after_another_has_ended(
    backend: K8sBackend, cluster: WritableCluster, shared: bool
) -> None:
    """Whoever answers requests serves, whatever has become of others for the same state."""
    other = backend if shared else K8sBackend("orders")
    serving = TestClient(coming_and_going(other))
    with TestClient(coming_and_going(backend)):
        serving.post("/switch/true")
        serving.post("/switch/false")
    for value in (True, False):
        assert serving.post(f"/switch/{value}").status_code == 200
        assert (source(other) is not None) is value
    other.close()


def test_an_application_that_ends_turns_nothing_while_another_serves(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    serving = TestClient(coming_and_going(backend))
    with serving, TestClient(coming_and_going(backend)):
        serving.post("/switch/false")
        cluster.requests.clear()
    assert cluster.requests == []


async def test_a_server_without_lifespan_events_turns_it(
    backend: K8sBackend, cluster: WritableCluster
) -> None:
    """Neither one that sends none, nor an application that takes none."""

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise ValueError("only http is spoken here")

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    gate = MaintenanceModeMiddleware(plain, backend=backend)
    with pytest.raises(ValueError, match="only http"):
        await gate({"type": "lifespan"}, receive, receive)  # type: ignore[arg-type]
    await backend.set_value(True)
    assert cluster.requests != []
