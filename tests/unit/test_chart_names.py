"""Names, labels and values that YAML, Kubernetes or another chart could take for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chart import ChartError, container, only, render

EVERYTHING: dict[str, Any] = {
    "replicas": 2,
    "admission": {"maintainers": {"enabled": True}},
    "metrics": {name: {"enabled": True} for name in ("serviceMonitor", "alerts", "dashboard")},
    "page": {"enabled": True},
    "networkPolicy": {"enabled": True},
}


def texts(item: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Each name, namespace and label of an object, and where it stands."""
    if isinstance(item, dict):
        for key, value in item.items():
            whole = not isinstance(value, (dict, list))
            if whole and (key in NAMING or where.endswith(("labels", "matchLabels"))):
                yield f"{where}.{key}", value
            yield from texts(value, f"{where}.{key}")
    if isinstance(item, list):
        for each in item:
            yield from texts(each, where)


NAMING = ("name", "namespace", "serviceAccountName", "priorityClassName")


def test_a_name_of_digits_stays_a_text() -> None:
    """Namespaces, releases and accounts may be called 7 or 1e3, which YAML reads as numbers."""
    account = {"namespace": "4", "serviceAccount": "5", "apps": ["6"]}
    values = EVERYTHING | {
        "watchNamespaces": ["1", "1e3"],
        "fullnameOverride": "fastapi-maintenance",
        "nameOverride": "2",
        "priorityClassName": "3",
        "serviceAccount": {"name": "0"},
        "access": {"applications": [{"namespace": "4", "serviceAccount": "5"}]}
        | {"writers": [account], "migrators": [account]},
    }
    for item in render(values, release="7", namespace="8"):
        if item["kind"] != "CustomResourceDefinition":
            assert [found for found in texts(item) if not isinstance(found[1], str)] == []


@pytest.mark.parametrize("release", ["7", "my.release"])
def test_a_release_that_can_name_no_service_is_told_what_mends_it(release: str) -> None:
    """A Service's name begins with a letter, and has no dot; a release's may be otherwise."""
    with pytest.raises(ChartError, match=r"can't be the name of a Service: set fullnameOverride"):
        render(release=release)
    assert render({"fullnameOverride": "operator"}, release=release)


def test_names_fit_however_long_the_release_and_its_namespaces_are() -> None:
    """63 characters for a Service and a label, 253 for others; no two objects are one."""
    account = {"namespace": "shop", "serviceAccount": "a" * 180, "apps": ["orders"]}
    values = EVERYTHING | {
        "watchNamespaces": ["n" * 63, "n" * 62 + "m"],
        "access": {"migrators": [account]},
    }
    objects = render(values, release="r" * 53, namespace="s" * 63)
    for item in objects:
        longest = 63 if item["kind"] in ("Service", "Pod") else 253
        assert len(item["metadata"]["name"]) <= longest
        assert all(len(text) <= 63 for text in item["metadata"]["labels"].values())
    assert len(identities(objects)) == len(objects)


def identities(objects: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    at = [(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]) for o in objects]
    return set(at)


def test_the_rule_for_apps_has_a_name_that_no_other_account_makes() -> None:
    """Neither is the binding of one the binding of another that is called after it."""
    place = {"namespace": "shop"}
    one = {**place, "serviceAccount": "orders", "apps": ["orders"]}
    values = EVERYTHING | {"access": {"writers": [one, {**place, "serviceAccount": "orders-apps"}]}}
    objects = render(values)
    assert len(identities(objects)) == len(objects)


def test_an_alert_may_have_another_severity() -> None:
    """A label of one's own is there once, in place of the chart's."""

    def severities(**alerts: Any) -> set[str]:
        rule = only(render({"metrics": {"alerts": {"enabled": True, **alerts}}}), "PrometheusRule")
        return {each["labels"]["severity"] for each in rule["spec"]["groups"][0]["rules"]}

    assert severities() == {"warning"}
    assert severities(alertLabels={"severity": "page", "team": "shop"}) == {"page"}


@pytest.mark.parametrize("what", ["serviceMonitor", "alerts", "dashboard"])
def test_a_label_of_the_charts_own_is_not_given_twice(what: str) -> None:
    """Flux and Kustomize refuse an object in which a key stands twice."""
    with pytest.raises(ChartError, match=r"'app\.kubernetes\.io/name'"):
        render({"metrics": {what: {"labels": {"app.kubernetes.io/name": "mine"}}}})


def test_seconds_stay_a_number_however_many_they_are() -> None:
    """Helm reads numbers of values as floats, which it writes 1e+06 from a million on."""
    million = dict.fromkeys(("stalledSeconds", "drainSeconds"), 1_000_000)
    values = {"metrics": {"alerts": {"enabled": True, **million}}}
    objects = render(values | {"terminationGracePeriodSeconds": 1_000_000})
    (group,) = only(objects, "PrometheusRule")["spec"]["groups"]
    assert {rule["for"] for rule in group["rules"] if "for" in rule} >= {"1000000s"}
    template = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert template["terminationGracePeriodSeconds"] == 1_000_000


def test_a_parent_chart_may_have_this_one_on_a_condition() -> None:
    """By the value `enabled`, which Helm hands on; false where there is no parent is a mistake."""
    assert render({"enabled": True}) == render()
    with pytest.raises(ChartError, match="/enabled"):
        render({"enabled": False})


@pytest.mark.parametrize(
    ("repository", "fits"),
    [
        ("fastapi-maintenance/operator", True),
        ("registry.example:5000/team/operator", True),
        ("localhost:5000/operator", True),
        ("registry.example/operator:1.0", False),
        ("operator@sha256:0", False),
    ],
)
def test_a_repository_has_a_registry_and_no_tag(repository: str, fits: bool) -> None:
    """The tag has a value of its own; two of them are no image."""
    values = {"image": {"repository": repository, "tag": "1"}}
    if fits:
        assert container(render(values))["image"] == f"{repository}:1"
        return
    with pytest.raises(ChartError, match="/image/repository"):
        render(values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"extraEnv": [{"name": "TZ", "vlaue": "UTC"}]}, "'vlaue'"),
        ({"extraEnv": [{"name": "WORKERS", "value": 2}]}, "/extraEnv/0/value"),
        ({"tolerations": [{"key": "infra", "efect": "NoSchedule"}]}, "'efect'"),
        ({"serviceAccount": {"name": "My Account"}}, "/serviceAccount/name"),
        (
            {"access": {"applications": [{"namespace": "shop", "serviceAccount": "orders"}] * 2}},
            "/access/applications",
        ),
    ],
)
def test_what_an_api_server_would_refuse_later_is_refused_by_name(
    values: dict[str, Any], said: str
) -> None:
    """Before half of a release is installed."""
    with pytest.raises(ChartError, match=re.escape(said)):
        render(values)
