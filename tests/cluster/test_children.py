"""ClusterMaintenanceWindows on a real API server, with the operator under the chart's rights."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from fastapi_maintenance.windows import API_VERSION, PLURAL
from tests.cluster.windows import apply_window, condition, get_window, manifest, reasons
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

PAST = "2026-01-01T00:00:00Z"


@pytest.fixture
def name(kubectl: Kubectl) -> Iterator[str]:
    """A name for a parent, which is deleted in the end; also the value of a label."""
    made = f"p-{secrets.token_hex(4)}"
    yield made
    kubectl("delete", "cmw", made, "--ignore-not-found", "--wait=false")


def parent(name: str, selector: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A ClusterMaintenanceWindow for the namespaces that carry its name as a label."""
    item = manifest(name, "", **{"start": PAST, **spec})
    own = {"matchLabels": {"for": name}} if selector is None else selector
    item["spec"]["namespaceSelector"] = own
    return {**item, "kind": "ClusterMaintenanceWindow", "metadata": {"name": name}}


def apply(kubectl: Kubectl, item: dict[str, Any], *, check: bool = True) -> str:
    """`kubectl apply` it; gives what kubectl said of a refusal."""
    return kubectl("apply", "-f", "-", input=json.dumps(item), check=check).stderr


def select(kubectl: Kubectl, namespace: str, name: str) -> None:
    """Let a namespace be selected by the parent of this name."""
    kubectl("label", "namespace", namespace, f"for={name}", "--overwrite")


def wait_for_parent(kubectl: Kubectl, name: str, what: str) -> None:
    """`kubectl wait` for a condition of it."""
    kubectl("wait", f"--for=condition={what}", f"cmw/{name}", "--timeout=120s")


