"""`run` on a real API server: a command inside of a maintenance, and all that can go wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fastapi_maintenance.backends.ledger import Flight
from tests.cluster.network import Forwarder
from tests.cluster.test_cli_wait import speak
from tests.cluster.windows import in_seconds
from tests.controlplane import ports
from tests.leash import Leashed
from tests.processes import descendants, gone
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.commanding import Cli
    from tests.controlplane.install import Operator
    from tests.controlplane.target import Cluster

Start = Callable[..., Leashed]

LASTING = """
sleep 300 & echo $! > {pid}.new; mv {pid}.new {pid}
wait
"""
"""A command that has started another, whose number it tells."""


def windows(cli: Cli) -> list[dict[str, Any]]:
    """Those of the namespace."""
    items: list[dict[str, Any]] = cli("status", "-o", "json").json["items"]
    return items


def end_of(window: dict[str, Any]) -> datetime:
    """Its planned end, as an override has it or the duration."""
    spec = window["spec"]
    for override in spec.get("overrides", ()):
        return datetime.fromisoformat(override["end"])
    minutes, _, seconds = spec["duration"].rstrip("s").rpartition("m")
    return datetime.fromisoformat(spec["start"]) + timedelta(
        minutes=int(minutes or 0), seconds=int(seconds)
    )


@pytest.fixture
def start(cli: Cli, tmp_path: Path) -> Iterator[Start]:
    """Starts `run` as a process; in the end it is killed, if it still lives."""
    started: list[Leashed] = []

    def one(*words: str, kubeconfig: Path | None = None) -> Leashed:
        path = str(kubeconfig or cli.kubectl.kubeconfig)
        command = [sys.executable, "-m", "fastapi_maintenance.cli", "run", "-n", cli.namespace]
        log = tmp_path / "run.log"
        started.append(Leashed([*command, *words], log=log, env=os.environ | {"KUBECONFIG": path}))
        return started[-1]

    yield one
    for each in started:
        each.kill()


@pytest.fixture
def lasting(start: Start, tmp_path: Path) -> tuple[Leashed, int]:
    """A `run` whose command lasts, and the number of a process that the command has started."""
    pid = tmp_path / "pid"
    running = start(
        *("orders", "--duration", "5m", "--if-no-processes", "ok"),
        *("--", "sh", "-c", LASTING.format(pid=pid)),
    )
    running.wait_for(pid.exists, 60, "the command")
    return running, int(pid.read_text())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that the test speaks for may take a minute to register."""
    monkeypatch.setattr("fastapi_maintenance.cli._looking._GRACE", 60)


@pytest.mark.usefixtures("patient")
def test_a_command_that_succeeds_ends_the_window(
    cluster: Cluster, cli: Cli, operator: Operator, tmp_path: Path
) -> None:
    """It runs while everybody refuses requests, and what it was given is left alone."""
    speaking = threading.Thread(target=speak_for_newest, args=(cluster, cli))
    speaking.start()
    seen = tmp_path / "seen"
    script = f"kubectl=$1; $kubectl get mw -n {cli.namespace} --no-headers > {seen}"
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    said = cli(
        *("run", "orders", "--duration", "5m", "--message", "Moving"),
        *("--", "sh", "-c", script, "--duration", kubectl),
    )
    speaking.join()
    assert "drained: 1 of 1 reporting processes" in said.err
    assert seen.read_text().split()[-3:-1] == ["True", "True"]
    (window,) = windows(cli)
    assert "endedAt" in window["spec"]
    assert window["spec"]["description"].startswith("sh -c kubectl=$1")


def speak_for_newest(cluster: Cluster, cli: Cli, **changes: Any) -> None:
    """A process of orders says what it does about the window that `run` makes."""
    path = ("get", "mw", "-n", cli.namespace, "-o", "name")
    shown = wait_for(lambda: cli.kubectl(*path).stdout.strip(), 60, "a window")
    speak(cluster, cli, shown.partition("/")[2], **changes)


