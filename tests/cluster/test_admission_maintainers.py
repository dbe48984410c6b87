"""Maintainers by name: the chart's optional policy on windows, asked of a real authorizer."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import render
from tests.cluster.commanding import call
from tests.cluster.windows import apply_window, manifest
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

START = "2040-01-01T00:00:00Z"
APPS = 16
"""How many apps are asked for one by one."""

GONE = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": secrets.token_hex(16)}
"""An owner that is not there: the garbage collector deletes what has no other."""
OWNED = {"metadata": {"ownerReferences": [GONE]}}
KEPT = ("patch", "mw", "move", "--dry-run=server", "--type=merge")
"""Tried only: a finalizer would keep the window from being tidied up."""

Allow = Callable[..., None]


@pytest.fixture(scope="module")
def place(kubectl: Kubectl) -> Iterator[str]:
    """A namespace for all these tests."""
    name = f"t-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture(scope="module")
def policy(kubectl: Kubectl, place: str) -> Iterator[str]:
    """The policy, of a release for that namespace alone; gives its name."""
    release = f"trial-{secrets.token_hex(3)}"
    values = {
        "watchNamespaces": [place],
        "admission": {"maintainers": {"enabled": True}},
        "serviceAccount": {"create": False, "name": "fastapi-maintenance-operator"},
    }
    name = f"{release}-fastapi-maintenance-maintainers"
    objects = [o for o in render(values, release=release) if o["metadata"]["name"] == name]
    assert len(objects) == 2
    text = yaml.safe_dump_all(objects)
    kubectl("apply", "--server-side", "-f", "-", input=text)
    yield name
    kubectl("delete", "-f", "-", input=text)


@pytest.fixture
def editor(
    kubectl: Kubectl, service_account: ServiceAccounts, place: str, policy: str
) -> Iterator[Identity]:
    """Somebody with the cluster's role `edit`, whom the policy holds up."""
    who = f"editor-{secrets.token_hex(3)}"
    account = service_account(who, cluster_role="edit", namespace=place)
    dry, trial = ("create", "--dry-run=server", "-f", "-"), window("trial")
    wait_for(lambda: policy in refusal(account, *dry, item=trial), what="the policy in force")
    yield account
    kubectl("-n", place, "delete", "mw", "--all")


@pytest.fixture
def allow(kubectl: Kubectl, editor: Identity) -> Allow:
    """Gives the editor a rule for some apps, or for all."""

    def give(*apps: str) -> None:
        names = {"resourceNames": list(apps)} if apps else {}
        rule = {"apiGroups": ["fastapi-maintenance.io"], "resources": ["apps"], **names}
        items = role_and_binding(editor, [rule | {"verbs": ["maintain"]}])
        kubectl("apply", "-f", "-", input=yaml.safe_dump_all(items))
        right = ("maintain", "apps", "fastapi-maintenance.io")
        last = apps[-1] if apps else "any"
        wait_for(lambda: editor.may(*right, name=last), what="the right")

    return give


def role_and_binding(who: Identity, rules: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """A Role of the account's namespace, and that it has it."""
    metadata, group = (
        {"name": f"{who.name}-apps", "namespace": who.namespace},
        "rbac.authorization.k8s.io",
    )
    api = {"apiVersion": f"{group}/v1", "metadata": metadata}
    subject = {"kind": "ServiceAccount", "name": who.name, "namespace": who.namespace}
    role = {"apiGroup": group, "kind": "Role", "name": metadata["name"]}
    yield {**api, "kind": "Role", "rules": rules}
    yield {**api, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]}


def window(name: str, *apps: str, **metadata: Any) -> str:
    """A window of these apps, of the namespace that the one who asks is in."""
    item = manifest(name, "", start=START, apps=list(apps or ("orders",)))
    del item["metadata"]["namespace"]
    item["metadata"] |= metadata
    return json.dumps(item)


def refusal(who: Identity, *arguments: str, item: str | None = None) -> str:
    """What the API server refuses it with; empty where it does as asked."""
    return who.kubectl(*arguments, input=item, check=False).stderr


def test_who_may_edit_windows_needs_the_app_too(editor: Identity, allow: Allow) -> None:
    """The refusal names the app and the rule; with it, the same window is made."""
    told = refusal(editor, "create", "-f", "-", item=window("move"))
    assert "may not maintain the app orders" in told
    assert "resources [apps], resourceNames [orders], verbs [maintain]" in told
    allow("orders")
    assert refusal(editor, "create", "-f", "-", item=window("move")) == ""


