"""`wait` on a real API server: by the operator's word, and by the processes' own without one."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.cluster.proving import acknowledgement, puppets
from tests.cluster.windows import apply_window, condition, in_seconds, wait_for_condition
from tests.waiting import wait_for

if TYPE_CHECKING:
    import pytest

    from tests.cluster.commanding import Cli
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster


def speak(
    cluster: Cluster,
    cli: Cli,
    name: str,
    process: str = "mp-1",
    ahead: timedelta = timedelta(0),
    **changes: Any,
) -> None:
    """One process of orders says of a window that it refuses requests, or what is given."""

    async def say() -> None:
        async with puppets(cluster.kubeconfig, cli.namespace) as processes:
            processes.ahead = ahead
            said = acknowledgement(await processes.window(name), **changes)
            await processes.register(process, None, said)

    asyncio.run(say())


def await_word(cli: Cli, name: str, reason: str) -> None:
    """Wait until the operator has said so: what is asked for a short time only then says it too."""

    def said() -> bool:
        return condition(cli.window(name), "Drained").get("reason") == reason

    wait_for(said, 60, reason)


def test_on_waits_until_the_operator_says_drained(
    cluster: Cluster, cli: Cli, operator: Operator
) -> None:
    """The one command before a migration; what `wait` says afterwards is the same."""
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    said = cli("on", "orders", "--duration", "30m", "--wait", "drained", "--timeout", "60s")
    assert "drained: 1 of 1 reporting processes refuse requests" in said.err
    said = cli("wait", "orders-on", "--for", "enforced")
    assert said.out.startswith("maintenancewindow/orders-on is enforced: 1 of 1 reporting")
    shown = cli("status").out.splitlines()[1].split()
    assert shown[-4:-1] == ["True", "True", "1/1"]


def test_a_wait_that_is_not_over_in_time_names_who_holds_it(
    cluster: Cluster, cli: Cli, operator: Operator
) -> None:
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on", in_flight=2)
    await_word(cli, "orders-on", "RequestsRunning")
    said = cli("wait", "orders-on", "--timeout", "3s", code=1)
    assert "error: not drained after 3 s: mp-1: 2 requests" in said.err
    assert f"fastapi-maintenance processes orders-on -n {cli.namespace}" in said.err


def test_one_that_is_silent_is_told_of_with_what_strikes_it_out(
    cluster: Cluster, cli: Cli, operator: Operator
) -> None:
    """By `wait` and by `status`; it has no Pod that could be looked at."""
    cli("on", "orders", "--duration", "30m")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC) - datetime.now(UTC)
    speak(cluster, cli, "orders-on", ahead=long_ago, in_flight=1)
    remove = f"fastapi-maintenance processes --remove POD -n {cli.namespace}"
    strike = f"  strike out what is dead for certain: {remove}"
    await_word(cli, "orders-on", "ProcessSilent")
    said = cli("wait", "orders-on", "--timeout", "3s", code=1)
    assert "No heartbeat of mp-1, last heard Thu 01 Jan 00:00:00; " in said.err
    assert strike.replace("POD", "mp-1") in said.err.splitlines()
    assert strike in cli("status").err.splitlines()


def test_where_nobody_reports_wait_fails_unless_that_is_ok(cli: Cli, operator: Operator) -> None:
    cli("on", "orders", "--duration", "30m")
    await_word(cli, "orders-on", "NoProcesses")
    said = cli("wait", "orders-on", "--timeout", "2s", code=1)
    assert "No process reports for orders; none is registered" in said.err
    assert "FASTAPI_MAINTENANCE_KUBECONFIG" in said.err
    said = cli("wait", "orders-on", "--if-no-processes", "ok")
    assert "0 of 0 reporting processes" in said.out


def test_a_mistyped_app_is_told_by_a_wait_with_the_name_that_may_have_been_meant(
    cluster: Cluster, cli: Cli, operator: Operator
) -> None:
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    cli("on", "ordrs", "--duration", "30m")
    await_word(cli, "ordrs-on", "NoProcesses")
    first, second, _ = cli("wait", "ordrs-on", "--timeout", "2s", code=1).err.splitlines()[-3:]
    problem = "No process reports for ordrs (did you mean orders?); registered are: orders"
    assert first == f"error: {problem}"
    edit = f"kubectl edit maintenancewindow ordrs-on -n {cli.namespace}"
    assert second == f"  if the name is wrong: {edit}"


def test_without_an_operator_wait_counts_what_the_processes_say(
    cluster: Cluster, cli: Cli, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says, after ten seconds that are one here, that nobody answers."""
    monkeypatch.setattr("fastapi_maintenance.cli._looking.LAG", timedelta(seconds=1))
    operator.stop()
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    said = cli("wait", "orders-on", "--timeout", "60s")
    assert "no operator answers (" in said.err
    assert "note: no operator has answered since " in cli("status").err
    assert said.out.startswith("maintenancewindow/orders-on is drained: 1 of 1 reporting")


