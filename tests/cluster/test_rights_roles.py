"""The chart's roles for applications, Jobs and people: every right is needed, others are none."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart import NAMESPACE, render
from tests.cluster.rights import granted, verbs_of
from tests.cluster.windows import apply_window, wait_for_condition
from tests.controlplane.identity import make_identity
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.cluster.commanding import Cli, Said
    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

GROUP = "fastapi-maintenance.io"
WINDOWS, PROCESSES, PLAN = "maintenancewindows", "maintenanceprocesses", "fastapi-maintenance-plan"
LEASE = ("coordination.k8s.io", "leases", "fastapi-maintenance-operator", "list")
PAST = "2026-01-01T00:00:00Z"
MIGRATOR = "fastapi-maintenance-migrator"


def rights(group: str, resource: str, verbs: str, *names: str) -> set[tuple[str, str, str, str]]:
    """One for each verb, and each name."""
    return {(group, resource, name, verb) for name in names or ("",) for verb in verbs.split()}


ROLES = {
    "fastapi-maintenance-application": rights(GROUP, WINDOWS, "get list watch")
    | rights(GROUP, PROCESSES, "get list create patch delete")
    | rights("", "configmaps", "get list watch", "fastapi-maintenance", PLAN),
    "fastapi-maintenance-writer": rights(GROUP, WINDOWS, "create patch delete")
    | rights("", "configmaps", "create patch", "fastapi-maintenance"),
    MIGRATOR: rights(GROUP, WINDOWS, "get list create patch")
    | rights(GROUP, PROCESSES, "list")
    | rights("", "configmaps", "get", PLAN),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_these_rights_where_it_is_bound_and_no_others(
    kubectl: Kubectl, service_account: ServiceAccounts, role: str
) -> None:
    """Beside what every account has; and none in another namespace."""
    account = service_account("orders", cluster_role=role)
    place, nobody = account.namespace, f"system:serviceaccount:{account.namespace}:nobody"
    has = granted(kubectl, account.user, place) - granted(kubectl, nobody, place)
    assert has == ROLES[role]
    assert granted(kubectl, account.user, "default") == granted(kubectl, nobody, "default")


@pytest.mark.parametrize(
    ("role", "windows"),
    [
        ("view", "get list watch"),
        ("edit", "get list watch create update patch delete deletecollection"),
        ("admin", "get list watch create update patch delete deletecollection"),
    ],
)
def test_people_see_windows_and_who_edits_writes_them(
    kubectl: Kubectl, service_account: ServiceAccounts, role: str, windows: str
) -> None:
    """By the cluster's own roles. Processes are read by all of them and written by none."""
    person = service_account(role, cluster_role=role)
    expected = {
        (GROUP, WINDOWS, ""): windows,
        (GROUP, f"{WINDOWS}/status", ""): "",
        (GROUP, PROCESSES, ""): "get list watch",
    }
    wait_for(
        lambda: verbs_of(kubectl, person.user, person.namespace, expected) == expected,
        what="the roles to be added up",
    )
    assert verbs_of(kubectl, person.user, "default", expected) == dict.fromkeys(expected, "")


@pytest.fixture
def shown(kubectl: Kubectl) -> Iterator[Callable[[], None]]:
    """Shows the Lease to everybody, as long as the test lasts."""
    objects = render({"roles": {"lease": True}})
    readers = [o for o in objects if o["metadata"]["name"].endswith("-lease-readers")]
    text = yaml.safe_dump_all(readers)

    def show() -> None:
        kubectl("apply", "--server-side", "-f", "-", input=text)

    yield show
    kubectl("delete", "--ignore-not-found", "-f", "-", input=text)


def test_everybody_sees_whether_an_operator_lives_where_the_values_say_so(
    kubectl: Kubectl,
    operator: Operator,
    service_account: ServiceAccounts,
    shown: Callable[[], None],
) -> None:
    """Its Lease by name, wherever it is; no other, and not to write. By default nobody does."""
    nobody = service_account("nobody")
    everywhere = ("get", "leases", "--all-namespaces")
    only = "--field-selector=metadata.name=fastapi-maintenance-operator"
    assert "cannot list resource" in nobody.kubectl(*everywhere, only, check=False).stderr
    shown()
    wait_for(
        lambda: NAMESPACE in nobody.kubectl(*everywhere, only, check=False).stdout,
        what="the right",
    )
    assert "cannot list resource" in nobody.kubectl(*everywhere, check=False).stderr
    assert LEASE in granted(kubectl, nobody.user, NAMESPACE)
    lease = (*LEASE[:3],)
    assert verbs_of(kubectl, nobody.user, NAMESPACE, [lease]) == {lease: "list"}


