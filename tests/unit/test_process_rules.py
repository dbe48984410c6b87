"""The rules by which a process says what it enforces, one after the other."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fastapi_maintenance import K8sBackend, maintenance_mode_off
from fastapi_maintenance.backends.kubernetes import process_self
from fastapi_maintenance.backends.kubernetes.process import Life, Pod, Report, Self, new_object
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from fastapi_maintenance.windows import make_plan
from tests.unit.making import at, stored
from tests.unit.processes import Book, ProcessServer, serve
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio

POD = {"POD_NAME": "orders-1", "POD_UID": "pod-uid"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ProcessServer:
    """One window, open for the app orders; nothing reports yet."""
    server = ProcessServer(stored("move", apps=["orders"]))
    serve(server, monkeypatch)
    for name, value in POD.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def make(server: ProcessServer) -> Iterator[Callable[..., K8sBackend]]:
    """Makes backends that report."""
    made: list[K8sBackend] = []

    def one(app: str | None = "orders", **options: Any) -> K8sBackend:
        made.append(K8sBackend(app, report=True, **options))
        return made[-1]

    yield one
    for backend in made:
        backend.close()


Make = Callable[..., K8sBackend]


def test_it_reports_in_a_pod_only_unless_told_otherwise(server: ProcessServer) -> None:
    """What is tested here is not in one."""
    backend = K8sBackend("orders")
    backend.wait()
    assert not backend.reports
    assert server.processes == {}
    backend.close()


# R1


def test_r1_it_registers_then_lists_consistently_and_only_then_serves(
    server: ProcessServer, make: Make
) -> None:
    backend = make()
    backend.wait()
    assert backend.ready
    assert len(server.processes) == 1
    assert "consistent list" in server.order[server.order.index("POST") :]


def test_r1_the_first_list_may_be_older_than_the_registration(
    server: ProcessServer, make: Make
) -> None:
    """Then it does not serve before it knows what the consistent one has."""
    server.too_new_for_caches = [stored("new", apps=["orders"])]
    backend = make(sync_timeout=0.3)
    backend.wait()
    assert server.consistent_lists > 0
    assert not backend._reports.allow_serving
    server.too_new_for_caches = []
    wait_for(lambda: backend._reports.allow_serving)


def test_r1_what_fails_by_the_sync_timeout_is_an_error_and_it_serves_outside_the_claim(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = ApiError(403, "no")
    backend = make(sync_timeout=0.1)
    backend.wait()
    assert backend.ready
    assert backend.state().writes is not None, "it enforces what it knows"
    assert "not registered as a MaintenanceProcess within 0.1 s" in caplog.text
    health = backend.health()
    assert health is not None
    assert health.unreported == "403: no"
    server.refuses = None
    wait_for(lambda: (backend.health() or health).unreported is None)


def test_r1_with_refuse_it_serves_nothing_before_it_is_registered(
    server: ProcessServer, make: Make
) -> None:
    server.windows = []
    server.refuses = ApiError(403, "no")
    backend = make(sync_timeout=0.05, before_first_sync="refuse")
    backend.wait()
    assert backend.state().reads is not None
    server.refuses = None
    wait_for(lambda: backend.state().reads is None, what="the registration")
    assert len(server.processes) == 1


def test_r1_without_the_crd_nobody_can_wait_for_it_and_it_serves_at_once(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A switch in a ConfigMap needs neither CRDs nor an operator."""
    server.refuses = ApiError(404, "the server could not find the requested resource")
    backend = make(sync_timeout=60.0, before_first_sync="refuse")
    backend.wait()
    assert backend.state().writes is not None
    assert "the CRD MaintenanceProcess is not installed here" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        ApiError(409, 'Operation cannot be fulfilled on resourcequotas "objects"'),
        ApiError(404, 'namespaces "shpo" not found'),
    ],
    ids=["a quota", "a namespace"],
)
def test_r1_what_else_conflicts_or_is_missing_is_not_taken_for_the_crd(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture, error: ApiError
) -> None:
    """It may be over soon, and until then nobody serves unregistered."""
    server.refuses = error
    backend = make(sync_timeout=0.2, before_first_sync="refuse")
    backend.wait()
    assert not backend._reports.allow_serving
    assert error.message in caplog.text
    assert "is not installed" not in caplog.text
    server.refuses = None
    wait_for(lambda: backend._reports.allow_serving, timeout=20)
    assert len(server.processes) == 1


