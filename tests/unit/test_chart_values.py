"""What the chart's values do, one by one, by Helm's own engine and without a cluster."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from fastapi_maintenance_operator.settings import parse
from tests.chart import ChartError, container, notes, only, pod, render

TWO = {"watchNamespaces": ["shop", "billing"]}


def named(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """The objects of a kind, by namespace and name."""
    found = [item["metadata"] | {"item": item} for item in objects if item["kind"] == kind]
    return {f"{m.get('namespace', '')}/{m['name']}": m["item"] for m in found}


def kinds(values: dict[str, Any]) -> set[str]:
    return {item["kind"] for item in render(values)}


def test_each_namespace_has_an_operator_that_looks_at_it_alone() -> None:
    """By an argument, with a selector that tells their Pods apart."""
    deployments = [item for item in render(TWO) if item["kind"] == "Deployment"]
    assert [item["metadata"]["name"][-8:] for item in deployments] == ["tor-shop", "-billing"]
    arguments = [item["spec"]["template"]["spec"]["containers"][0]["args"] for item in deployments]
    assert [found[-1] for found in arguments] == ["--namespace=shop", "--namespace=billing"]
    selectors = [item["spec"]["selector"]["matchLabels"] for item in deployments]
    for selector, other in (selectors, selectors[::-1]):
        assert selector["fastapi-maintenance.io/watches"] != other["fastapi-maintenance.io/watches"]
    for item, selector in zip(deployments, selectors, strict=True):
        assert selector.items() <= item["spec"]["template"]["metadata"]["labels"].items()


def test_each_namespace_has_its_roles_and_its_lease() -> None:
    """And nothing is granted for the cluster but what applications bind, and view and edit."""
    objects = render({**TWO, "test": {"enabled": False}, "roles": {"lease": True}})
    roles = named(objects, "Role")
    assert roles.keys() == named(objects, "RoleBinding").keys()
    parts = ("operator", "operator-lease", "lease-readers")
    places = ("shop", "billing")
    assert roles.keys() == {f"{at}/fastapi-maintenance-{part}" for at in places for part in parts}
    assert "ClusterRoleBinding" not in kinds(TWO)
    assert all("operator" not in name for name in named(objects, "ClusterRole"))


def test_policies_are_about_the_namespaces_that_are_watched() -> None:
    """Others are somebody else's."""
    values = {**TWO, "admission": {"maintainers": {"enabled": True}}}
    for name, item in named(render(values), "ValidatingAdmissionPolicyBinding").items():
        (rule,) = item["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert (rule["key"], rule["values"]) == ("kubernetes.io/metadata.name", ["shop", "billing"])
        assert "matchResources" not in only_policy(name)


def only_policy(name: str) -> dict[str, Any]:
    """The spec of a binding where all namespaces are watched."""
    everywhere = render({"admission": {"maintainers": {"enabled": True}}})
    spec: dict[str, Any] = named(everywhere, "ValidatingAdmissionPolicyBinding")[name]["spec"]
    return spec


@pytest.mark.parametrize("replicas", [0, 1])
def test_one_replica_has_no_budget_and_is_not_spread(replicas: int) -> None:
    """A budget for one Pod would hold up every drain of its node."""
    objects = render({"replicas": replicas})
    assert "PodDisruptionBudget" not in {item["kind"] for item in objects}
    assert "topologySpreadConstraints" not in pod(objects)["spec"]


def test_a_standby_is_on_another_node_and_is_not_drained_with_the_leader() -> None:
    """With two replicas or more; a spread of one's own is about the same Pods."""
    objects = render({"replicas": 2})
    selector = only(objects, "Deployment")["spec"]["selector"]
    assert only(objects, "PodDisruptionBudget")["spec"]["selector"] == selector
    assert only(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    spread = {"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    own = {"labelSelector": selector}
    assert pod(objects)["spec"]["topologySpreadConstraints"] == [{"maxSkew": 1, **spread, **own}]
    zone = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    given = pod(render({"topologySpreadConstraints": [zone]}))["spec"]["topologySpreadConstraints"]
    assert given == [zone | own]


def test_a_spread_may_be_about_other_pods() -> None:
    """A labelSelector that is given stays."""
    one = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    one["labelSelector"] = {"matchLabels": {"any": "thing"}}
    spread = pod(render({"topologySpreadConstraints": [one]}))["spec"]["topologySpreadConstraints"]
    assert spread == [one]


def test_a_budget_can_be_left_out() -> None:
    """For clusters that make their own."""
    values = {"replicas": 2, "podDisruptionBudget": {"enabled": False}}
    assert "PodDisruptionBudget" not in kinds(values)


def test_environment_and_volumes_reach_the_container() -> None:
    """As they are given; neither is there by default."""
    assert not {"env", "volumeMounts"} & container(render()).keys()
    values: dict[str, Any] = {
        "extraEnv": [{"name": "TZ", "value": "Etc/UTC"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
    }
    objects = render(values)
    assert container(objects)["env"] == values["extraEnv"]
    assert container(objects)["volumeMounts"] == values["extraVolumeMounts"]
    assert pod(objects)["spec"]["volumes"] == values["extraVolumes"]


@pytest.mark.parametrize(
    ("list_", "role"),
    [("applications", "application"), ("writers", "writer"), ("migrators", "migrator")],
)
def test_listed_accounts_are_bound_where_they_are(list_: str, role: str) -> None:
    """Each to the one role of its list, in its own namespace."""
    account = {"namespace": "shop", "serviceAccount": "orders"}
    bindings = named(render({"access": {list_: [account]}}), "RoleBinding")
    bound = bindings[f"shop/fastapi-maintenance-{role}-orders"]
    assert bound["roleRef"]["kind"] == "ClusterRole"
    assert bound["roleRef"]["name"] == f"fastapi-maintenance-{role}"
    subject = {"kind": "ServiceAccount", "name": "orders", "namespace": "shop"}
    assert bound["subjects"] == [subject]
    assert not any(name.startswith("shop/") for name in named(render(), "RoleBinding"))


@pytest.mark.parametrize("asks", [True, False])
def test_a_listed_account_may_maintain_its_apps_where_the_policy_asks(asks: bool) -> None:
    """By a rule of its own; where nobody asks, there is none."""
    account = {"namespace": "shop", "serviceAccount": "orders", "apps": ["orders", "orders-*"]}
    values = {
        "access": {"writers": [account]},
        "admission": {"maintainers": {"enabled": asks}},
    }
    role = named(render(values), "Role").get("shop/fastapi-maintenance-writer-orders:apps")
    assert (role is not None) == asks
    if role is not None:
        (rule,) = role["rules"]
        assert (rule["resourceNames"], rule["verbs"]) == (account["apps"], ["maintain"])
    with pytest.raises(ChartError, match="'apps'"):
        render({"access": {"applications": [account]}})


def test_the_roles_of_applications_exist_once_in_a_cluster() -> None:
    """A second release leaves them to the first."""
    fixed = {f"/fastapi-maintenance-{role}" for role in ("application", "writer", "migrator")}
    assert fixed <= named(render(release="first"), "ClusterRole").keys()
    second = render({"roles": {"enabled": False}}, release="second")
    assert not fixed & named(second, "ClusterRole").keys()


def test_two_releases_of_other_names_share_no_object() -> None:
    """Else Helm would refuse the second, or one would undo the other."""
    first = render({"admission": {"maintainers": {"enabled": True}}}, release="first")
    values = {"crds": {"enabled": False}, "roles": {"enabled": False}}
    second = render(values | {"admission": {"maintainers": {"enabled": True}}}, release="second")
    assert identities(first) & identities(second) == set()
    assert len(identities(second)) == len(second)


def identities(objects: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of each."""
    at = [(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects]
    return set(at)


@pytest.mark.parametrize("policy", ["processes", "maintainers"])
def test_a_policy_knows_the_account_that_the_operator_runs_as(policy: str) -> None:
    """Whatever its name is, and the release's namespace."""
    values = {
        "serviceAccount": {"create": False, "name": "mine"},
        "admission": {"maintainers": {"enabled": True}},
    }
    policies = named(render(values, namespace="ops"), "ValidatingAdmissionPolicy")
    conditions = policies[f"/fastapi-maintenance-{policy}"]["spec"]["matchConditions"]
    (about,) = [c["expression"] for c in conditions if "the-operator" in c["name"]]
    assert "request.userInfo.username != 'system:serviceaccount:ops:mine'" in about


def test_nobody_gets_to_write_processes_by_aggregation() -> None:
    """`edit` writes windows; what processes say of themselves is theirs."""
    aggregated = {
        name: item
        for name, item in named(render(), "ClusterRole").items()
        if any("aggregate-to" in label for label in item["metadata"]["labels"])
    }
    assert aggregated.keys() == {"/fastapi-maintenance-view", "/fastapi-maintenance-edit"}
    reading = {"get", "list", "watch"}
    for item in aggregated.values():
        for rule in item["rules"]:
            assert "maintenanceprocesses" not in rule["resources"] or set(rule["verbs"]) == reading
    without = render({"roles": {"aggregate": False}})
    assert not aggregated.keys() & named(without, "ClusterRole").keys()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"metrics": {"serviceMonitor": {"enabled": True}}}, "ServiceMonitor"),
        ({"metrics": {"alerts": {"enabled": True}}}, "PrometheusRule"),
        ({"metrics": {"dashboard": {"enabled": True}}}, "ConfigMap"),
        ({"networkPolicy": {"enabled": True}}, "NetworkPolicy"),
    ],
)
def test_what_not_every_cluster_has_is_off_by_default(values: dict[str, Any], kind: str) -> None:
    """And on by one value."""
    assert kind not in kinds({})
    assert kind in kinds(values)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"admission": {"processes": {"enabled": False}}}, "ValidatingAdmissionPolicy"),
        ({"metrics": {"service": {"enabled": False}}}, "Service"),
        ({"test": {"enabled": False}}, "Pod"),
    ],
)
def test_what_every_cluster_can_have_is_on_by_default(values: dict[str, Any], kind: str) -> None:
    """And off by one value."""
    assert kind in kinds({})
    assert kind not in kinds(values)


