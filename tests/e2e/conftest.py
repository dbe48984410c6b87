"""One cluster for all end-to-end tests, with the chart installed and a shop that is open.

`--cluster` says which. Where it can't be had the tests are skipped, and the reason says what is
missing; on CI (`CI=true`) that is a failure.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chart import CHART, NAMESPACE, RELEASE
from tests.controlplane.binaries import UnavailableError
from tests.e2e.helm import Helm
from tests.e2e.shop import PLAN, Application, Shop
from tests.e2e.target import Target, target
from tests.images.build import build_all
from tests.node.traces import traces
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.kubectl import Kubectl
    from tests.node.node import Node

PATIENCE = 600  # seconds for one test, what it is the first to ask for included
WATCHING, PLANNED = Application("orders"), Application("planned", "configmap", replicas=1)
MOUNTED = Application("mounted", PLAN, replicas=1, account=False)
APPLICATIONS = (WATCHING, PLANNED, MOUNTED)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        ours = Path(__file__).parent in item.path.parents
        if ours and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="package")
def images(being_built: Future[list[Path]]) -> list[Path]:
    """The archives of the operator's image and of the example's."""
    try:
        return being_built.result()
    except UnavailableError as error:
        lack(error)
        raise


@pytest.fixture(scope="package")
def being_built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[list[Path]]]:
    """The same, while something else is done."""
    folder = tmp_path_factory.mktemp("images")
    with ThreadPoolExecutor() as background:
        yield background.submit(build_all, folder, folder)


def lack(error: UnavailableError) -> None:
    """Skip, or on CI fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


@pytest.fixture(scope="package")
def cluster(bare: Target, images: list[Path]) -> Target:
    """The cluster, with the images."""
    for archive in images:
        bare.load(archive)
    return bare


@pytest.fixture(scope="package")
def bare(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    being_built: Future[list[Path]],
) -> Iterator[Target]:
    """The cluster, which starts while the images are built."""
    folder = tmp_path_factory.mktemp("e2e")
    kind, registry = request.config.getoption("--cluster"), request.config.getoption("--images")
    before = traces(folder) if kind == "own" else {}
    with ExitStack() as stack:
        yield _enter(stack, target(kind, folder, registry))
    if kind == "own":
        wait_for(lambda: traces(folder) == before, 120, "everything to be as it was")


def _enter(stack: ExitStack, context: AbstractContextManager[Target]) -> Target:
    try:
        return stack.enter_context(context)
    except UnavailableError as error:
        lack(error)
        raise


@pytest.fixture
def node(cluster: Target) -> Iterator[Node]:
    """The node's parts, to stop and start; they are brought back afterwards."""
    if cluster.node is None:
        pytest.skip("stops parts of the node: only on CLUSTER=own")
    yield cluster.node
    cluster.node.heal()


@pytest.fixture(scope="package")
def kubectl(cluster: Target) -> Kubectl:
    """kubectl as an administrator."""
    return cluster.kubectl


@pytest.fixture(scope="package")
def helm(cluster: Target) -> Helm:
    """Helm in the operator's namespace."""
    return Helm(cluster.kubeconfig, NAMESPACE)


@pytest.fixture(scope="package")
def values(cluster: Target) -> dict[str, object]:
    """What the chart has to be told of this cluster."""
    return {"image": {"repository": f"{cluster.images}/operator"}}


@pytest.fixture(scope="package")
def installed(helm: Helm, values: dict[str, object], cluster: Target) -> Iterator[Helm]:
    """The chart, installed; a node of our own needs no tidying up."""
    helm.install(CHART, RELEASE, values)
    yield helm
    if cluster.node is None:
        helm.uninstall(RELEASE)


@pytest.fixture
def shop(opened_shop: Shop) -> Iterator[Shop]:
    """The shop, with no window but those of this test."""
    yield opened_shop
    opened_shop.clear()


@pytest.fixture(scope="package")
def opened_shop(installed: Helm, cluster: Target) -> Iterator[Shop]:
    """A shop with three applications, which serve."""
    opened = Shop(cluster.kubectl, f"{cluster.images}/orders:1")
    try:
        opened.open(*APPLICATIONS)
        opened.let_clients_in(*APPLICATIONS)
        yield opened
    finally:
        if cluster.node is None:
            opened.close()