@pytest.mark.parametrize(
    ("plan", "serves"),
    [(None, True), ("", False), ("{]", False), (make_plan((), at("2026-06-01T12:00Z"))[0], True)],
    ids=["absent", "empty", "broken", "without windows"],
)
def test_r1_a_broken_plan_is_not_no_windows(
    server: ProcessServer, make: Make, plan: str | None, serves: bool
) -> None:
    """A namespace that never had a window has none."""
    if plan is not None:
        server.configmaps = {"fastapi_maintenance_plan": {"windows.json": plan}}
    backend = make(source="configmap", sync_timeout=0.3)
    backend.wait()
    assert backend._reports.allow_serving is serves


def test_r1_a_registration_whose_answer_was_lost_is_no_second_process(
    server: ProcessServer, make: Make
) -> None:
    server.loses_answers = True
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.processes) == 1)
    server.loses_answers = False
    wait_for(lambda: backend._reports.allow_serving)
    assert len(server.processes) == 1


# R2


def test_r2_it_unregisters_when_it_shuts_down(server: ProcessServer, make: Make) -> None:
    backend = make()
    backend.wait()
    backend.close()
    assert server.processes == {}


def test_r2_while_something_runs_the_object_stays_and_says_stopping(
    server: ProcessServer, make: Make
) -> None:
    """And is removed as the last act, when that has ended."""
    backend = make()
    book = Book(backend)
    backend.wait()
    with book.runs():
        backend.close()
        (spec,) = server.specs
        assert spec["stopping"]
        assert server.reported()
        assert server.reported()["inFlight"] == 1  # type: ignore[index]
    wait_for(lambda: not server.processes, what="the last act")


def test_r2_an_object_that_it_had_to_leave_behind_it_removes_when_it_begins_again(
    server: ProcessServer, make: Make
) -> None:
    """Outside of a Pod nobody else would; its own Pod lives on."""
    backend = make()
    backend.wait()
    server.refuses = Unreachable("connection reset")
    backend.close()
    (left,) = server.processes
    server.refuses = None
    backend.wait()
    wait_for(lambda: left not in server.processes)
    assert len(server.processes) == 1


def test_r2_what_came_of_a_registration_that_was_cut_off_is_removed(
    server: ProcessServer, make: Make
) -> None:
    """It arrived, but its answer did not before the end."""
    server.loses_answers = True
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.processes) == 1)
    backend.close()
    wait_for(lambda: not server.processes)


def test_r2_a_registration_that_arrives_after_the_end_is_removed(
    server: ProcessServer, make: Make
) -> None:
    """While it is on its way, that there is nothing to remove proves nothing."""
    server.is_slow = True
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.on_their_way) == 1)
    backend.close()
    wait_for(lambda: server.writes[-1][1] == "DELETE", what="a look for it")
    server.arrive()
    wait_for(lambda: not server.processes, what="another look")


def test_r2_an_object_that_it_had_to_leave_behind_it_removes_when_it_can(
    server: ProcessServer, make: Make
) -> None:
    """Though it never begins again: its process may live on for long."""
    backend = make()
    backend.wait()
    server.refuses = Unreachable("connection reset")
    backend.close()
    assert len(server.processes) == 1
    server.refuses = None
    wait_for(lambda: not server.processes)


def test_r2_a_registration_that_was_refused_is_not_looked_for(
    server: ProcessServer, make: Make
) -> None:
    """Nothing came of it."""
    before = set(threading.enumerate())
    server.refuses = ApiError(403, "no")
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.writes) > 0)
    backend.close()
    wait_for(lambda: not set(threading.enumerate()) - before, what="its threads to end")
    assert {method for _, method, _ in server.writes} == {"POST"}


