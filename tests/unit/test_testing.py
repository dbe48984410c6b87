"""`fastapi_maintenance.testing`: maintenance in users' own tests, whatever backend there is."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient

from fastapi_maintenance import (
    EnvVarBackend,
    K8sBackend,
    MaintenanceModeMiddleware,
    get_maintenance_mode,
    needs,
)
from fastapi_maintenance.testing import maintenance
from fastapi_maintenance.windows import (
    InvalidWindow,
    Opening,
    load_documents,
    make_plan,
    parse_manifest,
    switched,
)
from tests.unit.gated import shop, status
from tests.unit.making import Held

MANIFEST = """
apiVersion: fastapi-maintenance.io/v1alpha1
kind: MaintenanceWindow
metadata: {name: night, namespace: shop}
spec:
  apps: [orders]
  schedule: "0 2 * * *"
  duration: 1h
  timeZone: Europe/Berlin
"""


@pytest.mark.parametrize(
    "options",
    [
        {"backend": EnvVarBackend("NO_SUCH_VARIABLE")},
        {"backend": K8sBackend("orders")},
        {"backend": [Held(), Held()]},
        {"enable_maintenance": False},
        {"enable_maintenance": True},
    ],
    ids=["env", "kubernetes", "several", "never", "always"],
)
def test_on_and_off_work_with_every_backend(options: dict[str, Any]) -> None:
    app = shop(**options)
    with maintenance.on(app):
        assert status(app) == 503
        with maintenance.off(app):
            assert status(app) == 200
        assert status(app) == 503
    with maintenance.off(app):
        assert status(app) == 200


def test_afterwards_everything_is_as_before() -> None:
    app = shop(backend=Held())
    with pytest.raises(ZeroDivisionError), maintenance.on(app):
        raise ZeroDivisionError
    assert status(app) == 200


def test_a_cluster_is_not_asked() -> None:
    """No thread, also where the application is started with its lifespan."""

    class Cluster(Held):
        ready = False

        async def wait_until_ready(self) -> None:
            raise AssertionError("asked")

        def close(self) -> None:
            raise AssertionError("closed, but never begun")

    app = shop(backend=Cluster())
    before = set(threading.enumerate())
    with maintenance.on(app), TestClient(app) as client:
        assert client.get("/orders").status_code == 503
        assert {t.name for t in set(threading.enumerate()) - before} <= {"asyncio-portal-%x"} | {
            t.name for t in threading.enumerate() if "portal" in t.name or "AnyIO" in t.name
        }


def test_a_window_is_narrowed_as_manifests_narrow_it() -> None:
    app = shop(backend=Held())
    app.post("/export", dependencies=[Depends(needs("orders-db"))])(lambda: "a file")
    with maintenance.window(app, mode="ReadOnly"):
        assert (status(app), status(app, method="POST")) == (200, 503)
    with maintenance.window(app, paths=["/orders/*"], methods=["POST"]):
        assert status(app, "/orders/1", "POST") == 503
        assert status(app, "/orders/1") == 200
        assert status(app, "/export", "POST") == 200
    with maintenance.window(app, dependencies=["orders-db"], message="Back soon"):
        assert status(app, "/orders", "POST") == 200
        answer = TestClient(app).post("/export")
    assert answer.json() == {"detail": "Back soon"}
    assert answer.headers["X-Maintenance"] == "window=test/test"


def test_a_window_lets_health_checks_pass() -> None:
    app = shop(backend=Held())
    with maintenance.window(app):
        assert status(app, "/healthz") == 200


@pytest.mark.parametrize(
    ("at", "expected", "retry_after"),
    [
        ("2026-03-29T00:59:59+00:00", 200, None),
        ("2026-03-29T01:00:00+00:00", 503, "3600"),
        ("2026-03-29T01:30:00+00:00", 503, "1800"),
        ("2026-03-29T02:00:00+00:00", 200, None),
    ],
)
def test_a_manifest_holds_at_an_instant(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    expected: int,
    retry_after: str | None,
) -> None:
    """The night on which 02:00 does not exist: the window opens when the gap ends."""
    monkeypatch.setenv("FASTAPI_MAINTENANCE_APP", "orders")
    (tmp_path / "night.yaml").write_text(MANIFEST)
    app = shop(backend=Held())
    with maintenance.manifest(app, tmp_path / "night.yaml", at=at):
        answer = TestClient(app).get("/orders")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (expected, retry_after)


def test_a_manifest_for_another_app_refuses_nothing(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text(MANIFEST)
    app = shop(backend=K8sBackend("stock"))
    with maintenance.manifest(app, tmp_path / "night.yaml", at="2026-03-29T01:30:00+00:00"):
        assert status(app) == 200


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text(MANIFEST.replace("duration", "durration"))
    app = shop(backend=Held())
    with pytest.raises(InvalidWindow, match="durration"):
        maintenance.manifest(app, tmp_path / "night.yaml", at="2026-03-29T01:30:00Z")
    with pytest.raises(ValueError, match="no zone"):
        maintenance.manifest(app, tmp_path / "night.yaml", at="2026-03-29T01:30:00")
    with (
        pytest.raises(LookupError, match="no MaintenanceModeMiddleware"),
        maintenance.on(FastAPI()),
    ):
        pass


def test_applications_that_are_mounted_or_wrapped_are_found() -> None:
    inner, outer = shop(backend=Held()), FastAPI()
    outer.mount("/stock", inner)
    with maintenance.on(outer):
        assert status(outer, "/stock/orders") == 503
    bare = FastAPI()
    bare.get("/orders")(lambda: "a book")
    around = MaintenanceModeMiddleware(bare, backend=Held())
    with maintenance.on(around):
        assert status(around) == 503


def test_a_mount_in_an_included_router_is_found() -> None:
    router, outer = APIRouter(), FastAPI()
    router.mount("/stock", shop(backend=Held()))
    outer.include_router(router)
    with maintenance.on(outer):
        assert status(outer, "/stock/orders") == 503


def test_code_of_the_application_sees_it() -> None:
    app = shop(backend=Held(switched(Opening())))

    @app.get("/healthz/mode")
    async def mode() -> bool:
        return await get_maintenance_mode()

    with maintenance.off(app):
        assert TestClient(app).get("/healthz/mode").json() is False


def test_a_folder_of_manifests_or_a_plan_is_read_as_the_backend_reads_it(tmp_path: Path) -> None:
    (tmp_path / "night.yaml").write_text(MANIFEST)
    (tmp_path / "README.md").write_text("nothing: [to see")
    app = shop(backend=K8sBackend("orders"))
    instant = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with maintenance.manifest(app, tmp_path, at=instant):
        assert status(app) == 503
    plan, _ = make_plan([parse_manifest(*load_documents(MANIFEST))], instant)
    (tmp_path / "windows.json").write_text(plan)
    with maintenance.manifest(app, tmp_path / "windows.json", at=instant):
        assert status(app) == 503
    with pytest.raises(InvalidWindow, match=r"shop/night stands in night\.yaml already"):
        maintenance.manifest(app, tmp_path, at=instant)
    with pytest.raises(FileNotFoundError):
        maintenance.manifest(app, tmp_path / "noon.yaml", at=instant)
