"""R2: a process unregisters when nothing runs in it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from fastapi_maintenance import K8sBackend
from fastapi_maintenance.backends.kubernetes import report_thread
from fastapi_maintenance.backends.kubernetes.transport import ApiError, Unreachable
from tests.unit.processes import Book, ProcessServer
from tests.unit.reporting.conftest import Make
from tests.waiting import wait_for

pytestmark = pytest.mark.anyio


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


def leave_behind(backend: K8sBackend, server: ProcessServer) -> str:
    """Let it end while nobody answers; the object's name, once somebody does again."""
    backend.wait()
    server.refuses = Unreachable("connection reset")
    backend.close()
    (left,) = server.processes
    server.refuses = None
    return left


def test_r2_an_object_that_it_had_to_leave_behind_it_removes_when_it_begins_again(
    server: ProcessServer, make: Make
) -> None:
    """Outside of a Pod nobody else would; its own Pod lives on."""
    backend = make()
    left = leave_behind(backend, server)
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
    server: ProcessServer, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is on its way, that there is nothing to remove proves nothing."""
    monkeypatch.setattr(report_thread, "_PATIENCE", 0.1)
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
    leave_behind(make(), server)
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
