"""What processes say of themselves to a real API server, while requests run and servers stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cluster.reporting import POD, Exports, Processes
from tests.cluster.windows import apply_window
from tests.processes import descendants
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.kubectl import Kubectl

ROLE = "fastapi-maintenance-application"
PATIENT = {"uvicorn": ("--timeout-worker-healthcheck", "20"), "gunicorn": ()}
"""So that a worker that is late on a busy machine is not replaced."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="siblings are told by /proc")


@pytest.fixture
def identity(service_account: ServiceAccounts) -> Identity:
    """A service account with the rights that the chart gives an application, and no more."""
    return service_account("orders", cluster_role=ROLE)


@pytest.fixture
def processes(kubectl: Kubectl, namespace: str) -> Processes:
    return Processes(kubectl, namespace)


@pytest.fixture
def start(identity: Identity, tmp_path: Path) -> Iterator[Callable[..., Exports]]:
    """Starts the application; it is let go and stopped in the end."""
    started: list[Exports] = []

    def one(*options: str, server: str = "uvicorn") -> Exports:
        started.append(Exports(identity, tmp_path, *options, server=server))
        started[-1].start()
        return started[-1]

    yield one
    for exports in started:
        exports.go_on.touch()
        exports.stop()


Start = Callable[..., Exports]


class Export:
    """A request that runs until the file is there."""

    def __init__(self, exports: Exports) -> None:
        self.answers: list[int | str] = []
        self._thread = threading.Thread(target=self._ask, args=(exports,))
        self._thread.start()
        wait_for((exports.go_on.with_name("begun")).exists, what="the export to begin")

    def _ask(self, exports: Exports) -> None:
        try:
            self.answers.append(exports.export().status_code)
        except httpx.HTTPError as error:
            self.answers.append(type(error).__name__)

    def join(self) -> int | str:
        """The answer, once it is there."""
        self._thread.join(60)
        return self.answers[0]


def test_a_process_is_registered_when_it_serves_and_gone_when_it_has_shut_down(
    start: Start, processes: Processes
) -> None:
    """R1, R2: with nothing but the rights of the chart's role."""
    exports = start()
    (item,) = processes.all()
    assert item["spec"]["app"] == "orders"
    pod = item["spec"]["pod"]
    assert pod == {"name": POD["POD_NAME"], "uid": POD["POD_UID"], "container": "web"}
    assert item["spec"]["process"]["pid"] == int(exports.get("/pid").text)
    assert "windows" not in item["spec"] or item["spec"]["windows"] == []
    exports.stop()
    assert processes.all() == []


def test_a_request_from_before_holds_the_drain_back_and_its_end_is_told(
    start: Start, processes: Processes, kubectl: Kubectl, namespace: str
) -> None:
    """R5: enforced at once, drained only when the last covered request has ended."""
    exports = start()
    running = Export(exports)
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    (window,) = processes.await_windows(enforcing=True, inFlight=1)
    (oldest,) = window["oldest"]
    assert (oldest["method"], oldest["route"]) == ("POST", "/export/{number}")
    assert "4711" not in json.dumps(processes.all())
    assert exports.export().status_code == 503
    exports.go_on.touch()
    assert running.join() == 200
    processes.await_windows(enforcing=True, inFlight=0)


def test_a_process_that_starts_during_a_window_says_so_and_refuses(
    start: Start, processes: Processes, kubectl: Kubectl, namespace: str
) -> None:
    """R1: it looked before it served."""
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    exports = start()
    assert exports.export().status_code == 503
    shown = kubectl("-n", namespace, "get", "mw", "upgrade", "-o", "json")
    metadata = json.loads(shown.stdout)["metadata"]
    (window,) = processes.await_windows(enforcing=True, inFlight=0)
    assert (window["uid"], window["generation"]) == (metadata["uid"], metadata["generation"])


def test_sigterm_hides_no_request_that_runs(
    start: Start, processes: Processes, kubectl: Kubectl, namespace: str
) -> None:
    """R2: the object stays for as long as the request does, and goes with the process."""
    exports = start()
    running = Export(exports)
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    processes.await_windows(inFlight=1)
    os.kill(exports.pid, signal.SIGTERM)
    wait_for(lambda: "Waiting for" in exports.output(), what="the server to shut down")
    (item,) = processes.all()
    assert item["spec"]["windows"][0]["inFlight"] == 1
    exports.go_on.touch()
    assert running.join() == 200
    processes.await_count(0)


