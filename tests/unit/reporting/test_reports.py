"""R3, R5, R9, R11: what a process says of itself and of windows; and when it can't."""

from __future__ import annotations

import logging
import os
import threading

import pytest

from fastapi_maintenance import maintenance_mode_off
from fastapi_maintenance.backends.kubernetes import process_self, report_thread
from fastapi_maintenance.backends.kubernetes.process import Life, Pod, Report, Self, new_object
from fastapi_maintenance.backends.kubernetes.transport import ApiError
from tests.unit.making import at, stored
from tests.unit.processes import Book, ProcessServer
from tests.unit.reporting.conftest import Make
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio


# R3


def test_r3_each_registration_has_a_random_name(server: ProcessServer, make: Make) -> None:
    for _ in range(2):
        backend = make()
        backend.wait()
        backend.close()
    names = {name for _, method, name in server.writes if method == "DELETE"}
    assert len(names) == 2


def gone() -> Life:
    """A process of our PID namespace that has ended: a number with another start."""
    own = process_self.life_of_process(os.getpid())
    assert own is not None
    return Life(own.pid, own.start_ticks - 1, own.namespace)


def put(server: ProcessServer, name: str, uid: str, life: Life | None) -> None:
    who = Self("orders", Pod("orders-1", uid), life)
    item = new_object(name, who, Report(), at("2026-01-01T00:00Z"))
    item["metadata"] |= {"uid": f"uid-{name}", "resourceVersion": "1"}
    server.processes[name] = item


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/pid"), reason="no /proc")  # noqa: PTH110
def test_r3_it_removes_the_object_of_another_only_if_it_proves_that_one_gone(
    server: ProcessServer, make: Make
) -> None:
    own = process_self.life_of_process(os.getpid())
    assert own is not None
    put(server, "ended", "pod-uid", gone())
    put(server, "lives", "pod-uid", own)
    put(server, "of-another-pod", "other-uid", gone())
    put(server, "in-another-namespace", "pod-uid", Life(own.pid, 1, "pid:[1]"))
    put(server, "says-nothing", "pod-uid", None)
    backend = make()
    backend.wait()
    wait_for(lambda: "ended" not in server.processes)
    left = {"lives", "of-another-pod", "in-another-namespace", "says-nothing"}
    assert left < server.processes.keys()


@pytest.mark.skipif(not os.path.exists("/proc/self/ns/pid"), reason="no /proc")  # noqa: PTH110
def test_r3_while_a_window_is_open_each_report_looks_for_siblings_that_have_died(
    server: ProcessServer, make: Make
) -> None:
    """Nobody else can tell, and a drain waits for them."""
    backend = make()
    book = Book(backend)
    backend.wait()
    wait_for(server.reported)
    for number in range(3):  # more reports than a young process counts others
        put(server, "ended", "pod-uid", gone())
        book.why = f"Reason{number}"
        wait_for(lambda: "ended" not in server.processes)