def test_r2_who_begins_again_while_something_runs_does_not_keep_the_old_object(
    server: ProcessServer, make: Make
) -> None:
    """The new one speaks for all that runs."""
    backend = make()
    book = Book(backend)
    backend.wait()
    with book.runs():
        for _ in range(3):
            backend.close()
            backend.wait()
        wait_for(lambda: len(server.processes) == 1)
        (spec,) = server.specs
        assert not spec["stopping"]
        wait_for(lambda: (server.reported() or {}).get("inFlight") == 1)


class Gap:
    """A lock; between its first release and whatever comes next somebody else comes."""

    def __init__(self, comes: Callable[[], object]) -> None:
        self._lock, self._comes = threading.Lock(), [comes]

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._comes:
            self._comes.pop()()


def test_r2_who_begins_while_it_is_closed_begins_to_report_too(
    server: ProcessServer, make: Make
) -> None:
    backend = make()
    backend.wait()
    backend._lock = Gap(backend.start)  # type: ignore[assignment]
    backend.close()
    wait_for(lambda: backend._reports.allow_serving)
    wait_for(lambda: len(server.processes) == 1)
    wait_for(lambda: backend._reports.trouble is None)


def test_r2_what_it_cannot_vouch_for_keeps_the_object(server: ProcessServer, make: Make) -> None:
    """Requests that run and were let in before they were counted."""
    backend = make()
    book = Book(backend)
    backend.wait()
    book.unseen = 1
    backend.close()
    assert [spec["stopping"] for spec in server.specs] == [True]
    book.unseen = 0
    wait_for(lambda: not server.processes)


def test_r2_the_gate_is_closed_before_anything_is_counted_for_the_last_time(
    server: ProcessServer, make: Make
) -> None:
    """Whoever comes then waits for a new registration."""
    backend = make()
    backend.wait()
    ready = []
    book = Book(backend)
    count = book.running
    book.running = lambda: ready.append(backend.ready) or count()  # type: ignore[method-assign,func-returns-value]
    backend.close()
    assert ready
    assert not any(ready)


def test_r2_who_only_looks_at_a_closed_backend_registers_nothing(
    server: ProcessServer, make: Make
) -> None:
    """What watches over sockets, say, may look once more while the process ends."""
    backend = make()
    backend.wait()
    backend.close()
    assert backend.state().writes is not None
    assert (server.processes, backend.health()) == ({}, None)


def test_r2_who_waits_while_the_gate_is_closed_waits_for_a_new_registration(
    server: ProcessServer, make: Make
) -> None:
    """Another application's end, say, closes what they have in common."""
    server.refuses = ApiError(403, "not yet")
    backend = make(sync_timeout=60.0)
    waiting = threading.Thread(target=backend.wait)
    waiting.start()
    wait_for(lambda: len(server.writes) > 0)
    backend.close()
    server.refuses = None
    waiting.join(20)
    assert backend.ready
    assert len(server.processes) == 1


def test_r2_an_api_server_that_is_away_does_not_hold_up_the_end(
    server: ProcessServer, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    backend = make()
    backend.wait()
    server.away = True
    backend.close()
    assert len(server.processes) == 1
    assert "stays behind" in caplog.text
    server.away = False


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
    wait_for(lambda: (server.reported() or {}).get("reason") == "Something", timeout=20)
    assert "reports what it enforces again" in caplog.text


def test_it_waits_as_long_as_the_server_asks_for(server: ProcessServer, make: Make) -> None:
    server.refuses = ApiError(429, "slow down", retry_after=2.0)
    backend = make(sync_timeout=0.01)
    backend.wait()
    wait_for(lambda: len(server.writes) >= 2)
    (first, _, _), (second, _, _) = server.writes[:2]
    assert second - first >= 2.0


def test_no_thread_outlives_the_last_act(server: ProcessServer, make: Make) -> None:
    before = set(threading.enumerate())  # some of others, which can't remove what they made
    backend = make()
    backend.wait()
    backend.close()
    names = {thread.name for thread in set(threading.enumerate()) - before}
    assert not {name for name in names if name.startswith("fastapi-maintenance")}