# What each right of the migrator is for

Asks = Callable[..., "Said"]


@pytest.fixture
def migrator(
    kubectl: Kubectl, cluster: Cluster, cli: Cli
) -> Iterator[Callable[[str, str], Identity]]:
    """Makes an account with all rights of the role but one."""
    made: list[str] = []

    def make(resource: str, verb: str) -> Identity:
        name = f"trial-{secrets.token_hex(3)}"
        role = next(i for i in render() if i["metadata"]["name"] == MIGRATOR)
        role["metadata"] = {"name": name}
        role["rules"] = [without(rule, resource, verb) for rule in role["rules"]]
        kubectl("create", "-f", "-", input=yaml.safe_dump(role))
        made.append(name)
        account = make_identity(cluster, "migrate", cli.namespace, cluster_role=name)
        has = {(g, r, n, v) for g, r, n, v in ROLES[MIGRATOR] if (r, v) != (resource, verb)}
        wait_for(
            lambda: has <= granted(kubectl, account.user, cli.namespace), what="the other rights"
        )
        return account

    yield make
    for name in made:
        kubectl("delete", "clusterrole", name)


def without(rule: dict[str, Any], resource: str, verb: str) -> dict[str, Any]:
    """The rule without a verb, if it is the resource's."""
    kept = [v for v in rule["verbs"] if v != verb or resource not in rule["resources"]]
    return rule | ({"verbs": kept} if kept else {"verbs": ["watch"], "resources": ["nothing"]})


def ask(cli: Cli, who: Identity, verb: str, *words: str, code: int = 0) -> Said:
    """The command line, as an account."""
    return cli(verb, *words, code=code, KUBECONFIG=str(who.kubeconfig))


OPEN = ("on", "orders", "--duration", "30m", "--name", "release")
NEEDED = {
    (WINDOWS, "create"): (OPEN, 1),
    (WINDOWS, "list"): (("off", "orders"), 1),
    (WINDOWS, "get"): (("end", "there"), 1),
    (WINDOWS, "patch"): (("end", "there"), 1),
    (PROCESSES, "list"): (("wait", "there", "--if-no-processes", "ok"), 1),
    ("configmaps", "get"): ((*OPEN, "--wait", "drained"), 3),
}
"""What fails without a right, and with which exit code."""


def test_every_right_of_the_migrator_is_looked_at() -> None:
    """The list above is complete."""
    assert set(NEEDED) == {(resource, verb) for _, resource, _, verb in ROLES[MIGRATOR]}


@pytest.mark.parametrize(("resource", "verb"), NEEDED, ids=[f"{v} {r}" for r, v in NEEDED])
def test_each_right_of_the_migrator_is_needed(
    kubectl: Kubectl,
    operator: Operator,
    cli: Cli,
    migrator: Callable[[str, str], Identity],
    resource: str,
    verb: str,
) -> None:
    """Where no operator answers, since it says most of what a list of processes would."""
    apply_window(kubectl, "there", cli.namespace, start=PAST)
    wait_for_condition(kubectl, "there", cli.namespace, "Active")
    words, code = NEEDED[resource, verb]
    account = migrator(resource, verb)
    operator.stop()
    said = ask(cli, account, *words, code=code)
    assert f'cannot {verb} resource "{resource}"' in said.err


def test_with_all_its_rights_a_migrator_opens_waits_and_ends(
    kubectl: Kubectl, operator: Operator, cli: Cli, migrator: Callable[[str, str], Identity]
) -> None:
    """With an operator; so what fails above fails for want of the one right."""
    account = migrator("none", "none")
    waiting = ("--wait", "drained", "--if-no-processes", "ok")
    assert "drained: 0 of 0" in ask(cli, account, *OPEN, *waiting).err
    assert "ended" in ask(cli, account, "end", "release").out
