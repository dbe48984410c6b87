"""One manifest means the same by whichever way it comes: cluster, plan, file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from fastapi_maintenance.backends.file_folder import load_windows
from fastapi_maintenance.backends.kubernetes.identity import find_identity
from fastapi_maintenance.backends.kubernetes.sharing import join, leave
from fastapi_maintenance.backends.kubernetes.views import View
from fastapi_maintenance.backends.kubernetes.watcher import Target
from fastapi_maintenance.windows import Window, parse_manifest
from tests.cluster.test_operator import plan
from tests.cluster.windows import wait_for_condition
from tests.decisions import decisions, random_manifests
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane.identity import Identity, ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

ROLE = "fastapi-maintenance-application"
SEED = 20261121
MOST = 16
INSTANTS = 1000


@pytest.fixture
def identity(service_account: ServiceAccounts) -> Identity:
    return service_account("orders", cluster_role=ROLE)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def manifests(kubectl: Kubectl, namespace: str, now: datetime) -> list[dict[str, Any]]:
    """Windows of all kinds, which stand in the cluster too."""
    random = Random(SEED)
    items = random_manifests(random, namespace, now, MOST)
    while len(items) < MOST:  # enough of them to overlap
        items = random_manifests(random, namespace, now, MOST)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl("apply", "-f", "-", input=text)
    return items


@pytest.fixture
def written(manifests: list[dict[str, Any]]) -> list[Window]:
    return [parse_manifest(manifest) for manifest in manifests]


def watched(identity: Identity, source: str, objects: int) -> Iterator[tuple[Window, ...]]:
    """The windows that a process gets to know, once it knows so many."""
    found = find_identity(None, str(identity.kubeconfig))
    assert found is not None
    target, view = Target(found, source, identity.namespace), View("orders")
    watcher = join(target, view)

    def known() -> tuple[Window, ...]:
        windows = view.timeline.windows if view.timeline else ()
        return windows if len(windows) == objects else ()

    try:
        yield wait_for(known, what=f"{objects} windows")
    finally:
        leave(target, watcher, view)


@pytest.fixture
def decided(written: list[Window], now: datetime) -> dict[datetime, Any]:
    """What they decide at random instants of the next seven days."""
    random = Random(SEED)
    instants = [now + random.random() * timedelta(days=7) for _ in range(INSTANTS)]
    return {instant: decisions(written, "orders", instant) for instant in instants}


def check(windows: tuple[Window, ...], decided: dict[datetime, Any]) -> None:
    """The same decisions."""
    for instant, expected in decided.items():
        assert decisions(windows, "orders", instant) == expected


def test_from_the_cluster_by_a_watch(
    identity: Identity, written: list[Window], decided: dict[datetime, Any]
) -> None:
    for windows in watched(identity, "maintenancewindow", len(written)):
        check(windows, decided)


def test_from_the_cluster_by_the_operators_plan(
    kubectl: Kubectl,
    identity: Identity,
    written: list[Window],
    decided: dict[datetime, Any],
    operator: Operator,
) -> None:
    for window in written:
        wait_for_condition(kubectl, window.name, window.namespace, "Ready")
    active = [window for window in written if not window.suspend]
    for windows in watched(identity, "configmap", len(active)):
        check(windows, decided)


def test_from_the_plan_in_a_mounted_file(
    kubectl: Kubectl,
    written: list[Window],
    decided: dict[datetime, Any],
    tmp_path: Path,
    operator: Operator,
) -> None:
    for window in written:
        wait_for_condition(kubectl, window.name, window.namespace, "Ready")
    namespace = written[0].namespace
    command = ("get", "configmap", "fastapi-maintenance-plan", "-n", namespace, "-o", "json")
    (tmp_path / "windows.json").write_text(
        json.loads(kubectl(*command).stdout)["data"]["windows.json"]
    )
    found = load_windows(str(tmp_path))
    assert len(found.planned) == len(plan(kubectl, namespace))
    check(found.windows, decided)


def test_from_a_file_as_kubectl_would_apply_it(
    kubectl: Kubectl,
    namespace: str,
    manifests: list[dict[str, Any]],
    decided: dict[datetime, Any],
    tmp_path: Path,
) -> None:
    """As it was written, and as the cluster gives it back."""
    (tmp_path / "written.yaml").write_text("\n---\n".join(json.dumps(m) for m in manifests))
    check(load_windows(str(tmp_path / "written.yaml")).windows, decided)
    for form in ("yaml", "json"):
        given = kubectl("get", "mw", "-n", namespace, "-o", form).stdout
        (tmp_path / f"given.{form}").write_text(given)
        check(load_windows(str(tmp_path / f"given.{form}")).windows, decided)