def test_the_label_namespace_of_a_metric_is_that_of_the_window() -> None:
    """`honorLabels: true`, of the Service's one port."""
    objects = render({"metrics": {"serviceMonitor": {"enabled": True}}})
    (endpoint,) = only(objects, "ServiceMonitor")["spec"]["endpoints"]
    (port,) = only(objects, "Service")["spec"]["ports"]
    assert (endpoint["honorLabels"], endpoint["port"]) == (True, port["name"])
    labels = only(objects, "Service")["metadata"]["labels"]
    assert (
        only(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items() <= labels.items()
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"watchNamespaces": ["shop", "shop"]}, "/watchNamespaces"),
        ({"access": {"applications": [{"namespace": "shop"}]}}, "'serviceAccount'"),
        ({"access": {"readers": []}}, "'readers'"),
        ({"admission": {"processes": {"enable": False}}}, "'enable'"),
        ({"metrics": {"alerts": {"drainSeconds": "15m"}}}, "/metrics/alerts/drainSeconds"),
        ({"networkPolicy": {"apiServerPorts": []}}, "/networkPolicy/apiServerPorts"),
        ({"extraEnv": [{"value": "x"}]}, "'name'"),
        (
            {"metrics": {"serviceMonitor": {"enabled": True}, "service": {"enabled": False}}},
            "/metrics/service/enabled",
        ),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(values: dict[str, Any], said: str) -> None:
    """Before anything is installed."""
    with pytest.raises(ChartError, match=re.escape(said)):
        render(values)


