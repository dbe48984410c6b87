"""The operator's rights: each is needed, and there are no others, for all namespaces or for one."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fastapi_maintenance.backends.kubernetes.process import Pod, Report, Self, new_object
from fastapi_maintenance_operator.names import PLAN_CONFIGMAP, PLAN_KEY
from fastapi_maintenance_operator.rights import CLUSTER, ELECTION, WORK, Right
from tests.chart import NAMESPACE, render
from tests.cluster.rights import Rule, granted
from tests.cluster.windows import apply_window, get_window, reasons, wait_for_condition
from tests.controlplane import ports
from tests.controlplane.identity import Identity, make_identity
from tests.controlplane.install import Operator
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

PAST = "2026-01-01T00:00:00Z"
EDITED = "edited by hand"
ACCOUNT = "fastapi-maintenance-operator"
NOBODY = f"system:serviceaccount:{NAMESPACE}:nobody"
"""An account that has what every account has."""


# What there is


@pytest.mark.parametrize("one", [False, True], ids=["all", "one"])
def test_25_the_operator_has_the_rights_that_it_asks_for_and_no_others(
    kubectl: Kubectl, namespace: str, one: bool
) -> None:
    """In a namespace that it looks at, in that of its Lease, and in another: by the API server."""
    everywhere = set() if one else rules(WORK + CLUSTER)
    lease = namespace if one else NAMESPACE
    with installed(kubectl, {"watchNamespaces": [namespace]} if one else {}) as user:
        for place in (namespace, NAMESPACE, "kube-public"):
            expected = everywhere | (rules(WORK) if place == namespace else set())
            expected |= rules(ELECTION) if place == lease else set()
            # The authorizer hears of roles and bindings a moment after they were written.
            wait_for(partial(has, kubectl, user, place, expected), what=f"the rights in {place}")
            everybodys = granted(kubectl, NOBODY, place)
            assert granted(kubectl, user, place) - everybodys == expected, place


def has(kubectl: Kubectl, user: str, place: str, expected: set[Rule]) -> bool:
    """Whether these rights are in force."""
    return expected <= granted(kubectl, user, place)


class installed:  # noqa: N801  (a context manager)
    """The chart's roles for a release of their own, bound to an account of its own."""

    def __init__(self, kubectl: Kubectl, values: dict[str, Any]) -> None:
        self._kubectl, self._release = kubectl, f"trial-{secrets.token_hex(3)}"
        rendered = render(values, release=self._release)
        self._made = [i for i in rendered if "Role" in i["kind"] and "operator" in name_of(i)]

    def __enter__(self) -> str:
        self._apply("apply", "--server-side")
        account = f"{self._release}-fastapi-maintenance-operator"
        return f"system:serviceaccount:{NAMESPACE}:{account}"

    def __exit__(self, *_: object) -> None:
        self._apply("delete")

    def _apply(self, *verb: str) -> None:
        stream = yaml.safe_dump_all(self._made)
        self._kubectl(*verb, "-f", "-", input=stream)


def name_of(item: dict[str, Any]) -> str:
    return str(item["metadata"]["name"])


def rules(rights: Iterable[Right]) -> set[Rule]:
    """Group, resource, name and verb of each right."""
    return {(r.group, r.resource, r.name or "", verb) for r in rights for verb in r.verbs}


# What it is for


