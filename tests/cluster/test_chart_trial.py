"""What `helm test` runs: its program, under the rights of the chart's own hooks."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import NAMESPACE, is_hook, render
from tests.cluster.windows import in_seconds, manifest
from tests.controlplane.identity import Identity, make_identity
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

NAME = "fastapi-maintenance-test"


@pytest.fixture(scope="module")
def hooks() -> dict[str, dict[str, Any]]:
    """The objects that `helm test` makes, by kind."""
    return {item["kind"]: item for item in render() if is_hook(item)}


@pytest.fixture(scope="module")
def tester(
    cluster: Cluster, kubectl: Kubectl, hooks: dict[str, dict[str, Any]]
) -> Iterator[Identity]:
    """The account of the hooks, with their Role."""
    text = yaml.safe_dump_all(hooks[kind] for kind in ("ServiceAccount", "Role", "RoleBinding"))
    kubectl("apply", "--server-side", "-f", "-", input=text)
    account = make_identity(cluster, NAME, NAMESPACE)
    right = ("create", "maintenancewindows", "fastapi-maintenance.io")
    wait_for(lambda: account.may(*right, name=NAME), what="the rights")
    yield account
    kubectl("delete", "-f", "-", input=text)


def run(pod: dict[str, Any], tester: Identity, **environment: str) -> tuple[int, str]:
    """Run what the Pod's container runs; its exit code and what it says."""
    (container,) = pod["spec"]["containers"]
    words: list[str] = container["command"] + container["args"]
    assert words[0] == "python"
    outer = {name: v for name, v in os.environ.items() if not name.startswith("KUBERNETES_SERVICE")}
    done = subprocess.run(
        [sys.executable, *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        env=outer | {"KUBECONFIG": str(tester.kubeconfig)} | environment,
    )
    return done.returncode, done.stdout + done.stderr


def exists(kubectl: Kubectl) -> bool:
    return kubectl("-n", NAMESPACE, "get", "mw", NAME, check=False).returncode == 0


def test_it_passes_where_the_operator_works(
    kubectl: Kubectl, operator: Operator, hooks: dict[str, dict[str, Any]], tester: Identity
) -> None:
    """A window is Ready, and gone afterwards; twice in a row too."""
    for _ in range(2):
        assert run(hooks["Pod"], tester) == (
            0,
            f"MaintenanceWindow {NAMESPACE}/{NAME} was Ready, and is deleted again\n",
        )
    assert not exists(kubectl)


def test_it_passes_where_maintainers_are_asked_for_their_apps(
    kubectl: Kubectl, cluster: Cluster, operator: Operator, namespace: str
) -> None:
    """Its one app it may maintain, in each namespace that is watched, where others may not."""
    values = {
        "watchNamespaces": [namespace, "default"],
        "admission": {"maintainers": {"enabled": True}},
        "serviceAccount": {"create": False, "name": operator.identity.name},
    }
    objects = render(values, release=f"trial-{secrets.token_hex(3)}")
    pod = next(item for item in objects if item["kind"] == "Pod")
    about = (pod["metadata"]["name"], pod["metadata"]["name"].replace("-test", "-maintainers"))
    made = [o for o in objects if o["metadata"]["name"] in about and o is not pod]
    text = yaml.safe_dump_all(made)
    kubectl("apply", "--server-side", "-f", "-", input=text)
    try:
        stranger = make_identity(cluster, "stranger", namespace, cluster_role="edit")
        stopped = ("-n", namespace, "create", "--dry-run=server", "-f", "-")
        window = json.dumps(manifest("trial", namespace, start=in_seconds(3600)))
        wait_for(
            lambda: about[1] in stranger.kubectl(*stopped, input=window, check=False).stderr,
            what="the policy in force",
        )
        code, said = run(pod, make_identity(cluster, about[0], NAMESPACE))
    finally:
        kubectl("delete", "-f", "-", input=text)
    assert code == 0, said
    tried = {line.split()[1] for line in said.splitlines()}
    assert tried == {f"{place}/{about[0]}" for place in (namespace, "default")}


@pytest.mark.owns_control_plane
def test_it_fails_where_nobody_answers(
    kubectl: Kubectl, operator: Operator, hooks: dict[str, dict[str, Any]], tester: Identity
) -> None:
    """And leaves nothing behind."""
    operator.stop()
    code, said = run(hooks["Pod"], tester, FASTAPI_MAINTENANCE_TRIAL_SECONDS="1")
    assert code == 1
    assert "not Ready (nothing is said): look at the operator's log" in said
    assert not exists(kubectl)


def test_a_right_that_is_missing_is_named(
    kubectl: Kubectl, hooks: dict[str, dict[str, Any]], cluster: Cluster, namespace: str
) -> None:
    """In the API server's words, without a trace."""
    code, said = run(hooks["Pod"], make_identity(cluster, "nobody", namespace))
    assert code == 1
    assert f"{NAMESPACE}/{NAME}: maintenancewindows.fastapi-maintenance.io" in said
    assert "cannot patch resource" in said
    assert "Traceback" not in said


def test_each_of_its_rights_is_about_its_one_window(hooks: dict[str, dict[str, Any]]) -> None:
    """To read, make and delete it; a change is what making is by server-side apply."""
    (rule,) = hooks["Role"]["rules"]
    assert rule["resourceNames"] == [NAME]
    assert sorted(rule["verbs"]) == ["create", "delete", "get", "patch"]


@pytest.mark.parametrize("verb", ["get", "create", "patch", "delete"])
def test_it_needs_each_of_its_rights(
    kubectl: Kubectl,
    operator: Operator,
    cluster: Cluster,
    namespace: str,
    hooks: dict[str, dict[str, Any]],
    verb: str,
) -> None:
    """Without one, it fails and says which."""
    account = make_identity(cluster, "tester", namespace)
    verbs = ",".join(v for v in hooks["Role"]["rules"][0]["verbs"] if v != verb)
    resource = "--resource=maintenancewindows.fastapi-maintenance.io"
    make = ("create", "role", "tester", "-n", NAMESPACE, f"--verb={verbs}", resource)
    kubectl(*make, f"--resource-name={NAME}")
    bind = ("create", "rolebinding", "tester", "-n", NAMESPACE, "--role=tester")
    kubectl(*bind, f"--serviceaccount={namespace}:tester")
    try:
        wait_for(lambda: f"cannot {verb} resource" in run(hooks["Pod"], account)[1], what="refusal")
    finally:
        kubectl("-n", NAMESPACE, "delete", "role/tester", "rolebinding/tester")
        kubectl("-n", NAMESPACE, "delete", "mw", NAME, "--ignore-not-found")
