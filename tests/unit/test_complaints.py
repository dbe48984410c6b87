"""What is wrong with the API server is said once, with the command that mends it."""

from __future__ import annotations

import logging

import pytest

from fastapi_maintenance.backends.kubernetes.complaints import Complaints, explain, explain_write
from fastapi_maintenance.backends.kubernetes.transport import (
    ApiError,
    NoAccess,
    Silence,
    Unreachable,
)
from fastapi_maintenance.backends.kubernetes.watcher import Ear

FORBIDDEN = (
    'maintenancewindows.fastapi-maintenance.io is forbidden: User "system:serviceaccount:shop:web" '
    "cannot list resource"
)


def said(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [record.levelno for record in caplog.records]


def test_a_failure_is_logged_when_it_begins_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    complaints = Complaints("maintenancewindow")
    for port in range(3):
        complaints.complain("a", Unreachable(f"port {port}"))
    assert complaints.current == "port 2"
    for _ in range(3):
        complaints.settle("a")
    assert complaints.current is None
    assert said(caplog) == [logging.ERROR, logging.INFO]


def test_another_kind_of_failure_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints("maintenancewindow")
    for failure in (Unreachable("x"), ApiError(403, "no"), ApiError(403, "no"), ApiError(500, "")):
        complaints.complain("a", failure)
    assert said(caplog) == [logging.ERROR] * 3
    assert "what is known stays in force" in caplog.records[0].getMessage()


def test_a_server_that_is_away_is_one_kind_and_who_cannot_be_asked_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each has a mend of its own; what is silent is away."""
    complaints = Complaints("maintenancewindow")
    for failure in (Unreachable("x"), Silence("x"), NoAccess("credentials", "x"), Silence("x")):
        complaints.complain("windows", failure)
    assert said(caplog) == [logging.ERROR] * 3


def test_where_all_is_well_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Complaints("configmap").settle("a")
    assert said(caplog) == []


@pytest.mark.parametrize(
    ("failure", "source", "words"),
    [
        (Unreachable("refused"), "configmap", "can't be reached (refused), trying again"),
        (
            NoAccess("the namespace", "KUBECONFIG names /x, where no file is"),
            "configmap",
            "the namespace can't be read: KUBECONFIG names /x, where no file is, trying again",
        ),
        (ApiError(401, "Unauthorized"), "configmap", "does not accept this process's credentials"),
        (ApiError(404, "not found"), "maintenancewindow", "kubectl apply -f crds/"),
        (ApiError(404, "not found"), "configmap", "the API server answered 404: not found"),
        (ApiError(500, "etcd"), "configmap", "the API server answered 500: etcd, trying again"),
        (
            ApiError(403, FORBIDDEN),
            "maintenancewindow",
            "kubectl -n shop create rolebinding maintenance "
            "--clusterrole=fastapi-maintenance-application --serviceaccount=shop:web",
        ),
        (
            ApiError(403, f'{FORBIDDEN} "maintenancewindows" in the namespace "plans"'),
            "maintenancewindow",
            "kubectl -n plans create rolebinding maintenance "
            "--clusterrole=fastapi-maintenance-application --serviceaccount=shop:web",
        ),
        (
            ApiError(403, 'x is forbidden: User "bob" cannot list it in the namespace "shop"'),
            "maintenancewindow",
            "kubectl -n shop create rolebinding maintenance "
            "--clusterrole=fastapi-maintenance-application --user=bob",
        ),
        (ApiError(403, "policy"), "configmap", "the API server refuses it: policy"),
        (
            ApiError(404, 'namespaces "shpo" not found'),
            "maintenancewindow",
            'the API server answered 404: namespaces "shpo" not found: create it, or name another',
        ),
    ],
)
def test_a_failure_is_explained_with_its_mend(
    failure: ApiError | Unreachable, source: str, words: str
) -> None:
    assert words in explain(failure, source)


CRD = "the CRD MaintenanceWindow is not installed here"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("404 page not found", CRD),
        ('namespaces "shpo" not found', 'namespaces "shpo" not found: create it, or name another'),
        (
            'maintenancewindows.fastapi-maintenance.io "w" not found',
            'the API server answered 404: maintenancewindows.fastapi-maintenance.io "w" not found',
        ),
    ],
)
def test_what_is_not_there_is_told_apart_where_a_window_is_written(
    message: str, words: str
) -> None:
    """No CRD, no namespace, or no window."""
    said = explain_write(ApiError(404, message), of_window=True)
    assert words in said
    assert (CRD in said) is (words == CRD)


def test_each_collection_has_its_own_troubles(caplog: pytest.LogCaptureFixture) -> None:
    """A plan that may not be read is logged once, however well the switch is."""
    complaints = Complaints("configmap")
    plan, switch = Ear("plan", complaints), Ear("switch", complaints)
    for _ in range(3):
        plan.failed(ApiError(403, "no"))
        switch.healthy()
    assert len(caplog.records) == 1
    assert complaints.current == "403: no"
    assert plan.age is None
    assert switch.age is not None


@pytest.mark.parametrize("failure", [Unreachable("refused"), ApiError(500, "etcd")], ids=repr)
def test_trouble_of_the_server_is_logged_once_for_all_collections(
    failure: ApiError | Unreachable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    complaints = Complaints("configmap")
    plan, switch = Ear("plan", complaints), Ear("switch", complaints)
    for _ in range(2):
        plan.failed(failure)
        switch.failed(failure)
    plan.healthy()
    assert said(caplog) == [logging.ERROR]
    switch.healthy()
    assert said(caplog) == [logging.ERROR, logging.INFO]


def test_rights_that_are_missing_for_two_collections_are_both_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    complaints = Complaints("configmap")
    for who in ("plan", "switch", "plan"):
        complaints.complain(who, ApiError(403, f"{who} is forbidden"))
    assert len(caplog.records) == 2