def behaves(kubectl: Kubectl, namespace: str, operator: Operator) -> dict[str, Callable[[], bool]]:
    """What the operator does, by name, and how to see it."""
    plan = ("get", "configmap", "fastapi-maintenance-plan", "-n", namespace)

    def status(name: str, what: str = "observedGeneration") -> Any:
        return (get_window(kubectl, name, namespace).get("status") or {}).get(what)

    def gone(kind: str, name: str) -> bool:
        return kubectl("get", kind, name, "-n", namespace, check=False).returncode != 0

    return {
        "one operator leads": lambda: "leading: " in operator.output(),
        "windows that were there are known": lambda: operator.answers("/readyz"),
        "windows that come are noticed": lambda: bool(status("later")),
        "a status is written": lambda: bool(status("upgrade")),
        "a plan is written": lambda: kubectl(*plan, check=False).returncode == 0,
        "an Event is recorded": lambda: reasons(kubectl, namespace) != [],
        "what has finished is deleted": lambda: gone("mw", "done"),
        "processes are asked": lambda: bool(status("upgrade", "processes")),
        "a process that comes is heard": lambda: status("upgrade", "processes")["registered"] > 1,
        "a process without a Pod is removed": lambda: gone("mp", "ended"),
        "an edited plan is restored": lambda: EDITED not in kubectl(*plan, "-o", "yaml").stdout,
    }


BROKEN = {
    ("leases", "get"): "one operator leads",
    ("leases", "create"): "one operator leads",
    ("leases", "update"): "one operator leads",
    ("maintenancewindows", "list"): "windows that were there are known",
    ("maintenancewindows", "watch"): "windows that come are noticed",
    ("maintenancewindows/status", "patch"): "a status is written",
    ("maintenancewindows", "delete"): "what has finished is deleted",
    ("maintenanceprocesses", "list"): "processes are asked",
    ("maintenanceprocesses", "watch"): "a process that comes is heard",
    ("maintenanceprocesses", "delete"): "a process without a Pod is removed",
    ("pods", "get"): "a process without a Pod is removed",
    ("configmaps", "watch"): "an edited plan is restored",
    ("configmaps", "list"): "windows that were there are known",
    ("configmaps", "create"): "a plan is written",
    ("configmaps", "patch"): "a plan is written",
    ("events", "create"): "an Event is recorded",
}
"""What does not happen without a right."""


def prepare(kubectl: Kubectl, namespace: str, *, ended: bool = True) -> None:
    """What is there before the operator begins; it looks again where a process has ended."""
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    over = {"end": "2026-01-01T01:00:00Z", "ttlSecondsAfterFinished": 0}
    apply_window(kubectl, "done", namespace, start=PAST, **over)
    if ended:
        put_process(kubectl, namespace, "ended", Pod("no-such-pod", "uid-of-none", None))


def change(kubectl: Kubectl, namespace: str, *, plan: bool = True) -> None:
    """What happens later on; an edit of the plan makes the operator list the windows anew."""
    apply_window(kubectl, "later", namespace, start=PAST)
    if plan:  # else the later window would restore the plan, whoever has edited it meanwhile
        wait_for_condition(kubectl, "later", namespace, "Active")
    put_process(kubectl, namespace, "first")
    put_process(kubectl, namespace, "second")
    if plan:
        edit = json.dumps({"data": {PLAN_KEY: EDITED}})
        kubectl("patch", "cm", PLAN_CONFIGMAP, "-n", namespace, "--type=merge", f"-p={edit}")


def put_process(kubectl: Kubectl, namespace: str, name: str, pod: Pod | None = None) -> None:
    """A process that said a word long ago."""
    heard = datetime.now(UTC) - timedelta(hours=1)
    item = new_object(name, Self("orders", pod), Report(()), heard)
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps(item))


@pytest.fixture
def limited(
    cluster: Cluster, kubectl: Kubectl, namespace: str
) -> Iterator[Callable[..., Operator]]:
    """Runs an operator of the test's namespace, which does not look at its rights, under some."""
    started: list[Operator] = []

    def run(rights: Sequence[Right]) -> Operator:
        identity = make_identity(cluster, ACCOUNT, namespace)
        grant(kubectl, identity, rights)
        operator = Unchecked(identity, namespace)
        started.append(operator)
        operator.spawn()
        return operator

    yield run
    for operator in started:
        operator.stop()