def test_r3_only_registration_creates_and_a_report_that_meets_404_registers_anew(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    backend = make()
    book = Book(backend)
    backend.wait()
    wait_for(server.reported)
    (name,) = server.processes
    del server.processes[name]
    book.why = "MaintenanceModeOff"  # something to tell
    wait_for(lambda: server.processes and server.reported())
    assert name not in server.processes
    assert f"{name} is gone: this process registers anew" in caplog.text
    methods = {method for _, method, _ in server.writes}
    assert methods == {"POST", "PATCH"}


# R5


def test_r5_windows_are_looked_at_before_requests_are_counted(
    server: ProcessServer, make: Make
) -> None:
    """A request that came while windows were being looked at is in the count."""
    backend = make()
    book = Book(backend)
    backend.wait()
    wait_for(server.reported)
    with book.runs("/export/{id}"):
        book.why = "Once"
        wait_for(lambda: (server.reported() or {}).get("inFlight") == 1)
        (flight,) = (server.reported() or {})["oldest"]
        assert (flight["method"], flight["route"]) == ("POST", "/export/{id}")


def test_r5_the_last_request_that_ends_is_told_without_waiting_for_a_heartbeat(
    server: ProcessServer, make: Make
) -> None:
    backend = make()
    book = Book(backend)
    with book.runs():
        backend.wait()
        wait_for(lambda: (server.reported() or {}).get("inFlight") == 1)
    wait_for(lambda: (server.reported() or {}).get("inFlight") == 0, timeout=5)


# R9


class Clock:
    """The time of day, as a test sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fastapi_maintenance.backends.kubernetes import backend, reporter

        self.now = at("2026-06-01T12:00Z").timestamp()
        for module in (backend, reporter):
            monkeypatch.setattr(module, "wall_clock", lambda: self.now)


def test_r9_an_acknowledged_occurrence_is_not_un_begun_by_a_clock_that_steps_back(
    server: ProcessServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    server.windows = [
        stored("move", apps=["orders"], start="2026-06-01T11:59:00Z", end="2026-06-01T13:00:00Z")
    ]
    backend = make()
    book = Book(backend)
    backend.wait()
    said = wait_for(server.reported)
    clock.now -= 120
    refusal = backend.state().writes
    assert refusal is not None
    assert refusal.opening.source == "window=shop/move"
    looks = len(book.asked)
    wait_for(lambda: len(book.asked) > looks + 1, what="looks at the clock that stepped back")
    assert backend.state().writes is not None
    assert server.reported() == said
    clock.now += 3600 + 120
    assert backend.state().writes is None, "it ends when its end has come"


def test_r9_one_that_was_not_acknowledged_yet_begins_when_the_clock_says_so(
    server: ProcessServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    server.windows = [stored("move", apps=["orders"], start="2026-06-01T12:00:30Z")]
    backend = make()
    backend.wait()
    assert backend.state().writes is None
    clock.now += 31
    assert backend.state().writes is not None


# R11


def test_r11_an_open_block_that_turns_maintenance_off_is_said(
    server: ProcessServer, make: Make
) -> None:
    backend = make()
    backend.wait()
    block = backend.open_block(False)
    wait_for(lambda: (server.reported() or {}).get("reason") == "MaintenanceModeOff")
    backend.close_block(block)
    wait_for(lambda: (server.reported() or {}).get("enforcing"))
    assert "reason" not in (server.reported() or {})


def test_r11_what_a_block_let_in_is_told_however_short_it_was(
    server: ProcessServer, make: Make
) -> None:
    """Shorter than the time between two looks."""
    backend = make()
    book = Book(backend)
    backend.wait()
    wait_for(lambda: (server.reported() or {}).get("enforcing"))
    with maintenance_mode_off(backend):
        running = book.runs()
        running.__enter__()
    wait_for(lambda: (server.reported() or {}).get("inFlight") == 1)
    running.__exit__(None, None, None)
    wait_for(lambda: (server.reported() or {}).get("inFlight") == 0)


def test_r11_a_process_without_an_app_name_is_waited_for_by_every_window(
    server: ProcessServer, make: Make
) -> None:
    """It says that it does not enforce those that are for apps by their names."""
    server.windows = [stored("move", apps=["orders"]), stored("all", apps=["*"])]
    make(None).wait()
    wait_for(lambda: server.reported("all"))
    reasons = {name: (server.reported(name) or {}).get("reason") for name in ("move", "all")}
    assert reasons == {"move": "NoAppName", "all": None}
    assert "app" not in server.specs[0]


def test_r11_a_spec_that_is_not_understood_whole_is_not_acknowledged(
    server: ProcessServer, make: Make
) -> None:
    """Of a newer version, say: at its generation, whatever else of it is in force."""
    broken = stored("move", apps=["orders"])
    broken["spec"]["fieldOfTheFuture"] = True
    broken["metadata"]["generation"] = 7
    server.windows = [broken]
    backend = make()
    backend.wait()
    reported = wait_for(server.reported)
    assert reported is not None
    assert (reported["enforcing"], reported["reason"]) == (False, "NotUnderstood")
    assert (reported["uid"], reported["generation"]) == ("uid-of-move", 7)


def test_r11_windows_of_other_apps_are_none_of_its_business(
    server: ProcessServer, make: Make
) -> None:
    server.windows = [stored("move", apps=["billing"]), stored("own", apps=["orders"])]
    make().wait()
    wait_for(lambda: server.reported("own"))
    assert server.reported("move") is None


# When reports fail


def test_when_reports_fail_requests_do_not_and_it_is_said_once(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    backend = make()
    book = Book(backend)
    backend.wait()
    wait_for(server.reported)
    server.refuses = ApiError(500, "etcd is away")
    before = len(server.writes)
    book.why = "Something"
    wait_for(lambda: len(server.writes) >= before + 3)
    health = backend.health()
    assert health is not None
    assert health.unreported == "500: etcd is away", "though it has reported before"
    assert backend.state().writes is not None
    assert caplog.text.count("does not report what it enforces") == 1
    server.refuses = None
    wait_for(lambda: (server.reported() or {}).get("reason") == "Something")
    wait_for(lambda: "reports what it enforces again" in caplog.text, what="that to be said")


def test_it_waits_as_long_as_the_server_asks_for(server: ProcessServer, make: Make) -> None:
    server.refuses = ApiError(429, "slow down", retry_after=2.0)
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.writes) >= 2)
    (first, _, _), (second, _, _) = server.writes[:2]
    assert second - first >= 2.0


def test_no_thread_outlives_the_last_act(
    server: ProcessServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_thread, "_FAREWELL", 30.0)
    before = set(threading.enumerate())  # some of others, which can't remove what they made
    backend = make()
    backend.wait()
    backend.close()
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in names if name.startswith("fastapi-maintenance")}
