"""The main job: a user applies a window, and every application process refuses until it ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from fastapi_maintenance.windows import format_instant
from tests.cluster.application import Application
from tests.cluster.windows import apply_window, in_seconds, reasons, wait_for_condition
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane.cluster import ControlPlane
    from tests.controlplane.identity import ServiceAccounts
    from tests.controlplane.install import Operator
    from tests.controlplane.kubectl import Kubectl

ROLE = "fastapi-maintenance-application"
PAST = "2026-01-01T00:00:00Z"


@pytest.fixture
def app(service_account: ServiceAccounts, tmp_path: Path) -> Iterator[Application]:
    """The application, under the chart's role."""
    application = Application(service_account("orders", cluster_role=ROLE), tmp_path / "app.log")
    application.start()
    yield application
    application.stop()


@pytest.fixture
def plan_app(service_account: ServiceAccounts, tmp_path: Path) -> Iterator[Application]:
    """The same application, following ConfigMaps only."""
    identity = service_account("orders", cluster_role=ROLE)
    application = Application(identity, tmp_path / "app.log", source="configmap")
    application.start()
    yield application
    application.stop()


def await_announced(app: Application, start: datetime) -> None:
    """Wait until the application knows of a window that is to open then."""
    told = f"starts={format_instant(start)}"
    wait_for(lambda: told in app.get().headers.get("X-Maintenance", ""), what=told)
    assert datetime.now(UTC) < start, "it was too late to be of use"


def test_apply_refuses_and_delete_serves(
    kubectl: Kubectl, namespace: str, app: Application
) -> None:
    """`kubectl apply` is a 503 with its reason, `kubectl delete` a 200; probes pass throughout."""
    assert app.get().status_code == 200
    apply_window(kubectl, "upgrade", namespace, start=PAST, response={"message": "Back soon"})
    refused = app.wait_for_code(503)
    assert refused.json() == {"detail": "Back soon"}
    assert refused.headers["X-Maintenance"] == f"window={namespace}/upgrade"
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Retry-After"] == "3600"
    assert app.client.get("/healthz").status_code == 200
    kubectl("delete", "mw", "upgrade", "-n", namespace)
    app.wait_for_code(200)


def test_a_read_only_window_refuses_writes_alone(
    kubectl: Kubectl, namespace: str, app: Application
) -> None:
    apply_window(kubectl, "upgrade", namespace, start=PAST, mode="ReadOnly")
    wait_for(lambda: app.client.post("/orders").status_code == 503, what="writes to be refused")
    assert app.get().status_code == 200


def test_a_window_for_another_app_is_nothing_to_this_one(
    kubectl: Kubectl, namespace: str, app: Application
) -> None:
    """Shown by a later window that does concern it: events come in order."""
    apply_window(kubectl, "other", namespace, apps=["payments"], start=PAST)
    apply_window(kubectl, "mine", namespace, apps=["ord*"], start=PAST)
    assert app.wait_for_code(503).headers["X-Maintenance"] == f"window={namespace}/mine"


def test_a_scheduled_window_opens_and_closes_by_itself(
    kubectl: Kubectl, namespace: str, app: Application, operator: Operator
) -> None:
    """No answer contradicts the window's own times, and the operator tells of both edges once."""
    start, end = in_seconds(12), in_seconds(15)
    apply_window(kubectl, "upgrade", namespace, start=start, end=end, announceBefore="1h")
    await_announced(app, start)
    wait_for_condition(kubectl, "upgrade", namespace, "Ready")
    answers = list(app.ask_until(lambda a: a.asked > end.timestamp()))
    wrong = [a for a in answers if a.contradicts(start.timestamp(), end.timestamp())]
    assert not wrong
    assert {a.code for a in answers} == {200, 503}
    wait_for_condition(kubectl, "upgrade", namespace, "Active=false")
    assert reasons(kubectl, namespace) == ["WindowClosed", "WindowOpened"]


def test_the_plan_refuses_as_the_windows_do(
    kubectl: Kubectl, namespace: str, plan_app: Application, operator: Operator
) -> None:
    """An application that may read ConfigMaps only follows the operator's plan."""
    apply_window(
        kubectl,
        "every-minute",
        namespace,
        schedule="*/30 * * * *",
        duration="1h",
        timeZone="Europe/Berlin",
    )
    refused = plan_app.wait_for_code(503)
    assert refused.headers["X-Maintenance"] == f"window={namespace}/every-minute"
    kubectl("delete", "mw", "every-minute", "-n", namespace)
    plan_app.wait_for_code(200)


@pytest.mark.owns_control_plane
def test_a_window_is_kept_to_while_the_api_server_is_down(
    kubectl: Kubectl, namespace: str, app: Application, control_plane: ControlPlane
) -> None:
    """What is known opens and closes on time; what is new is learnt when the server is back."""
    start, end = in_seconds(12), in_seconds(15)
    apply_window(kubectl, "upgrade", namespace, start=start, end=end, announceBefore="1h")
    await_announced(app, start)
    control_plane.apiserver.kill()
    answers = list(app.ask_until(lambda a: a.asked > end.timestamp()))
    assert not [a for a in answers if a.contradicts(start.timestamp(), end.timestamp())]
    assert 503 in {a.code for a in answers}
    control_plane.apiserver.start()
    apply_window(kubectl, "later", namespace, start=PAST)
    app.wait_for_code(503, timeout=120)
    assert app.output().count("can't be reached") == 1
