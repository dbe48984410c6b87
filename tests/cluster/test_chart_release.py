"""A release without its Pods: what Helm makes of CRDs that are older, kept, or somebody else's."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart import CHART, ROOT
from tests.cluster.windows import apply_window, get_window
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.install import await_served
from tests.controlplane.target import own
from tests.e2e.helm import Helm, HelmError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane.kubectl import Kubectl
    from tests.controlplane.target import Cluster

# The first test may have to start two control planes.
pytestmark = [pytest.mark.owns_control_plane, pytest.mark.timeout(600)]

WINDOWS = "maintenancewindows.fastapi-maintenance.io"
START = "2990-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def bare(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane apart, in which nothing of ours is."""
    with ControlPlane(tmp_path_factory.mktemp("bare")) as control_plane:
        yield own(control_plane)


@pytest.fixture
def kubectl(bare: Cluster) -> Iterator[Kubectl]:
    yield bare.kubectl
    be_served(bare.kubectl)
    bare.kubectl("delete", "crd", "--all", "--timeout=120s")


@pytest.fixture
def helm(bare: Cluster, kubectl: Kubectl) -> Iterator[Helm]:
    made = Helm(bare.kubeconfig, "ops", waits=False)
    yield made
    made.uninstall("first")


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The chart with a CRD that has a column less."""
    chart = tmp_path / "chart"
    shutil.copytree(CHART, chart)
    crd = chart / "files" / "crds" / "maintenancewindows.yaml"
    content = yaml.safe_load(crd.read_text())
    content["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    crd.write_text(yaml.safe_dump(content, sort_keys=False))
    return chart


def be_served(kubectl: Kubectl) -> None:
    """Have the API server open the storage of each CRD that there is.

    One that it opens only to delete a CRD refuses the first look for objects; if the status that
    says so conflicts, the CRD waits for the next resync of its controller, for minutes.
    """
    for crd in kubectl("get", "crd", "-o", "name").stdout.split():
        await_served(kubectl, [crd.partition("/")[2]])


def columns(kubectl: Kubectl) -> list[str]:
    """The columns of `kubectl get mw`."""
    crd = json.loads(kubectl("get", "crd", WINDOWS, "-o", "json").stdout)
    return [each["name"] for each in crd["spec"]["versions"][0]["additionalPrinterColumns"]]


def test_an_upgrade_brings_the_crds_and_uninstalling_leaves_them(
    helm: Helm, kubectl: Kubectl, older: Path
) -> None:
    """The window stays the same object all the time, and what is left is taken up again."""
    helm.install(older, "first")
    before = columns(kubectl)
    be_served(kubectl)
    apply_window(kubectl, "upgrade", "default", start=START)
    uid = get_window(kubectl, "upgrade", "default")["metadata"]["uid"]
    helm.upgrade(CHART, "first")
    assert columns(kubectl) == [*before, "Age"]
    helm.uninstall("first")
    helm.install(CHART, "first")
    assert get_window(kubectl, "upgrade", "default")["metadata"]["uid"] == uid


def test_crds_that_are_not_to_be_kept_go_with_the_release(helm: Helm, kubectl: Kubectl) -> None:
    """With them every window."""
    helm.install(CHART, "first", {"crds": {"keep": False}})
    be_served(kubectl)
    crds = kubectl("get", "crd", "-o", "name").stdout.split()
    helm.uninstall("first")
    kubectl("wait", "--for=delete", *crds, "--timeout=120s")


def test_crds_that_kubectl_applied_are_refused_or_left_alone(helm: Helm, kubectl: Kubectl) -> None:
    """In Helm's words, which the chart's README has."""
    kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    with pytest.raises(HelmError, match="invalid ownership metadata"):
        helm.install(CHART, "first")
    assert "`invalid ownership metadata`" in (CHART / "README.md").read_text()
    helm.install(CHART, "first", {"crds": {"enabled": False}})


def test_a_second_release_leaves_alone_what_is_the_clusters(helm: Helm, bare: Cluster) -> None:
    """By the two values that its README names; so operators for some namespaces stand beside."""
    helm.install(CHART, "first", {"watchNamespaces": ["kube-public"]})
    second = Helm(bare.kubeconfig, "others", waits=False)
    some = {"watchNamespaces": ["default"]}
    with pytest.raises(HelmError, match="invalid ownership metadata"):
        second.install(CHART, "second", some)
    second.install(
        CHART, "second", some | {"crds": {"enabled": False}, "roles": {"enabled": False}}
    )
    second.uninstall("second")