def test_a_command_that_fails_keeps_the_window_and_says_what_can_be_done(
    cli: Cli, operator: Operator
) -> None:
    words = ("run", "orders", "--duration", "5m", "--if-no-processes", "ok")
    said = cli(*words, "--", "sh", "-c", "exit 7", code=7)
    (window,) = windows(cli)
    assert "endedAt" not in window["spec"]
    name, place = window["metadata"]["name"], f"-n {cli.namespace}"
    assert "the command has failed (exit 7)" in said.err
    assert "serve again, now or after rolling back: " in said.err
    assert "orders stays in maintenance until" in said.err
    assert f"fastapi-maintenance end {name} {place}" in said.err
    assert f"fastapi-maintenance extend {name} {place} --by 30m" in said.err
    assert "was not run" not in said.err
    about = "it is a run of `sh -c exit 7` by "
    assert f"{name}: {about}" in cli("status", name).err
    note = cli("end", name).err
    assert f"note: {about}" in note
    assert "which may still go on: that its window has ended does not stop it" in note


def test_run_names_the_other_windows_that_hold_the_app_at_first_and_at_last(
    cli: Cli, operator: Operator
) -> None:
    """Exit 0 says that the command has succeeded, not that requests are served."""
    words = ("run", "orders", "--duration", "5m", "--if-no-processes", "ok")
    cli(*words, "--", "sh", "-c", "exit 7", code=7)
    name = windows(cli)[0]["metadata"]["name"]
    said = cli(*words, "--", "true")
    assert f" opened in namespace {cli.namespace} until " in said.err
    assert f"note: {name} is open too, until" in said.err
    assert "; it is a run of `sh -c exit 7` by " in said.err
    assert f"orders: still in maintenance by {name} (until" in said.err
    end = f"end it: fastapi-maintenance end {name} -n {cli.namespace} (it is a run of `sh"
    assert end in said.err
    assert f"  {end}" in cli("off", "orders", code=1).err


def test_run_tells_of_a_name_that_nobody_reports_for(
    cluster: Cluster, cli: Cli, operator: Operator
) -> None:
    cli("on", "orders", "--duration", "5m")
    speak(cluster, cli, "orders-on")
    words = ("run", "oders", "--duration", "5m", "--if-no-processes", "ok")
    said = cli(*words, "--context", context_of(cluster), "--", "true")
    assert (
        "note: no process reports for oders (did you mean orders?); registered are: orders"
        in said.err
    )
    assert f"in namespace {cli.namespace} of context {context_of(cluster)} until " in said.err