def test_the_command_line_says_what_the_policy_says(editor: Identity) -> None:
    """No role would mend that, so none is proposed."""
    words = ["on", "orders", "--duration", "5m", "-n", editor.namespace]
    said = call(words, {"KUBECONFIG": str(editor.kubeconfig)}, code=1)
    assert "error: the API server refuses it: " in said.err
    assert "may not maintain the app orders: it takes a rule with apiGroups" in said.err
    assert "create rolebinding" not in said.err


def test_every_app_of_a_window_is_asked_for(editor: Identity, allow: Allow) -> None:
    """One that is missing refuses it."""
    allow("orders", "stock")
    told = refusal(editor, "create", "-f", "-", item=window("move", "orders", "billing", "stock"))
    assert "may not maintain the app billing" in told
    assert refusal(editor, "create", "-f", "-", item=window("move", "stock", "orders")) == ""


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [("orders", "billing", "billing"), ("billing", "orders", "billing")],
    ids=["after", "before"],
)
def test_a_change_asks_for_the_apps_before_and_after(
    kubectl: Kubectl, editor: Identity, allow: Allow, before: str, after: str, missing: str
) -> None:
    """Neither may a window be turned on others, nor taken from them."""
    allow("orders")
    kubectl("-n", editor.namespace, "create", "-f", "-", input=window("move", before))
    change = json.dumps({"spec": {"apps": [after]}})
    told = refusal(editor, "patch", "mw", "move", "--type=merge", f"-p={change}")
    assert f"may not maintain the app {missing}" in told


@pytest.mark.parametrize(
    "verb",
    [
        ("delete", "mw", "move"),
        ("delete", "mw", "--all"),
        ("patch", "mw", "move", "--type=merge", '-p={"spec":{"suspend":true}}'),
        ("patch", "mw", "move", "--type=merge", '-p={"spec":{"endedAt":"2040-01-01T00:10:00Z"}}'),
        ("patch", "mw", "move", "--type=merge", f"-p={json.dumps(OWNED)}"),
        (*KEPT, '-p={"metadata":{"finalizers":["example.com/kept"]}}'),
    ],
    ids=["delete", "delete all", "suspend", "end", "an owner that is not there", "a finalizer"],
)
def test_ending_a_window_asks_as_making_it_does(
    kubectl: Kubectl, editor: Identity, allow: Allow, verb: tuple[str, ...]
) -> None:
    """It may be the one that a migration waits behind."""
    kubectl("-n", editor.namespace, "create", "-f", "-", input=window("move"))
    assert "may not maintain the app orders" in refusal(editor, *verb)
    allow("orders")
    assert refusal(editor, *verb) == ""


def test_the_garbage_collector_takes_off_owners_that_are_gone(
    kubectl: Kubectl, editor: Identity
) -> None:
    """It is not asked, and leaves a window to the owner that is there."""
    here = ("-n", editor.namespace)
    uid = kubectl(*here, "get", "sa", editor.name, "-o", "jsonpath={.metadata.uid}").stdout
    stays = {"apiVersion": "v1", "kind": "ServiceAccount", "name": editor.name, "uid": uid}
    kubectl(*here, "create", "-f", "-", input=window("move", ownerReferences=[GONE, stays]))
    owners = (*here, "get", "mw", "move", "-o", "jsonpath={.metadata.ownerReferences[*].name}")
    wait_for(lambda: kubectl(*owners).stdout == editor.name, what="one owner", timeout=120)


def test_labels_are_nobodys_maintenance(kubectl: Kubectl, editor: Identity) -> None:
    """A change of metadata alone asks for nothing."""
    kubectl("-n", editor.namespace, "create", "-f", "-", input=window("move"))
    assert refusal(editor, "label", "mw", "move", "team=platform") == ""


@pytest.mark.parametrize("pattern", ["orders-*", "*"])
def test_a_pattern_is_asked_for_as_it_stands(editor: Identity, allow: Allow, pattern: str) -> None:
    """A right for some apps that it would match is none for the pattern."""
    allow("orders-web", "orders-db", "orders")
    assert f"may not maintain the app {pattern}" in refusal(
        editor, "create", "-f", "-", item=window("move", pattern)
    )
    allow(pattern)
    assert refusal(editor, "create", "-f", "-", item=window("move", pattern)) == ""


