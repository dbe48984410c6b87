"""Work that is no request: counted, then checked, and waited for, as requests are."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fastapi_maintenance import (
    EnvVarBackend,
    K8sBackend,
    LocalFileBackend,
    MaintenanceActive,
    maintenance_mode_on,
)
from fastapi_maintenance.backends import BaseStateBackend
from fastapi_maintenance.backends.asked import asked
from fastapi_maintenance.backends.kubernetes.report import Account
from fastapi_maintenance.backends.work import works_of
from fastapi_maintenance.windows import Match, Mode, Opening, State, state_at, switched
from tests.unit.making import Held, at, fixed, stored, window
from tests.unit.processes import ProcessServer, serve
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio

NOW = at("2026-06-01T12:00Z")
ON = switched(Opening())


def refusing(end: str | None = None, **changes: Any) -> State:
    given = window(fixed(("2026-01-01T00:00Z", end)), **{"apps": ("orders",), **changes})
    return state_at([given], "orders", NOW)


def may_begin(state: State, *needs: str) -> bool:
    try:
        with Held(state).work("charge", needs=needs):
            return True
    except MaintenanceActive:
        return False


async def test_it_runs_while_nothing_is_refused_and_counts_meanwhile() -> None:
    backend = Held()
    works = works_of(backend)
    with backend.work("charge"):
        assert works.running() == 1
    async with backend.work("charge"):
        assert works.running() == 1
    assert works.running() == 0


def test_each_time_that_it_is_entered_counts_by_itself() -> None:
    """As where a module has one for all its threads."""
    backend = Held()
    charge, works = backend.work("charge"), works_of(backend)
    ends = [threading.Event() for _ in range(2)]

    def run(end: threading.Event) -> None:
        with charge:
            assert end.wait(20)

    threads = [threading.Thread(target=run, args=(end,)) for end in ends]
    for thread in threads:
        thread.start()
    wait_for(lambda: works.running() == 2)
    for left, (thread, end) in zip((1, 0), zip(threads, ends, strict=True), strict=True):
        end.set()
        thread.join()
        assert works.running() == left


async def test_it_must_not_begin_during_maintenance_and_is_told_when_to_come_back() -> None:
    backend = Held(refusing("2999-01-01T00:00Z"))
    ran = []
    says = r"charge must not begin: window=shop/w"
    with pytest.raises(MaintenanceActive, match=says) as caught, backend.work("charge"):
        ran.append(1)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 365 * 86400
    with pytest.raises(MaintenanceActive) as caught:
        async with backend.work("charge"):
            ran.append(1)
    assert works_of(backend).running() == len(ran) == 0


def test_where_no_end_is_known_nobody_knows_when_to_come_back() -> None:
    with pytest.raises(MaintenanceActive) as caught, Held(ON).work("charge"):
        pass
    assert caught.value.retry_after is None


def test_it_counts_as_a_write() -> None:
    """It is refused wherever a write may be, and by windows for what it needs."""
    assert not may_begin(refusing(mode=Mode.READ_ONLY))
    assert not may_begin(refusing(match=Match(methods=("POST",))))
    assert may_begin(refusing(match=Match(methods=("GET",))))
    assert may_begin(refusing(match=Match(paths=("/orders/*",))))
    assert not may_begin(refusing(match=Match(dependencies=("orders-db",))), "orders-db")
    assert may_begin(refusing(match=Match(dependencies=("orders-db",))), "cache")


def test_needs_takes_several() -> None:
    with pytest.raises(TypeError, match=r"write needs=\['orders-db'\]"):
        Held().work("charge", needs="orders-db")


def test_a_window_is_not_drained_while_work_runs_that_it_refuses() -> None:
    """Work that began before it opened."""
    backend = Held()
    account = Account(backend, "orders")
    opened = window(fixed(("2026-01-01T00:00Z", None)), apps=("orders",), uid="u")

    def report() -> Any:
        return account.look([opened], (), NOW, stopping=False).windows[0]

    with backend.work("charge"):
        assert report().in_flight == 1
        assert [(flight.method, flight.route) for flight in report().oldest] == [("WORK", "charge")]
    assert report().is_drained


class Interleaved(Held):
    """Stops whoever asks what holds, just before or just after the answer is made."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.reached, self.go_on = threading.Event(), threading.Event()

    def state(self) -> State:
        for where in ("before", "after"):
            if where == "after":
                state = self.held
            if where == self.where:
                self.reached.set()
                assert self.go_on.wait(20)
        return state