def test_without_an_operator_a_plan_that_lacks_the_window_is_not_enough(
    cluster: Cluster,
    cli: Cli,
    kubectl: Kubectl,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who follows the plan would not know of the window: exit 3, once none has taken over."""
    monkeypatch.setattr("fastapi_maintenance.cli._looking._TAKEOVER", 3)
    monkeypatch.setattr("fastapi_maintenance.cli._looking.LAG", timedelta(seconds=1))
    apply_window(kubectl, "other", cli.namespace, start=in_seconds(3600))
    wait_for_condition(kubectl, "other", cli.namespace, "Ready")
    operator.stop()
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    said = cli("wait", "orders-on", "--timeout", "60s", code=3)
    assert "error: no operator answers, and applications here may follow its list of" in said.err
    assert "so they may go on serving: waiting for one" in said.err


def test_an_operator_that_takes_over_is_waited_for(
    cluster: Cluster,
    cli: Cli,
    kubectl: Kubectl,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As after a node was lost: the status lags for longer than ten seconds, one second here."""
    monkeypatch.setattr("fastapi_maintenance.cli._looking.LAG", timedelta(seconds=1))
    monkeypatch.setattr("fastapi_maintenance.cli._looking._TAKEOVER", 120)
    apply_window(kubectl, "other", cli.namespace, start=in_seconds(3600))
    wait_for_condition(kubectl, "other", cli.namespace, "Ready")
    operator.kill()
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    starting = threading.Timer(4, operator.start)
    starting.start()
    try:
        said = cli("wait", "orders-on", "--timeout", "120s")
    finally:
        starting.join()
    assert said.err.count("no operator answers (") == 1
    assert "waiting for one" in said.err
    assert "is drained: 1 of 1 reporting" in said.out


def test_a_process_that_lets_requests_through_is_heard_though_a_status_is_not_there_yet(
    cluster: Cluster, cli: Cli, operator: Operator
) -> None:
    """What is proven falls by a process's own word, with an operator that can't write it any more.

    Its Lease is fresh for some seconds after it froze.
    """
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    cli("wait", "orders-on")
    operator.pause()
    try:
        speak(cluster, cli, "orders-on", process="mp-2", reason="ForcedOff")
        said = cli("wait", "orders-on", "--timeout", "1s", code=1)
    finally:
        operator.resume()
    assert "1 of 2 processes do not refuse requests: mp-2: ForcedOff" in said.err


def test_a_status_that_speaks_of_an_earlier_occurrence_is_not_believed(
    cluster: Cluster, cli: Cli, kubectl: Kubectl, operator: Operator
) -> None:
    """It stays as it is after its writer's death, whatever opens later."""
    cli("on", "orders", "--duration", "30m")
    speak(cluster, cli, "orders-on")
    cli("wait", "orders-on")
    operator.stop()
    start = cli.window("orders-on")["spec"]["start"]
    # The occurrence is another one once it begins at another second.
    wait_for(lambda: in_seconds(-1) > datetime.fromisoformat(start))
    override = {"occurrence": start, "start": f"{in_seconds(-1):%Y-%m-%dT%H:%M:%SZ}"}
    patch = json.dumps({"spec": {"overrides": [override]}})
    kubectl("patch", "mw", "orders-on", "-n", cli.namespace, "--type=merge", "-p", patch)
    said = cli("wait", "orders-on", "--timeout", "2s", code=1)
    assert "waiting for the operator" in said.err


def test_wait_for_ended_returns_once_nothing_is_open(cli: Cli, operator: Operator) -> None:
    cli("on", "orders", "--duration", "1h")
    said = cli("wait", "orders-on", "--for", "ended", "--timeout", "1s", code=1)
    assert f"end it: fastapi-maintenance end orders-on -n {cli.namespace}" in said.err
    cli("end", "orders-on")
    said = cli("wait", "orders-on", "--for", "ended")
    assert said.out == "maintenancewindow/orders-on is not open\n"
    said = cli("wait", "orders-on", "--for", "drained", code=1)
    assert "is not open: Finished" in said.err


def test_a_window_that_opens_later_than_the_timeout_fails_at_once(
    cli: Cli, kubectl: Kubectl
) -> None:
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(3600))
    assert "later than --timeout" in cli("wait", "upgrade", code=1).err