def test_many_apps_are_asked_for_one_by_one(editor: Identity, allow: Allow) -> None:
    """As many as the API server's budget for a policy permits, with the last one found missing."""
    apps = [f"app-{number}" for number in range(APPS)]
    allow(*apps[:-1])
    told = refusal(editor, "create", "-f", "-", item=window("move", *apps))
    assert f"may not maintain the app {apps[-1]}" in told
    allow(*apps)
    assert refusal(editor, "create", "-f", "-", item=window("move", *apps)) == ""


def test_more_apps_take_the_right_to_all(editor: Identity, allow: Allow) -> None:
    """A rule without names; it suffices for as many as a window may have."""
    apps = [f"app-{number}" for number in range(APPS + 1)]
    allow(*apps)
    told = refusal(editor, "create", "-f", "-", item=window("move", *apps))
    assert "may not maintain every app" in told
    allow()
    all_of_them = [f"app-{number}" for number in range(64)]
    assert refusal(editor, "create", "-f", "-", item=window("move", *all_of_them)) == ""
    other = json.dumps({"spec": {"apps": [f"other-{number}" for number in range(64)]}})
    assert refusal(editor, "patch", "mw", "move", "--type=merge", f"-p={other}") == ""


def test_a_window_for_the_cluster_asks_the_same_of_the_cluster(
    kubectl: Kubectl, editor: Identity, allow: Allow
) -> None:
    """A right in one namespace is none for a ClusterMaintenanceWindow."""
    allow("orders")
    item = json.loads(window(f"trial-{editor.name}"))
    item |= {"kind": "ClusterMaintenanceWindow"}
    item["spec"]["namespaceSelector"] = {"matchLabels": {"nobody": "has-this"}}
    name, dry = f"trial-{editor.name}", ("create", "--dry-run=server", "-f", "-")
    make = ("create", "clusterrole", name, "--verb=create")
    kubectl(*make, "--resource=clustermaintenancewindows.fastapi-maintenance.io")
    bind = ("create", "clusterrolebinding", name, f"--clusterrole={name}")
    kubectl(*bind, f"--serviceaccount={editor.namespace}:{editor.name}")
    try:
        wait_for(
            lambda: (
                "may not maintain the app orders" in refusal(editor, *dry, item=json.dumps(item))
            ),
            what="the policy's refusal instead of RBAC's",
        )
        kubectl("patch", "clusterrole", name, "--type=json", f"-p={json.dumps([MORE])}")
        wait_for(
            lambda: refusal(editor, *dry, item=json.dumps(item)) == "",
            what="the same with a right for the cluster",
        )
    finally:
        kubectl("delete", f"clusterrole/{name}", f"clusterrolebinding/{name}")


MORE = {
    "op": "add",
    "path": "/rules/-",
    "value": {
        "apiGroups": ["fastapi-maintenance.io"],
        "resources": ["apps"],
        "resourceNames": ["orders"],
        "verbs": ["maintain"],
    },
}
"""The right to maintain one app, as a change of a role."""


def test_an_account_that_the_values_list_with_apps_may_maintain_them(
    kubectl: Kubectl, editor: Identity
) -> None:
    """By the Role that the chart makes for it."""
    listed = {"namespace": editor.namespace, "serviceAccount": editor.name, "apps": ["orders"]}
    values = {"access": {"migrators": [listed]}, "admission": {"maintainers": {"enabled": True}}}
    made = [o for o in render(values) if o["metadata"]["name"].endswith(f"{editor.name}:apps")]
    kubectl("apply", "-f", "-", input=yaml.safe_dump_all(made))
    wait_for(
        lambda: refusal(editor, "create", "-f", "-", item=window("move")) == "", what="the right"
    )
    told = refusal(editor, "create", "-f", "-", item=window("other", "billing"))
    assert "may not maintain the app billing" in told


def test_the_operator_is_not_asked(
    kubectl: Kubectl, policy: str, editor: Identity, operator: Operator
) -> None:
    """What has finished, and shall be deleted then, is."""
    over = {"end": "2026-01-01T01:00:00Z", "ttlSecondsAfterFinished": 0}
    apply_window(kubectl, "done", editor.namespace, start="2026-01-01T00:00:00Z", **over)
    kubectl("-n", editor.namespace, "wait", "--for=delete", "mw/done", "--timeout=120s")


def test_a_namespace_goes_with_its_windows(kubectl: Kubectl, policy: str, editor: Identity) -> None:
    """The controller that deletes it is not asked."""
    kubectl("-n", editor.namespace, "create", "-f", "-", input=window("move"))
    kubectl("delete", "namespace", editor.namespace, "--timeout=120s")
