"""`on`, `end` and `status` on a real API server: opened, seen and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cluster.test_cli_wait import speak
from tests.cluster.windows import apply_window, far_weekday, in_seconds

if TYPE_CHECKING:
    from tests.cluster.commanding import Cli
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster


def test_on_opens_a_window_and_end_ends_it(cli: Cli) -> None:
    """One window for the apps, with a planned end; again does nothing, and says so."""
    said = cli("on", "orders", "--duration", "30m", "--message", "Back soon")
    assert said.out.startswith("maintenancewindow/orders-on opened (Full, orders) until ")
    assert f"fastapi-maintenance end orders-on -n {cli.namespace}" in said.out
    window = cli.window("orders-on")
    assert window["spec"]["response"] == {"message": "Back soon"}
    assert {f["manager"] for f in window["metadata"]["managedFields"]} >= {"fastapi-maintenance"}
    again = cli("on", "orders", "--duration", "2h", "--message", "Later")
    assert "orders-on is on already" in again.out
    assert f"fastapi-maintenance extend orders-on -n {cli.namespace} --by 30m" in again.out
    assert "stays as it is; not applied: --duration 2h and --message" in again.err
    assert cli.window("orders-on")["metadata"]["uid"] == window["metadata"]["uid"]
    assert cli("end", "orders-on").out == "maintenancewindow/orders-on ended\n"
    assert cli("end", "orders-on").out == "maintenancewindow/orders-on is not open (Finished)\n"


def test_a_window_that_was_ended_opens_again_with_nothing_left_of_what_it_was(cli: Cli) -> None:
    """As a new generation, of which nobody can have said that it is enforced."""
    cli("on", "orders", "--until-off", "--name", "release", "--message", "Moving")
    cli("end", "release")
    said = cli("on", "orders", "--duration", "5m", "--name", "release")
    assert "release opened" in said.out
    window = cli.window("release")
    assert window["metadata"]["generation"] == 3
    assert {"endedAt", "response"} & set(window["spec"]) == set()
    assert window["spec"]["duration"] == "5m2s"


def test_on_leaves_windows_of_others_alone(cli: Cli, kubectl: Kubectl) -> None:
    """One that has the name is an error, one that is open for the app is named."""
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(-60))
    said = cli("on", "orders", "--duration", "5m", "--name", "upgrade", code=1)
    assert "choose another name: --name NAME" in said.err
    said = cli("on", "orders", "--duration", "5m")
    assert "note: upgrade is open too" in said.err


def test_on_for_something_else_than_is_open_names_the_window(cli: Cli) -> None:
    cli("on", "orders", "--duration", "5m", "--name", "release")
    said = cli("on", "orders", "--read-only", "--duration", "5m", "--name", "release", code=1)
    assert "is open already, for orders (Full)" in said.err
    assert f"fastapi-maintenance end release -n {cli.namespace}" in said.err


def test_status_shows_the_windows_with_who_opened_them(cli: Cli, kubectl: Kubectl) -> None:
    apply_window(kubectl, "upgrade", cli.namespace, start=in_seconds(3600), duration="1h")
    assert "nothing is in maintenance" not in cli("status").err
    cli("on", "orders", "--until-off")
    times = ("--cron", f"0 2 * * {far_weekday()}", "--duration", "2h", "--tz", "Etc/UTC")
    cli("schedule", "weekly", "orders", *times)
    head, first, second, third, *_ = cli("status").out.splitlines()
    assert third.split()[:2] == ["weekly", "Scheduled"]
    assert third.split()[-1] == first.split()[-1]
    assert head.split()[:3] == ["NAME", "STATE", "MODE"]
    assert first.split()[:4] == ["orders-on", "Open", "Full", "orders"]
    assert first.split()[-1] in ("kubernetes-admin", "admin")
    assert second.split()[:2] == ["upgrade", "Scheduled"]
    assert second.split()[-1].startswith("kubectl")
    assert [item["metadata"]["name"] for item in cli("status", "-o", "json").json["items"]] == [
        "orders-on",
        "upgrade",
        "weekly",
    ]
    assert cli("status", "upgrade", "-o", "json").json["metadata"]["name"] == "upgrade"
    shown = yaml.safe_load(cli("status", "upgrade", "-o", "yaml").out)
    assert shown["spec"]["duration"] == "1h"
    assert "managedFields" not in shown["metadata"]
    name = "maintenancewindow.fastapi-maintenance.io/upgrade\n"
    assert cli("status", "upgrade", "-o", "name").out == name
    assert cli.namespace in cli("status", "-A").out


def test_a_namespace_without_windows_is_said_to_have_none(cli: Cli) -> None:
    assert cli("status").err == f"No windows in namespace {cli.namespace}\n"
    said = cli("status", "-n", "shopp", code=1)
    assert said.err.startswith('error: namespace "shopp" not found\n')
    assert cli("end", "nothing", "-n", "shopp", code=1).err == said.err


def test_what_finished_long_ago_is_counted_and_shown_when_asked_for(
    cli: Cli, kubectl: Kubectl
) -> None:
    """As objects all are told of."""
    for number in range(6):
        end = in_seconds(-60 * (number + 1))
        apply_window(kubectl, f"w{number}", cli.namespace, start=in_seconds(-3600), end=end)
    said = cli("status")
    assert [line.split()[0] for line in said.out.splitlines()] == ["NAME", "w0", "w1", "w2"]
    assert said.err == "… and 3 that finished earlier (--all shows them)\n"
    assert len(cli("status", "--all").out.splitlines()) == 7
    assert len(cli("status", "-o", "name").out.splitlines()) == 6


def test_a_mistyped_app_is_told_before_its_window_opens(
    cluster: Cluster, cli: Cli, kubectl: Kubectl
) -> None:
    """By `status` and by `explain`, where a process of another name reports."""
    apply_window(kubectl, "move", cli.namespace, apps=["ordrs"], start=in_seconds(3600))
    assert cli("status").err == ""
    cli("on", "orders", "--duration", "1h")
    speak(cluster, cli, "orders-on")
    problem = "No process reports for ordrs (did you mean orders?); registered are: orders"
    edit = f"  if the name is wrong: kubectl edit maintenancewindow move -n {cli.namespace}\n"
    assert f"move: {problem}\n{edit}" in cli("status").err
    assert f"{cli.namespace}/move: {problem}\n{edit}" in cli("status", "-A").err
    assert f"  warning  {problem}" in cli("explain", "move").out
    assert "warning" not in cli("explain", "orders-on").out


def test_end_of_a_window_that_is_not_there_says_what_is(cli: Cli) -> None:
    said = cli("end", "nothing", code=1)
    assert said.err.splitlines() == [
        f'error: maintenancewindow "nothing" not found in namespace {cli.namespace}',
        f"  those that are there: fastapi-maintenance status -n {cli.namespace}",
    ]
    assert "nothing to end" in cli("end", "nothing", "--ignore-not-found").err


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (["end"], "end orders-on"),
        (["status"], "status orders-on"),
        (["explain"], "explain orders-on"),
        (["extend", "--by", "5m"], "extend orders-on --by 5m"),
    ],
    ids=lambda value: value[0],
)
def test_who_names_an_app_where_its_window_is_wanted_is_told_of_that(
    cli: Cli, words: list[str], same: str
) -> None:
    cli("on", "orders", "--duration", "1h")
    lines = cli(*words, "orders", code=1).err.splitlines()
    assert lines[1].startswith(f"  orders is an app; of its window: fastapi-maintenance {same}")
    assert lines[1].endswith(f" -n {cli.namespace}")
    off = f"  all that `on` has opened for it: fastapi-maintenance off orders -n {cli.namespace}"
    assert (off in lines) == (words == ["end"])


def test_a_watch_shows_what_is_new_and_nothing_twice(
    cli: Cli, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five looks, of which one finds the window ended; then Ctrl-C."""
    cli("on", "orders", "--duration", "1h")
    patch = f'{{"spec": {{"endedAt": "{in_seconds(0):%Y-%m-%dT%H:%M:%SZ}"}}}}'
    looks = iter(range(5))

    async def meanwhile(_: float) -> None:
        look = next(looks, None)
        if look is None:
            raise KeyboardInterrupt
        if look == 2:
            kubectl("patch", "mw", "orders-on", "-n", cli.namespace, "--type=merge", "-p", patch)

    monkeypatch.setattr("fastapi_maintenance.cli.status.asyncio.sleep", meanwhile)
    said = cli("status", "-w", code=130)
    rows = [line.split()[1] for line in said.out.splitlines() if line.startswith("orders-on ")]
    assert rows == ["Open", "Finished"]