def test_the_notes_speak_of_the_application_that_the_values_name() -> None:
    """Its rights are there already, so that the next step is a window for it."""
    account = {"namespace": "market", "serviceAccount": "stalls"}
    text = notes({"access": {"applications": [account]}})
    assert "create rolebinding" not in text
    assert "kubectl -n market get maintenancewindows" in text
    manifest = re.search(r"<<EOF\n(.*?)\n  EOF", text, re.DOTALL)
    assert manifest is not None
    assert yaml.safe_load(manifest[1])["spec"]["apps"] == ["stalls"]


def test_the_notes_speak_of_a_namespace_that_is_watched() -> None:
    """Of every Deployment; the window is one of the first namespace."""
    text = notes(TWO)
    for name in TWO["watchNamespaces"]:
        assert f"deployment/fastapi-maintenance-operator-{name}\n" in text
    assert "kubectl -n shop create rolebinding" in text


def test_a_page_is_served_apart_from_metrics_where_it_is_asked_for() -> None:
    """Without what is for the people who run applications, unless that is asked for, too."""
    assert not [name for name in named(render(), "Service") if "-page" in name]
    assert not [arg for arg in container(render())["args"] if "page" in arg]
    for told, mode in ((False, "plain"), (True, "full")):
        objects = render({"page": {"enabled": True, "notes": told}})
        settings = parse(container(objects)["args"], {})
        assert (settings.page, settings.page_port) == (mode, 8081)
        ports = {p["name"]: p["containerPort"] for p in container(objects)["ports"]}
        assert ports == {"http": settings.port, "page": settings.page_port}
        (service,) = [s for n, s in named(objects, "Service").items() if "-page" in n]
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["page"]


def test_each_namespace_has_the_page_of_its_own_operator() -> None:
    """Also where the name of one leaves little room in the name of a Service."""
    names = ["shop", "a" * 63, "a" * 62 + "b"]
    objects = render({"watchNamespaces": names, "page": {"enabled": True}})
    found = {n: s for n, s in named(objects, "Service").items() if "-page" in n}
    watched = [s["spec"]["selector"]["fastapi-maintenance.io/watches"] for s in found.values()]
    assert sorted(watched) == sorted(names)
    assert all(len(name.partition("/")[2]) <= 63 for name in found)


def test_who_may_reach_the_page_is_said_apart() -> None:
    peers: list[dict[str, Any]] = [{"podSelector": {}}]
    policy = only(
        render({"networkPolicy": {"enabled": True}, "page": {"enabled": True, "from": peers}}),
        "NetworkPolicy",
    )
    page = [rule for rule in policy["spec"]["ingress"] if rule["ports"][0]["port"] == "page"]
    assert page == [{"ports": [{"port": "page", "protocol": "TCP"}], "from": peers}]
