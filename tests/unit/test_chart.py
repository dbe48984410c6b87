"""What the chart renders to, by Helm's own engine and without a cluster."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from fastapi_maintenance_operator.rights import CLUSTER, ELECTION, WORK, Right
from fastapi_maintenance_operator.settings import Settings, parse
from tests.chart import CHART, ROOT, ChartError, container, is_hook, lint, notes, only, pod, render
from tests.snapshots import FOLDER, NAMES

CRDS = sorted(path.name for path in (ROOT / "crds").glob("*.yaml"))
LABELS = ("name", "instance", "version", "component", "part-of", "managed-by")


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """The chart with its default values."""
    return render()


@pytest.mark.parametrize("name", NAMES)
def test_helm_finds_nothing_to_complain_of(name: str) -> None:
    """`helm lint --strict` has hints at most."""
    values = yaml.safe_load((FOLDER / f"{name}.values.yaml").read_text())
    assert [finding for finding in lint(values) if finding["severity"] > 1] == []


@pytest.mark.parametrize("name", CRDS)
def test_the_charts_crd_is_a_copy_of_the_source(name: str) -> None:
    """The API stands once, in crds/; the chart's file is the same bytes."""
    mend = f"cp crds/{name} charts/fastapi-maintenance/files/crds/"
    assert (CHART / "files/crds" / name).read_bytes() == (ROOT / "crds" / name).read_bytes(), mend


def test_the_chart_has_every_crd_and_no_other() -> None:
    """A CRD that was added or removed in crds/ was so in the chart."""
    assert sorted(path.name for path in (CHART / "files/crds").iterdir()) == CRDS


@pytest.mark.parametrize("name", CRDS)
def test_helm_adds_to_a_crd_nothing_but_labels_and_an_annotation(
    name: str, objects: list[dict[str, Any]]
) -> None:
    """The rendered CRD is that of the source, but for the metadata that Helm needs."""
    source = yaml.safe_load((ROOT / "crds" / name).read_text())
    rendered = next(o for o in objects if o["metadata"]["name"] == source["metadata"]["name"])
    added = ("labels", "annotations")
    metadata = {key: v for key, v in rendered["metadata"].items() if key not in added}
    assert rendered | {"metadata": metadata} == source


@pytest.mark.parametrize(("keep", "policy"), [(True, "keep"), (False, None)])
def test_crds_stay_when_the_release_goes_unless_told_otherwise(
    keep: bool, policy: str | None
) -> None:
    """`crds.keep` decides whether uninstalling deletes every window of the cluster."""
    crds = [o for o in render({"crds": {"keep": keep}}) if o["kind"] == "CustomResourceDefinition"]
    annotations = [crd["metadata"].get("annotations", {}) for crd in crds]
    assert [a.get("helm.sh/resource-policy") for a in annotations] == [policy] * len(CRDS)


def test_crds_can_be_left_to_somebody_else() -> None:
    """`crds.enabled: false` renders none, and the notes say whose task they are then."""
    without = {"crds": {"enabled": False}}
    assert "CustomResourceDefinition" not in {item["kind"] for item in render(without)}
    assert "crds.enabled: false" in notes(without)


def test_every_object_carries_the_standard_labels(objects: list[dict[str, Any]]) -> None:
    """app.kubernetes.io/*, and the chart; the Pods too."""
    for item in [*objects, pod(objects)]:
        wanted = {f"app.kubernetes.io/{name}" for name in LABELS} | {"helm.sh/chart"}
        assert wanted <= item["metadata"]["labels"].keys()