def get_parent(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """The object as it stands."""
    path = f"/apis/{API_VERSION}/clustermaintenancewindows/{name}"
    found: dict[str, Any] = kubectl.request("GET", path)
    return found


def placed(kubectl: Kubectl, name: str) -> list[str]:
    """The namespaces that have a window of the name."""
    path = f"/apis/{API_VERSION}/{PLURAL}?fieldSelector=metadata.name%3D{name}"
    return sorted(each["metadata"]["namespace"] for each in kubectl.request("GET", path)["items"])


@pytest.fixture
def distributed(kubectl: Kubectl, namespace: str, name: str, operator: Operator) -> str:
    """The name of a parent that has its child in the test's namespace."""
    select(kubectl, namespace, name)
    apply(kubectl, parent(name))
    wait_for_parent(kubectl, name, "Ready")
    return name


def test_children_are_made_with_an_owner_and_become_active(
    kubectl: Kubectl, namespace: str, distributed: str
) -> None:
    """Ready of the parent means Ready of each child, plan and all."""
    child = get_window(kubectl, distributed, namespace)
    assert condition(child, "Active")["status"] == "True"
    assert {"labels", "annotations", "finalizers"} & child["metadata"].keys() == set()
    (owner,) = child["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("ClusterMaintenanceWindow", distributed)
    status = get_parent(kubectl, distributed)["status"]
    assert status["children"] == {"desired": 1, "current": 1, "ready": 1}
    assert status["current"] == {"start": PAST}


def test_children_follow_the_labels_of_namespaces(
    kubectl: Kubectl, namespace: str, distributed: str
) -> None:
    """In and out; and nothing is made elsewhere."""
    assert placed(kubectl, distributed) == [namespace]
    kubectl("label", "namespace", namespace, "for-")
    wait_for(lambda: placed(kubectl, distributed) == [], what="the child to go")
    select(kubectl, namespace, distributed)
    wait_for(lambda: placed(kubectl, distributed) == [namespace], what="the child to come")


def test_an_edit_of_the_parent_reaches_its_children(
    kubectl: Kubectl, namespace: str, distributed: str
) -> None:
    apply(kubectl, parent(distributed, mode="ReadOnly"))
    wait_for(
        lambda: get_window(kubectl, distributed, namespace)["spec"]["mode"] == "ReadOnly",
        what="the child to be read-only",
    )
    wait_for_parent(kubectl, distributed, "Ready")


@pytest.mark.parametrize(
    "edit", [{"suspend": True}, {"endedAt": "2026-06-01T00:00:00Z"}, {"mode": "ReadOnly"}], ids=str
)
def test_a_child_edited_by_hand_is_restored(
    kubectl: Kubectl, namespace: str, distributed: str, edit: dict[str, Any]
) -> None:
    """Also a field that the parent does not have."""
    before = get_window(kubectl, distributed, namespace)["spec"]
    patch = json.dumps({"spec": edit})
    kubectl("patch", "mw", distributed, "-n", namespace, "--type=merge", "-p", patch)
    wait_for(
        lambda: get_window(kubectl, distributed, namespace)["spec"] == before,
        what="the child to be restored",
    )


def test_a_late_restoration_of_a_child_is_a_conflict(
    kubectl: Kubectl, namespace: str, distributed: str
) -> None:
    """The version that the operator's patch says keeps it from writing over another object."""
    path = "/metadata/resourceVersion"
    patch = json.dumps([{"op": "replace", "path": path, "value": "1"}])
    refused = kubectl(
        *("patch", "mw", distributed, "-n", namespace, "--type=json", "-p", patch), check=False
    )
    assert "the object has been modified" in refused.stderr


def test_a_child_deleted_by_hand_is_made_again(
    kubectl: Kubectl, namespace: str, distributed: str
) -> None:
    kubectl("delete", "mw", distributed, "-n", namespace)
    wait_for(lambda: placed(kubectl, distributed) == [namespace], what="the child to come")


def test_a_users_window_of_the_name_is_never_taken_over(
    kubectl: Kubectl, namespace: str, name: str, operator: Operator
) -> None:
    """A condition and one Event in `default` say so; when the user gives way, it is distributed."""
    apply_window(kubectl, name, namespace, start="2990-01-01T00:00:00Z")
    before = get_window(kubectl, name, namespace)
    select(kubectl, namespace, name)
    apply(kubectl, parent(name))
    wait_for_parent(kubectl, name, "Stalled")
    stalled = condition(get_parent(kubectl, name), "Stalled")
    assert stalled["reason"] == "NameTaken"
    assert f"is in {namespace}: " in stalled["message"]
    after = get_window(kubectl, name, namespace)
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    events = json.loads(
        kubectl("get", "events.events.k8s.io", "-n", "default", "-o", "json").stdout
    )
    told = [e["reason"] for e in events["items"] if e["regarding"]["name"] == name]
    assert sorted(told) == ["WindowNameTaken", "WindowOpened"]
    sample = f'fastapi_maintenance_cluster_window_stalled{{window="{name}"}} 1.0'
    wait_for(lambda: sample in operator.get("/metrics")[1], what="the metric for the alert")
    kubectl("delete", "mw", name, "-n", namespace)
    wait_for_parent(kubectl, name, "Ready")
    wait_for(lambda: sample not in operator.get("/metrics")[1], what="the metric to go")


def test_21_children_have_an_owner_and_are_collected_with_it(
    kubectl: Kubectl, namespace: str, distributed: str
) -> None:
    """By the garbage collector; nothing holds the deletion up, and the window closes."""
    kubectl("delete", "cmw", distributed, "--timeout=60s")
    wait_for(lambda: placed(kubectl, distributed) == [], 120, "the child to go")
    assert reasons(kubectl, namespace) == ["WindowOpened"]


def test_what_changed_while_the_operator_was_down_is_made_right(
    kubectl: Kubectl, namespace: str, distributed: str, operator: Operator
) -> None:
    operator.stop()
    patch = json.dumps({"spec": {"suspend": True}})
    kubectl("patch", "mw", distributed, "-n", namespace, "--type=merge", "-p", patch)
    operator.start()
    wait_for(
        lambda: get_window(kubectl, distributed, namespace)["spec"]["suspend"] is False,
        what="the child to be restored",
    )


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ({"matchLabels": {"-": "x"}}, "matchLabels has a key that no label can have"),
        ({"matchLabels": {"a": "b c"}}, "matchLabels has a value that no label can have"),
        ({"matchExpressions": [{"key": "a b", "operator": "Exists"}]}, "key is none that a label"),
        ({"matchExpressions": [{"key": "a", "operator": "In"}]}, "values do not go with"),
        (
            {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
            "values do not go with",
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]},
            "values holds what no label can have",
        ),
        ({"matchExpressions": [{"key": "a", "operator": "Gt"}]}, "Unsupported value"),
        ({"matchNames": ["a"]}, "unknown field"),
    ],
    ids=str,
)
def test_a_selector_that_no_label_can_fulfil_is_refused(
    kubectl: Kubectl, name: str, selector: dict[str, Any], said: str
) -> None:
    assert said in apply(kubectl, parent(name, selector), check=False)


def test_a_parent_needs_a_selector(kubectl: Kubectl, name: str) -> None:
    """Saying nothing never means everything."""
    item = parent(name)
    del item["spec"]["namespaceSelector"]
    assert "spec.namespaceSelector: Required value" in apply(kubectl, item, check=False)


def test_the_rules_for_windows_hold_for_parents(kubectl: Kubectl, name: str) -> None:
    assert "start and schedule exclude each other" in apply(
        kubectl, parent(name, schedule="0 2 * * *", duration="1h", timeZone="UTC"), check=False
    )