@pytest.mark.parametrize("where", ["before", "after"])
def test_r5_no_interleaving_lets_work_begin_that_is_neither_refused_nor_counted(where: str) -> None:
    backend, began = Interleaved(where), []

    def work() -> None:
        try:
            with backend.work("charge"):
                began.append(True)
        except MaintenanceActive:
            began.append(False)

    thread = threading.Thread(target=work)
    thread.start()
    assert backend.reached.wait(20)
    backend.held = ON
    assert works_of(backend).running() == 1
    backend.go_on.set()
    thread.join(20)
    assert began == [where == "after"]


@pytest.mark.parametrize("kind", ["env", "file", "custom"])
def test_it_works_with_every_backend_and_without_an_event_loop(
    kind: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Custom:
        on = False

        async def get_value(self) -> bool:
            return self.on

        async def set_value(self, value: bool) -> None:
            self.on = value

    monkeypatch.setenv("MAINTENANCE_HERE", "0")
    (tmp_path / "maintenance").write_text("off")
    custom = Custom()
    backends: dict[str, Callable[[], BaseStateBackend]] = {
        "env": lambda: EnvVarBackend("MAINTENANCE_HERE"),
        "file": lambda: LocalFileBackend(tmp_path / "maintenance"),
        "custom": lambda: asked(custom),
    }
    backend = backends[kind]()
    with backend.work("charge"):
        pass
    monkeypatch.setenv("MAINTENANCE_HERE", "1")
    (tmp_path / "other").write_text("on")
    (tmp_path / "other").replace(tmp_path / "maintenance")
    custom.on = True

    def is_refused() -> bool:
        try:
            with backend.work("charge"):
                return False
        except MaintenanceActive:
            return True

    wait_for(is_refused)
    backend.close()


def test_a_block_that_waits_until_all_has_drained_waits_for_work() -> None:
    """As for requests: what runs may still write."""
    backend = Held()
    with backend.work("charge"):
        block = maintenance_mode_on(backend, wait_for="drained", timeout=0.05)
        with pytest.raises(TimeoutError, match="1 request"), block:
            pass
    with maintenance_mode_on(backend, wait_for="drained", timeout=5):
        pass


# Workers of a queue, and what a fork makes of all this


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ProcessServer:
    server = ProcessServer()
    serve(server, monkeypatch)
    return server


def test_a_worker_registers_with_its_first_work_and_is_refused_by_a_window(
    server: ProcessServer,
) -> None:
    """No event loop, no lifespan, no middleware."""
    backend = K8sBackend("orders", report=True)
    with backend.work("charge"):
        assert len(server.processes) == 1
        server.windows = [stored("move", apps=["orders"])]
    backend.close()
    assert server.processes == {}
    with pytest.raises(MaintenanceActive), backend.work("charge"):
        pass
    assert len(server.processes) == 1, "the gate was closed: it registered anew, then looked"
    backend.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_r3_each_prefork_worker_registers_under_a_name_of_its_own(server: ProcessServer) -> None:
    """The parent's object stays the parent's; what ran in the parent runs not in the child."""
    backend = K8sBackend("orders", report=True)
    with backend.work("of the parent"):
        (own,) = server.processes
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                running = works_of(backend).running()
                with backend.work("of the child"):
                    names = sorted(server.processes)  # the child's copy of the server
                os.write(writing, f"{running} {' '.join(names)}".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        inherited, *names = os.read(reading, 1000).decode().split()
        assert inherited == "0"
        assert own in names
        assert len(names) == 2
        assert list(server.processes) == [own]
    backend.close()
