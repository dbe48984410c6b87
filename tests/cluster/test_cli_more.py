"""The other verbs on a real API server: tokens, processes, schedules, what a window means."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from fastapi_maintenance.backends.kubernetes.process import Pod
from tests.cluster.commanding import call
from tests.cluster.proving import puppets
from tests.cluster.rights import let
from tests.cluster.test_cli_wait import speak
from tests.cluster.windows import apply_window, far_weekday, in_seconds
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.cluster.commanding import Cli
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

WEEKLY = ("--cron", f"0 2 * * {far_weekday()}", "--duration", "2h", "--tz", "Europe/Berlin")


def test_bypass_prints_a_link_whose_hash_stands_in_the_window(cli: Cli) -> None:
    """The token itself is nowhere but there; a second one leaves the first as it is."""
    cli("on", "orders", "--duration", "1h")
    said = cli("bypass", "orders-on", "--url", "https://shop.example/", "--for", "qa")
    link, token = said.out.strip().split("=")
    assert token not in said.err
    assert link == "https://shop.example/?maintenance-bypass"
    assert len(token) >= 43
    cli("bypass", "orders-on", "--for", "ops")
    assert '"qa" has a token already' in cli("bypass", "orders-on", "--for", "qa", code=1).err
    tokens = cli.window("orders-on")["spec"]["allow"]["tokens"]
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert [each["name"] for each in tokens] == ["qa", "ops"]
    assert tokens[0]["sha256"] == digest
    assert token not in json.dumps(cli.window("orders-on"))


def test_processes_says_what_each_does_about_a_window(cluster: Cluster, cli: Cli) -> None:
    cli("on", "orders", "--duration", "1h")
    assert cli("processes").err == f"No process is registered in namespace {cli.namespace}\n"
    assert 'namespace "shopp" not found' in cli("processes", "-n", "shopp", code=1).err
    speak(cluster, cli, "orders-on", in_flight=2, reason="ForcedOff")
    for words in ((), ("orders-on",)):
        head, row = cli("processes", *words).out.splitlines()
        assert head.split() == ["POD", "APP", "WINDOW", "ENFORCING", "INFLIGHT", "HEARD"]
        assert row.split()[:5] == ["mp-1", "orders", "orders-on", "ForcedOff", "2"]
    (item,) = cli("processes", "-o", "json").json["items"]
    assert item["metadata"]["name"] == "mp-1"
    assert cli.namespace in cli("processes", "-A").out


def test_only_a_process_that_is_silent_is_struck_out(
    cluster: Cluster, cli: Cli, kubectl: Kubectl
) -> None:
    """By the name of its Pod; a person says that it is dead."""

    async def register() -> None:
        async with puppets(cluster.kubeconfig, cli.namespace) as processes:
            await processes.register(
                "mp-1", Pod("orders-1", "5f0e7f2c-0000-4000-8000-000000000001")
            )

    asyncio.run(register())
    said = cli("processes", "--remove", "orders-1", code=1)
    assert "orders-1 lives: it was heard" in said.err
    assert f"kubectl delete pod orders-1 -n {cli.namespace}" in said.err
    old = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
    patch = ("patch", "mp", "mp-1", "-n", cli.namespace, "--type=merge", "-p", json.dumps(old))
    kubectl(*patch)
    assert "(silent)" in cli("processes").out
    said = cli("processes", "--remove", "orders-1")
    assert said.out == "maintenanceprocess/mp-1 of orders-1 removed\n"
    said = cli("processes", "--remove", "orders-1", code=1)
    assert f'no process of "orders-1" is registered in namespace {cli.namespace}' in said.err
    said = cli("processes", "--remove", "orders-1", "-A", code=1)
    assert 'no process of "orders-1" is registered in any namespace\n' in said.err


def test_a_process_outside_of_pods_is_ended_where_it_runs(
    cluster: Cluster, cli: Cli, kubectl: Kubectl
) -> None:
    async def register() -> None:
        async with puppets(cluster.kubeconfig, cli.namespace) as processes:
            await processes.register("mp-1")

    asyncio.run(register())
    said = cli("processes", "--remove", "mp-1", code=1)
    assert "it runs in no Pod: end it on its own machine (SIGTERM), and it signs off" in said.err
    old = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
    patch = json.dumps(old)
    kubectl("patch", "mp", "mp-1", "-n", cli.namespace, "--type=merge", "-p", patch)
    assert cli("processes", "--remove", "mp-1").out == "maintenanceprocess/mp-1 removed\n"


def test_a_name_that_nobody_reports_for_is_told_beside_those_that_are_known(
    cluster: Cluster, cli: Cli
) -> None:
    """By `on` and `schedule`, which do what they were asked; never of globs."""
    cli("on", "orders", "--duration", "1h")
    speak(cluster, cli, "orders-on")
    note = "note: no process reports for oders (did you mean orders?); registered are: orders"
    assert note in cli("on", "oders", "--duration", "1h").err
    assert note in cli("schedule", "weekly", "oders", *WEEKLY).err
    assert "no process reports" not in cli("on", "orders", "bill*", "--duration", "1h").err


def test_where_processes_can_not_be_listed_nothing_is_said_of_names(
    cluster: Cluster, cli: Cli, kubectl: Kubectl
) -> None:
    """Whoever may write windows and no more opens them as before."""
    cli("on", "orders", "--duration", "1h")
    speak(cluster, cli, "orders-on")
    let(kubectl, "jo", cli.namespace, "get,list,create,patch", "maintenancewindows")
    said = cli("on", "oders", "--duration", "1h", "--as", "jo")
    assert "oders-on opened" in said.out
    assert said.err == ""


def test_where_windows_can_not_be_listed_others_are_said_to_be_unknown(
    cli: Cli, kubectl: Kubectl
) -> None:
    """What was done stands: exit 0."""
    let(kubectl, "jo", cli.namespace, "get,create,patch", "maintenancewindows")
    assert "opened" in cli("on", "orders", "--duration", "1h", "--as", "jo").out
    said = cli("end", "orders-on", "--as", "jo")
    assert said.out == "maintenancewindow/orders-on ended\n"
    assert "note: whether other windows are open for orders is unknown: a right is" in said.err


DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "orders"},
    "spec": {
        "selector": {"matchLabels": {"app": "orders"}},
        "template": {
            "metadata": {"labels": {"app": "orders"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "orders",
                        "livenessProbe": {"httpGet": {"path": "/status", "port": 8000}},
                    }
                ]
            },
        },
    },
}


def test_explain_names_the_probes_that_a_window_would_refuse(cli: Cli, kubectl: Kubectl) -> None:
    kubectl("apply", "-n", cli.namespace, "-f", "-", input=json.dumps(DEPLOYMENT))
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60), duration="1h")
    said = cli("explain", "upgrade")
    assert "  GET      / refused: Full refuses every request (spec.mode)" in said.out
    assert "Deployment orders: livenessProbe GET /status would be refused" in said.out


def test_the_windows_of_a_cluster_are_drawn_and_listed(cli: Cli, kubectl: Kubectl) -> None:
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60), duration="1h")
    assert "upgrade: " in cli("timeline").out
    assert "SUMMARY:Maintenance: orders\r\n" in cli("calendar").out.replace("\n", "\r\n").replace(
        "\r\r\n", "\r\n"
    )


def test_names_are_offered_at_a_tab(cli: Cli, kubectl: Kubectl) -> None:
    """From the cluster and namespace that the words so far name."""
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60))
    apply_window(kubectl, "upper", cli.namespace, start=in_seconds(-60), end=in_seconds(-30))
    asked = {
        "KUBECONFIG": str(kubectl.kubeconfig),
        "_FASTAPI_MAINTENANCE_COMPLETE": "complete_bash",
        "COMP_WORDS": f"fastapi-maintenance end -n {cli.namespace} up",
        "COMP_CWORD": "4",
    }
    wait_for(lambda: offered(asked) == ["upgrade"])  # nothing, where it takes over two seconds


def offered(asked: dict[str, str]) -> list[str]:
    """What the shell is given."""
    from typer.testing import CliRunner

    from fastapi_maintenance.cli._app import app

    result = CliRunner().invoke(app, [], env=asked, prog_name="fastapi-maintenance")
    return result.stdout.split()


@pytest.mark.parametrize("words", [["status", "-w"], ["status", "--watch", "-A"]])
def test_a_watch_is_ended_by_ctrl_c_without_a_word(
    words: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 130, as for every command that a terminal interrupts."""

    async def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastapi_maintenance.cli.status.asyncio.sleep", interrupted)
    said = call(words, {"KUBECONFIG": str(cli.kubectl.kubeconfig)}, code=130)
    assert "Traceback" not in said.err