class Unchecked(Operator):
    """The operator for one namespace, without its look at its rights."""

    def __init__(self, identity: Identity, namespace: str) -> None:
        super().__init__(identity, ports.free_port(), "--namespace", namespace, name=namespace)
        self._command = [sys.executable, "-m", "tests.cluster.unchecked", *self._command[3:]]


def grant(kubectl: Kubectl, identity: Identity, rights: Sequence[Right]) -> None:
    """Give an account these rights in its namespace."""
    granted_rules = [yaml.safe_load(right.rule()) for right in rights if right.verbs]
    metadata = {"name": "some", "namespace": identity.namespace}
    rbac = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{rbac}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": granted_rules,
    }
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "some"},
        "subjects": [
            {"kind": "ServiceAccount", "name": identity.name, "namespace": identity.namespace}
        ],
    }
    kubectl("apply", "-f", "-", input=yaml.safe_dump_all([role, binding]))
    wait_for(
        partial(has, kubectl, identity.user, identity.namespace, rules(rights)),
        what="the rights to be in force",
    )


def without(resource: str, verb: str) -> list[Right]:
    """All rights but one verb."""
    return [
        Right(r.group, r.resource, tuple(v for v in r.verbs if v != verb), r.name)
        if r.resource == resource
        else r
        for r in WORK + ELECTION
    ]


def test_every_right_breaks_something_when_it_is_missing() -> None:
    """The list below is complete."""
    assert set(BROKEN) == {(r.resource, verb) for r in WORK + ELECTION for verb in r.verbs}


def test_with_all_its_rights_in_one_namespace_the_operator_does_all_it_does(
    kubectl: Kubectl, namespace: str, limited: Callable[..., Operator]
) -> None:
    """Under a Role; so what does not happen below is for want of the one right."""
    prepare(kubectl, namespace)
    operator = limited(WORK + ELECTION)
    operator.wait_ready()
    wait_for_condition(kubectl, "upgrade", namespace, "Active")
    change(kubectl, namespace)
    for what, happens in behaves(kubectl, namespace, operator).items():
        wait_for(happens, what=what)
    assert "forbidden" not in operator.output()


@pytest.mark.parametrize(("resource", "verb"), BROKEN, ids=[f"{v} {r}" for r, v in BROKEN])
def test_without_one_right_what_it_is_for_does_not_happen(
    kubectl: Kubectl,
    namespace: str,
    limited: Callable[..., Operator],
    resource: str,
    verb: str,
) -> None:
    """The API server refuses, the operator says what, and the behaviour is not there."""
    # Once an ended process was removed, others are counted anew, which a watch alone is to tell of.
    prepare(kubectl, namespace, ended=(resource, verb) != ("maintenanceprocesses", "watch"))
    operator = limited(without(resource, verb))
    behaviour = behaves(kubectl, namespace, operator)[BROKEN[resource, verb]]
    if verb == "watch":
        wait_for_condition(kubectl, "upgrade", namespace, "Active")
        change(kubectl, namespace, plan=resource != "maintenancewindows")
    plural = resource.partition("/")[0]
    refusal = f'cannot {verb} resource "{plural}'
    wait_for(lambda: refusal in operator.output(), what=f"the refusal: {refusal}")
    assert not behaviour()


def test_an_operator_of_one_namespace_leaves_others_alone(
    kubectl: Kubectl, namespace: str, limited: Callable[..., Operator]
) -> None:
    """It neither sees their windows nor asks for them."""
    apply_window(kubectl, "upgrade", "default", start=PAST)
    apply_window(kubectl, "upgrade", namespace, start=PAST)
    try:
        operator = limited(WORK + ELECTION)
        wait_for_condition(kubectl, "upgrade", namespace, "Active")
        other = get_window(kubectl, "upgrade", "default").get("status") or {}
        assert "observedGeneration" not in other
        assert f'namespace="{namespace}"' in operator.get("/metrics")[1]
        assert 'namespace="default"' not in operator.get("/metrics")[1]
    finally:
        kubectl("delete", "mw", "upgrade", "-n", "default")
