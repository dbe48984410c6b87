"""Windows that are kept as one of the cluster has it: changed there, by its name, or not at all."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.commanding import call
from tests.cluster.test_children import apply, get_parent, parent, select, wait_for_parent
from tests.cluster.windows import in_seconds
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.commanding import Cli, Said
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl


@pytest.fixture
def name(cli: Cli, operator: Operator) -> Iterator[str]:
    """Of a window of the cluster that is open for an hour, in the namespace of the test too."""
    made = f"freeze-{secrets.token_hex(3)}"
    select(cli.kubectl, cli.namespace, made)
    start, end = (f"{in_seconds(s):%Y-%m-%dT%H:%M:%SZ}" for s in (-60, 3600))
    apply(cli.kubectl, parent(made, start=start, end=end))
    wait_for_parent(cli.kubectl, made, "Ready")
    yield made
    cli.kubectl("delete", "cmw", made, "--wait=false")


def told(said: Said) -> str:
    """The command that the message ends with."""
    return said.err.rpartition("all namespaces that it selects: ")[2].strip()


def run(cli: Cli, command: str) -> Said:
    """A command that was told, as it stands."""
    return call(command.split()[1:], {"KUBECONFIG": str(cli.kubectl.kubeconfig), "TZ": "Etc/UTC"})


@pytest.mark.parametrize(
    "words",
    [
        ["end"],
        ["extend", "--by", "30m"],
        ["postpone", "--by", "1h"],
        ["skip"],
        ["suspend"],
        ["resume"],
        ["bypass", "--for", "qa"],
    ],
    ids=lambda words: words[0],
)
def test_no_verb_changes_the_window_of_a_namespace_that_would_be_restored(
    words: list[str], cli: Cli, name: str
) -> None:
    """It names the same command for the one that is to be changed, with its options."""
    before = cli.window(name)["metadata"]["generation"]
    said = cli(words[0], name, *words[1:], code=1)
    assert f'is kept as clustermaintenancewindow "{name}" has it' in said.err
    assert told(said) == " ".join(["fastapi-maintenance", words[0], f"cmw/{name}", *words[1:]])
    assert cli.window(name)["metadata"]["generation"] == before


def test_the_command_that_is_told_changes_it_everywhere(cli: Cli, name: str) -> None:
    """Extended, suspended, resumed and ended: what the operator keeps follows each time."""

    def kept() -> dict[str, Any]:
        return dict(cli.window(name)["spec"])

    end = datetime.fromisoformat(kept()["end"])
    said = run(cli, told(cli("extend", name, "--by", "30m", code=1)))
    assert said.out.startswith(f"clustermaintenancewindow/{name} extended until ")
    overrides: Any = wait_for(lambda: kept().get("overrides"), 60, "the extension")
    (override,) = overrides
    assert datetime.fromisoformat(override["end"]) == end + timedelta(minutes=30)
    said = cli("suspend", f"cmw/{name}")
    assert said.out.endswith(f"let it open again: fastapi-maintenance resume cmw/{name}\n")
    assert "it is open until" in cli("resume", f"clustermaintenancewindow/{name}").out
    wait_for(lambda: not kept().get("suspend"), 60, "the window to be resumed")
    said = run(cli, told(cli("end", name, code=1)))
    assert said.out == f"clustermaintenancewindow/{name} ended\n"
    assert wait_for(lambda: kept().get("endedAt"), 60, "the end")
    fields = get_parent(cli.kubectl, name)["metadata"]["managedFields"]
    mine = next(f for f in fields if f["manager"] == "fastapi-maintenance")
    assert {"f:endedAt", "f:overrides"} <= set(mine["fieldsV1"]["f:spec"])
    assert "is not open (Finished)" in cli("end", f"cmw/{name}").out


def test_it_is_explained_by_the_name_that_is_told(cli: Cli, name: str) -> None:
    """What can't be skipped is seen there."""
    never = "2027-01-01T00:00:00Z"
    said = cli("skip", f"cmw/{name}", "--occurrence", never, code=1)
    assert f"those to come: fastapi-maintenance explain cmw/{name}" in said.err
    assert cli("explain", f"cmw/{name}").out.startswith(f"cmw/{name}: valid. ")
    assert f"/{name}: valid. " in cli("explain", f"mw/{name}").out
    said = cli("explain", "windows/none", code=2)
    assert "windows/none is neither a file that is there nor the name of a window" in said.err


def test_what_still_holds_an_app_is_ended_where_it_is_kept(cli: Cli, name: str) -> None:
    cli("on", "orders", "--duration", "5m")
    said = cli("off", "orders", code=1)
    assert f"still in maintenance by {name} (until" in said.err
    assert told(said) == f"fastapi-maintenance end cmw/{name}"


def test_a_window_of_the_cluster_is_for_its_administrators(cli: Cli, kubectl: Kubectl) -> None:
    """And one that is not there says how to see those that are."""
    said = cli("end", "cmw/nothing", code=1)
    assert 'clustermaintenancewindow "nothing" not found' in said.err
    assert "kubectl get cmw" in said.err
    said = cli("end", "cmw/nothing", "--as", "jane", code=1)
    assert "windows of the cluster are for its administrators" in said.err
    said = cli("status", "cmw/nothing", code=2)
    assert "here it is nothing, as in every namespace that it selects" in said.err


@pytest.mark.parametrize("kind", ["mw", "maintenancewindow.fastapi-maintenance.io"])
def test_a_window_may_be_named_as_kubectl_names_it(cli: Cli, kind: str) -> None:
    cli("on", "orders", "--duration", "5m")
    assert "orders-on" in cli("status", f"{kind}/orders-on").out
    assert cli("end", f"{kind}/orders-on").out == "maintenancewindow/orders-on ended\n"