def test_a_server_that_cancels_its_requests_hides_none_whose_thread_still_runs(
    start: Start, processes: Processes, kubectl: Kubectl, namespace: str
) -> None:
    """R2: shut down by force, with the endpoint still at work."""
    exports = start("--timeout-graceful-shutdown", "1")
    running = Export(exports)
    apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
    processes.await_windows(inFlight=1)
    os.kill(exports.pid, signal.SIGTERM)
    wait_for(lambda: [item["spec"]["stopping"] for item in processes.all()] == [True], 30)
    assert processes.windows()[0]["inFlight"] == 1
    exports.go_on.touch()
    running.join()
    exports.stop()
    assert [item["spec"]["stopping"] for item in processes.all()] in ([], [True])


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_workers_report_each_for_itself_and_the_object_of_a_dead_one_is_removed(
    server: str, start: Start, processes: Processes
) -> None:
    """R3: a worker is killed; the one that takes its place proves it gone, and spares the other.

    gunicorn forks its workers with the backend in them, made beforehand.
    """
    pytest.importorskip(server, reason=f"{server} is missing: `make test` brings it into .venv")
    preload = ("--preload",) if server == "gunicorn" else ()
    exports = start("--workers", "2", *preload, *PATIENT[server], server=server)
    before = {item["spec"]["process"]["pid"]: item for item in processes.await_count(2)}
    assert before.keys() <= descendants(exports.pid)
    killed, spared = before
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: killed not in processes.pids() and len(processes.pids()) == 2, 60)
    kept = [item["metadata"]["uid"] for item in processes.all()]
    assert before[spared]["metadata"]["uid"] in kept
    exports.stop()
    processes.await_count(0)


def test_a_reload_leaves_one_process(start: Start, processes: Processes, tmp_path: Path) -> None:
    """R3: the one before has left, or is proven gone."""
    watched = tmp_path / "watched"
    watched.mkdir()
    (watched / "change.py").write_text("")
    start("--reload", "--reload-dir", str(watched))
    (first,) = processes.await_count(1)
    (watched / "change.py").write_text("changed = True")
    wait_for(
        lambda: len(processes.all()) == 1 and processes.all()[0]["metadata"] != first["metadata"]
        and processes.all()[0]["spec"]["process"]["pid"] != first["spec"]["process"]["pid"],
        60,
    )  # fmt: skip


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_a_hangup_replaces_the_workers_and_their_objects(
    server: str, start: Start, processes: Processes
) -> None:
    """R3: as many as there are workers, each of a process that runs."""
    pytest.importorskip(server, reason=f"{server} is missing: `make test` brings it into .venv")
    exports = start("--workers", "2", *PATIENT[server], server=server)
    processes.await_count(2)
    before = processes.pids()
    os.kill(exports.pid, signal.SIGHUP)
    wait_for(
        lambda: len(pids := processes.pids()) == len(processes.all()) == 2 and not pids & before,
        90,
        "two new processes alone",
    )
    assert processes.pids() <= descendants(exports.pid)
    assert exports.get("/pid").status_code == 200


PREFORK = """
import os, sys, time
from pathlib import Path
from fastapi_maintenance import K8sBackend
from fastapi_maintenance.backends.kubernetes import report_thread

report_thread._PATIENCE = 10.0  # seconds to leave in, on a busy machine
backend = K8sBackend("orders", report=True, sync_timeout=60)
backend.start()
backend.wait()  # as a parent does that loads everything beforehand
children = []
for number in range(2):
    if (child := os.fork()) == 0:
        with backend.work(f"charge {number}"):
            Path(sys.argv[1], str(number)).touch()
            while not Path(sys.argv[1], "go-on").exists():
                time.sleep(0.01)
        backend.close()
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""


def test_prefork_workers_hold_a_drain_back_each_for_its_own_work(
    identity: Identity, processes: Processes, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    """As Celery's do: no event loop, no requests; the parent unregisters when it exits."""
    variables = {"FASTAPI_MAINTENANCE_KUBECONFIG": str(identity.kubeconfig)} | POD
    arguments = [sys.executable, "-W", "ignore", "-c", PREFORK, str(tmp_path)]
    with subprocess.Popen(arguments, env=os.environ | variables) as parent:
        try:
            processes.await_count(3)
            # Who is registered may not have begun: a window that comes first would refuse that.
            wait_for(lambda: (tmp_path / "0").exists() and (tmp_path / "1").exists())
            apply_window(kubectl, "upgrade", namespace, start="2026-01-01T00:00:00Z")
            wait_for(lambda: sorted(w["inFlight"] for w in processes.windows()) == [0, 1, 1], 30)
            routes = {w["oldest"][0]["route"] for w in processes.windows() if w["inFlight"]}
            assert routes == {"charge 0", "charge 1"}
        finally:
            (tmp_path / "go-on").touch()
        assert parent.wait(30) == 0
    processes.await_count(0)


@pytest.mark.parametrize("verb", ["create", "list"])
def test_a_missing_right_is_named_with_its_mend_and_requests_are_served(
    verb: str,
    service_account: ServiceAccounts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When reports fail, requests do not."""
    monkeypatch.setenv("SYNC_TIMEOUT", "5")
    said = (
        f'cannot {verb} resource "maintenance',
        "does not report what it enforces",
        "create rolebinding maintenance",
    )
    exports = Exports(service_account("stranger"), tmp_path)
    exports.start()
    try:
        assert exports.get("/pid").status_code == 200
        exports.process.wait_for(
            lambda: all(words in exports.output() for words in said), what="the log"
        )
    finally:
        exports.stop()