def test_run_of_a_mistyped_app_leaves_no_window_and_says_what_may_have_been_meant(
    cluster: Cluster, cli: Cli, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is in maintenance by it."""
    monkeypatch.setattr("fastapi_maintenance.cli._looking._GRACE", 0)
    cli("on", "orders", "--duration", "5m")
    speak(cluster, cli, "orders-on")
    said = cli("run", "ordrs", "--duration", "5m", "--", "echo", "a b", code=125)
    assert "error: No process reports for ordrs (did you mean orders?)" in said.err
    again = f"fastapi-maintenance run -n {cli.namespace} orders --duration 5m -- echo 'a b'"
    assert f"  did you mean: {again}" in said.err.splitlines()
    assert "  its window is ended" in said.err
    assert "  echo a b was not run" in said.err
    (window,) = [each for each in windows(cli) if each["spec"]["apps"] == ["ordrs"]]
    assert "endedAt" in window["spec"]


def context_of(cluster: Cluster) -> str:
    """By the name that its kubeconfig has."""
    return str(yaml.safe_load(cluster.kubeconfig.read_text())["current-context"])


DELETE = "{kubectl} delete mw --all {place}"
END = "{cli} end {place} $({kubectl} get mw {place} -o name | cut -d/ -f2)"


@pytest.mark.parametrize(
    ("closes", "how"),
    [
        (DELETE, "was deleted"),
        (END, "was ended at "),
        (END.replace(" end ", " suspend "), "was suspended"),
    ],
    ids=["deleted", "ended", "suspended"],
)
def test_a_command_whose_window_was_closed_meanwhile_is_no_clean_success(
    closes: str, how: str, cli: Cli, operator: Operator
) -> None:
    """By somebody who was to be back at once: exit 125, and what was done is told apart."""
    script = closes.format(
        kubectl=Path(sys.executable).with_name("kubectl"),
        cli=f"{sys.executable} -m fastapi_maintenance.cli",
        place=f"-n {cli.namespace} --kubeconfig {cli.kubectl.kubeconfig}",
    )
    words = ("run", "orders", "--duration", "5m", "--if-no-processes", "ok")
    said = cli(*words, "--", "sh", "-c", script, code=125)
    assert f"the command has succeeded (exit 0), but its window {how}" in said.err
    assert "before that: processes may have served meanwhile" in said.err


def test_a_failed_command_may_end_the_window_too(cli: Cli, operator: Operator) -> None:
    words = ("run", "orders", "--duration", "5m", "--if-no-processes", "ok")
    said = cli(*words, "--on-failure", "end", "--", "sh", "-c", "exit 1", code=1)
    assert "the command has failed (exit 1)" in said.err
    assert "endedAt" in windows(cli)[0]["spec"]


@pytest.mark.usefixtures("patient")
def test_a_process_that_never_drains_is_named_and_the_command_is_not_run(
    cluster: Cluster, cli: Cli, operator: Operator, tmp_path: Path
) -> None:
    """With what it runs, and since when: exit 124."""
    flight = Flight(in_seconds(-90).timestamp(), "GET", "/export/{id}")
    holding = {"in_flight": 2, "oldest": (flight,)}
    speaking = threading.Thread(target=speak_for_newest, args=(cluster, cli), kwargs=holding)
    speaking.start()
    words = ("run", "orders", "--duration", "5m", "--timeout", "15s")
    said = cli(*words, "--", "touch", str(tmp_path / "ran"), code=124)
    speaking.join()
    assert said.err.count("\n  mp-1: 2 requests, GET /export/{id} since ") == 1
    assert " mp-1: 2 requests" not in said.err.replace("\n  mp-1", "").partition("error:")[0]
    end = f"fastapi-maintenance end {windows(cli)[0]['metadata']['name']} -n {cli.namespace}"
    assert (
        f"  or with more patience: {end}, then the same again with a longer --timeout" in said.err
    )
    assert "  serve again: fastapi-maintenance end " in said.err
    assert "not drained after 15 s: mp-1: 2 requests, GET /export/{id} since " in said.err
    assert not (tmp_path / "ran").exists()
    assert f"touch {tmp_path}/ran was not run" in said.err
    assert "endedAt" not in windows(cli)[0]["spec"]


def test_ctrl_c_before_the_drain_runs_nothing_and_says_how_to_serve_again(
    cluster: Cluster, cli: Cli, start: Start, operator: Operator, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    running = start("orders", "--duration", "5m", "--", "touch", str(ran))
    speak_for_newest(cluster, cli, in_flight=1)
    running.wait_for(lambda: "mp-1: 1 request" in running.output(), 60, "the wait")
    os.kill(running.pid, signal.SIGINT)
    assert running.wait(60) == 130
    assert "SIGINT came before the command was run" in running.output()
    assert "fastapi-maintenance end orders-run-" in running.output()
    assert not ran.exists()


@pytest.mark.usefixtures("patient")
def test_without_an_operator_the_processes_own_word_is_enough(
    cluster: Cluster, cli: Cli, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi_maintenance.cli._looking.LAG", timedelta(seconds=1))
    operator.stop()
    speaking = threading.Thread(target=speak_for_newest, args=(cluster, cli))
    speaking.start()
    said = cli("run", "orders", "--duration", "5m", "--", "true")
    speaking.join()
    assert "no operator answers" in said.err
    assert "endedAt" in windows(cli)[0]["spec"]


def test_without_operator_and_processes_run_itself_fails(
    cli: Cli, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi_maintenance.cli._looking.LAG", timedelta(seconds=1))
    operator.stop()
    said = cli("run", "orders", "--duration", "5m", "--timeout", "5s", "--", "true", code=125)
    assert "No process reports for orders" in said.err
    assert "FASTAPI_MAINTENANCE_KUBECONFIG" in said.err
    assert "  true was not run" in said.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_command_and_the_window_keeps_to_its_end(
    number: signal.Signals, operator: Operator, lasting: tuple[Leashed, int], cli: Cli
) -> None:
    """SIGINT as a terminal sends it: to each process of the group."""
    running, below = lasting
    group = [running.pid, *descendants(running.pid)] if number == signal.SIGINT else [running.pid]
    for pid in group:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    assert running.wait(60) == 128 + number
    assert f"the command has failed after {number.name}" in running.output()
    assert "endedAt" not in windows(cli)[0]["spec"]
    with suppress(ProcessLookupError):
        os.kill(below, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="grandchildren are found by /proc")
def test_what_the_command_has_started_dies_with_run_that_is_killed(
    operator: Operator, lasting: tuple[Leashed, int], cli: Cli
) -> None:
    """`kill -9`: the command, what it has started, and the leash; the window keeps to its end."""
    running, below = lasting
    family = [*descendants(running.pid), below]
    assert len(set(family)) >= 3
    before = end_of(windows(cli)[0])
    running.kill()
    wait_for(lambda: all(map(gone, family)), 60, "the command to be gone")
    (window,) = windows(cli)
    assert "endedAt" not in window["spec"]
    assert end_of(window) == before


def test_the_end_is_moved_while_the_command_lives(
    start: Start, cli: Cli, operator: Operator, tmp_path: Path
) -> None:
    """A window of ten seconds is open until a command has ended that takes longer."""
    go_on = tmp_path / "go-on"
    words = ("orders", "--duration", "10s", "--if-no-processes", "ok")
    running = start(*words, "--", "sh", "-c", f"until test -e {go_on}; do sleep 0.1; done")
    planned = running.wait_for(lambda: windows(cli)[0], 60, "the window")
    text = "the command still runs: the window is extended until"
    running.wait_for(lambda: text in running.output(), 60, "an extension")
    assert end_of(windows(cli)[0]) > end_of(planned)
    wait_for(lambda: in_seconds(0) > end_of(planned), 60, "the end that was planned")
    assert "Open" in cli("status").out
    go_on.touch()
    assert running.wait(60) == 0
    assert "Finished" in cli("status").out


def test_a_lost_connection_ends_neither_the_command_nor_its_window(
    start: Start, cli: Cli, cluster: Cluster, operator: Operator, tmp_path: Path
) -> None:
    """Once it is back the window is ended as if nothing had happened."""
    here = yaml.safe_load(cluster.kubeconfig.read_text())
    server = here["clusters"][0]["cluster"]
    forwarder = Forwarder("127.0.0.1", port_of(cluster), ports.free_port())
    server["server"] = f"https://127.0.0.1:{forwarder.port}"
    kubeconfig = tmp_path / "forwarded"
    kubeconfig.write_text(json.dumps(here))
    go_on, began = tmp_path / "go-on", tmp_path / "began"
    script = f"touch {began}; until test -e {go_on}; do sleep 0.1; done"
    words = ("orders", "--duration", "5m", "--if-no-processes", "ok", "--", "sh", "-c", script)
    try:
        running = start(*words, kubeconfig=kubeconfig)
        running.wait_for(began.exists, 60, "the command")
        forwarder.close()
        warning = "warning: the window can't be looked after while the command runs"
        running.wait_for(lambda: warning in running.output(), 60, "a warning")
        go_on.touch()
        forwarder = Forwarder("127.0.0.1", port_of(cluster), forwarder.port)
        assert running.wait(90) == 0
    finally:
        forwarder.close()
    assert "endedAt" in windows(cli)[0]["spec"]


def port_of(cluster: Cluster) -> int:
    """The port of the API server."""
    return int(str(cluster.endpoint["server"]).rpartition(":")[2])


def test_a_command_that_is_not_there_stops_nothing(cli: Cli) -> None:
    said = cli("run", "orders", "--duration", "5m", "--", "no-such-command", code=127)
    assert "no-such-command: command not found" in said.err
    said = cli("run", "orders", "--duration", "5m", code=2)
    assert "-- COMMAND…" in said.err
    assert windows(cli) == []