def test_the_deployment_selects_its_own_pods(objects: list[dict[str, Any]]) -> None:
    """By labels that no upgrade changes: a selector can't be changed."""
    selector = only(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= pod(objects)["metadata"]["labels"].items()
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & selector.keys()


def test_every_container_is_restricted(objects: list[dict[str, Any]]) -> None:
    """What Pod Security `restricted` asks for, and a root file system that can't be written."""
    assert pod(objects)["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(objects)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_only_the_operators_pod_gets_a_token(objects: list[dict[str, Any]]) -> None:
    """Not every Pod that names the ServiceAccount."""
    assert only(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod(objects)["spec"]["automountServiceAccountToken"] is True


def test_any_number_of_operators_may_run(objects: list[dict[str, Any]]) -> None:
    """One by default; a Lease says which of them acts, so an upgrade may overlap."""
    assert only(objects, "Deployment")["spec"]["replicas"] == 1
    assert only(render({"replicas": 2}), "Deployment")["spec"]["replicas"] == 2


def test_the_probes_ask_the_port_that_the_operator_is_told(objects: list[dict[str, Any]]) -> None:
    """Liveness at /healthz, readiness at /readyz."""
    found = container(objects)
    (port,) = found["ports"]
    assert f"--port={port['containerPort']}" in found["args"]
    probes = {name: found[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")}
    assert probes["livenessProbe"] == {"path": "/healthz", "port": port["name"]}
    assert probes["readinessProbe"] == {"path": "/readyz", "port": port["name"]}


def test_a_digest_wins_over_the_tag() -> None:
    """The image by its content, for those who pin."""
    digest = "sha256:" + "0" * 64
    image = {"repository": "registry.example/operator", "tag": "1.0", "digest": digest}
    assert container(render({"image": image}))["image"] == f"registry.example/operator@{digest}"


def test_values_reach_the_pod() -> None:
    """Where it runs, and what it carries."""
    values: dict[str, Any] = {
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 5,
    }
    assert values.items() <= pod(render(values))["spec"].items()
    carried = {"podLabels": {"team": "platform"}, "podAnnotations": {"note": "yes"}}
    metadata = pod(render(carried))["metadata"]
    assert metadata["labels"]["team"] == "platform"
    assert metadata["annotations"] == {"note": "yes"}


def test_an_existing_service_account_is_bound_and_not_created() -> None:
    """`serviceAccount.create: false` with a name."""
    objects = render({"serviceAccount": {"create": False, "name": "mine"}})
    assert "ServiceAccount" not in {item["kind"] for item in objects if not is_hook(item)}
    assert pod(objects)["spec"]["serviceAccountName"] == "mine"
    bindings = [item for item in objects if "Binding" in item["kind"] and "subjects" in item]
    bound = [item for item in bindings if "operator" in item["metadata"]["name"]]
    assert [item["subjects"][0]["name"] for item in bound] == ["mine", "mine"]


def test_the_operator_understands_the_arguments_of_the_deployment(
    objects: list[dict[str, Any]],
) -> None:
    """For all namespaces, and for one."""
    assert parse(container(objects)["args"], {}) == Settings(log_format="json")
    values = {"watchNamespaces": ["shop"], "logFormat": "text", "logLevel": "DEBUG"}
    one = container(render(values))["args"]
    assert parse(one, {}) == Settings(namespace="shop", log_level="DEBUG")


def rules_of(objects: list[dict[str, Any]], name: str) -> list[str]:
    """The rules of a role of the operator, each as text that can be compared."""
    (role,) = [item for item in objects if item["metadata"]["name"] == name and "rules" in item]
    return sorted(
        Right(
            rule["apiGroups"][0],
            resource,
            tuple(rule["verbs"]),
            (rule.get("resourceNames") or [None])[0],
        ).rule()
        for rule in role["rules"]
        for resource in rule["resources"]
    )


@pytest.mark.parametrize("values", [{}, {"watchNamespaces": ["shop"]}], ids=["all", "one"])
def test_the_operator_asks_for_the_rights_that_the_chart_gives(values: dict[str, Any]) -> None:
    """What it checks at its start, and what its roles say, are the same rules."""
    objects, name = render(values), "fastapi-maintenance-operator"
    work = WORK if values else WORK + CLUSTER
    assert rules_of(objects, name) == sorted(right.rule() for right in work)
    assert rules_of(objects, f"{name}-lease") == sorted(right.rule() for right in ELECTION)


def test_for_one_namespace_the_operator_has_no_right_outside_it() -> None:
    """Roles and bindings in that namespace, wherever the release is; nothing for the cluster."""
    rendered = render({"watchNamespaces": ["shop"]})
    objects = [item for item in rendered if "operator" in item["metadata"]["name"]]
    kinds = {item["kind"] for item in objects}
    assert kinds == {"ServiceAccount", "Deployment", "Role", "RoleBinding", "Service"}
    given = [item for item in objects if item["kind"].startswith("Role")]
    assert {item["metadata"]["namespace"] for item in given} == {"shop"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"crd": {}}, "'crd'"),
        ({"watchNamespaces": ["Shop"]}, "/watchNamespaces/0"),
        ({"logFormat": "xml"}, "/logFormat"),
        ({"image": {"tga": "1.0"}}, "'tga'"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"resources": {"limit": {}}}, "'limit'"),
        ({"serviceAccount": {"create": False}}, "/serviceAccount/name"),
        ({"podLabels": {"app.kubernetes.io/name": "other"}}, "'app.kubernetes.io/name'"),
        ({"crds": {"keep": "true"}}, "/crds/keep"),
    ],
)
def test_a_value_that_nothing_reads_is_refused_by_name(values: dict[str, Any], said: str) -> None:
    """The schema is closed: a typing error does not pass as a default."""
    with pytest.raises(ChartError, match=re.escape(said)):
        render(values)


def test_the_notes_say_the_next_step_with_the_names_of_this_release() -> None:
    """The command that lets an application read windows, and a manifest to apply."""
    text = notes(release="quiet", namespace="ops")
    assert "kubectl -n ops rollout status deployment/quiet-fastapi-maintenance-operator" in text
    assert "--clusterrole=fastapi-maintenance-application" in text
    manifest = re.search(r"<<EOF\n(.*?)\n  EOF", text, re.DOTALL)
    assert manifest is not None
    assert yaml.safe_load(manifest[1])["spec"]["apps"] == ["orders"]
