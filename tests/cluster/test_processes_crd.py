"""What the API server makes of a MaintenanceProcess."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fastapi_maintenance.backends.kubernetes.process import Life, Pod, Report, Self, new_object
from tests.unit.making import at
from tests.unit.test_process_object import NOW, WHO, WINDOW

if TYPE_CHECKING:
    from tests.controlplane.kubectl import Kubectl

Spec = dict[str, Any]


def made(name: str = "mp-1", who: Self = WHO, report: Report = Report((WINDOW,))) -> str:  # noqa: B008
    """A process's object, as JSON."""
    return json.dumps(new_object(name, who, report, NOW))


def test_it_is_stored_as_it_was_written(kubectl: Kubectl, namespace: str) -> None:
    """Nothing is dropped, nothing added."""
    kept = kubectl("-n", namespace, "create", "-o", "json", "-f", "-", input=made())
    assert json.loads(kept.stdout)["spec"] == json.loads(made())["spec"]


def test_kubectl_get_mp_shows_who_holds_a_drain(kubectl: Kubectl, namespace: str) -> None:
    """Pod, app, whether it enforces, how many run, and for how long the oldest has."""
    kubectl("-n", namespace, "create", "-f", "-", input=made())
    idle = new_object("mp-2", Self(None), Report(), NOW)
    kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(idle))
    header, busy, quiet = kubectl("-n", namespace, "get", "mp").stdout.splitlines()
    columns = ["NAME", "POD", "APP", "ENFORCING", "INFLIGHT", "OLDEST", "AGE"]
    assert header.split() == columns
    assert busy.split()[:5] == ["mp-1", "orders-1", "orders", "true", "6"]
    assert len(quiet.split()) == 2  # a name and an age


@pytest.mark.parametrize("selector", ["spec.app=orders", "spec.pod.name=orders-1"])
def test_processes_are_found_by_app_and_by_pod(
    kubectl: Kubectl, namespace: str, selector: str
) -> None:
    """Without reading those of everybody else."""
    other = Self("billing", Pod("billing-1", "q"), Life(8, 1, "pid:[1]"))
    for given in (made(), made("mp-2", other)):
        kubectl("-n", namespace, "create", "-f", "-", input=given)
    found = kubectl("-n", namespace, "get", "mp", "-o", "name", "--field-selector", selector)
    assert found.stdout.split() == ["maintenanceprocess.fastapi-maintenance.io/mp-1"]


def drop(name: str) -> Callable[[Spec], object]:
    return lambda spec: spec["windows"][0].pop(name)


REFUSED: dict[str, tuple[Callable[[Spec], object], str]] = {
    "enforcing what": (drop("scope"), "say scope and occurrence"),
    "enforcing when": (drop("occurrence"), "say scope and occurrence"),
    "not enforcing, without a reason": (
        lambda spec: spec["windows"][0].update(enforcing=False),
        "a reason says why a window is not enforced",
    ),
    "enforcing, with a reason": (
        lambda spec: spec["windows"][0].update(reason="Why"),
        "a reason says why a window is not enforced",
    ),
    "a reason of several words": (
        lambda spec: spec["windows"][0].update(enforcing=False, reason="for fun"),
        "reason is not one word in CamelCase",
    ),
    "an end before the start": (
        lambda spec: spec["windows"][0].update(until="2026-06-01T10:00:00Z"),
        "an occurrence ends after its start",
    ),
    "more that run than are counted": (
        lambda spec: spec["windows"][0].update(inFlight=4),
        "there are more requests in oldest than in flight",
    ),
    "one window twice": (
        lambda spec: spec["windows"].append(spec["windows"][0]),
        "Duplicate value",
    ),
    "no heartbeat": (lambda spec: spec.pop("heartbeatSeconds"), "Required value"),
    "six of the oldest": (
        lambda spec: spec["windows"][0]["oldest"].append(spec["windows"][0]["oldest"][0]),
        "must have at most 5 items",
    ),
}


@pytest.mark.parametrize("fact", REFUSED)
def test_what_would_mislead_is_refused(kubectl: Kubectl, fact: str) -> None:
    change, says = REFUSED[fact]
    item = json.loads(made())
    change(item["spec"])
    create = ("create", "--dry-run=server", "-f", "-")
    assert says in kubectl(*create, input=json.dumps(item), check=False).stderr


@pytest.mark.parametrize(
    "patch",
    [{"app": "billing"}, {"app": None}, {"pod": {"uid": "q"}}, {"process": {"pid": 8}}],
    ids=["app", "no app", "pod", "process"],
)
def test_an_object_is_about_one_process_for_good(
    kubectl: Kubectl, namespace: str, patch: Spec
) -> None:
    """R3: what acknowledged for one process never comes to stand for another."""
    kubectl("-n", namespace, "create", "-f", "-", input=made())
    change = ("patch", "mp", "mp-1", "--type=merge", "-p", json.dumps({"spec": patch}))
    assert "one process for good" in kubectl("-n", namespace, *change, check=False).stderr


def test_a_patch_replaces_all_windows(kubectl: Kubectl, namespace: str) -> None:
    """A window that is open no more does not linger in the map."""
    kubectl("-n", namespace, "create", "-f", "-", input=made())
    other = replace(WINDOW, uid="v", occurrence=at("2026-06-01T11:30Z"))
    windows = json.loads(made(report=Report((other,))))["spec"]["windows"]
    patch = json.dumps({"spec": {"windows": windows}})
    change = ("patch", "mp", "mp-1", "--type=merge", "-o", "json", "-p", patch)
    patched = json.loads(kubectl("-n", namespace, *change).stdout)
    assert [window["uid"] for window in patched["spec"]["windows"]] == ["v"]
