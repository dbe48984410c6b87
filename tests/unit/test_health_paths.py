"""Health checks pass while a window refuses the rest: failing them would restart the Pods."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from fastapi_maintenance import EnvVarBackend, LocalFileBackend, MaintenanceModeMiddleware
from fastapi_maintenance.middleware import HEALTH_PATHS
from fastapi_maintenance.windows import Opening, State, covers, switched
from tests.unit.making import Held, open_since_2026

WINDOW = open_since_2026()
PUBLISHED = (
    "/healthz", "/livez", "/readyz", "/health", "/health/db", "/health/a/b", "/live", "/ready",
    "/ping", "/metrics",
)  # fmt: skip


def serving(state: State, health_paths: tuple[str, ...] | None = None) -> TestClient:
    """An application that answers 200 to everything its gate lets pass."""
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, backend=Held(state), health_paths=health_paths)
    methods = ["GET", "HEAD", "POST", "OPTIONS"]

    @app.api_route("/{path:path}", methods=methods)
    def answer(request: Request) -> str:
        return request.url.path

    return TestClient(app)


@pytest.mark.parametrize("path", PUBLISHED)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_checks_pass_while_a_window_is_open(path: str, method: str) -> None:
    assert serving(WINDOW).request(method, path).status_code == 200


@pytest.mark.parametrize("path", ["/healthz/", "/Healthz", "/api/healthz", "/healthy", "/"])
def test_what_is_only_like_a_health_path_is_refused(path: str) -> None:
    assert serving(WINDOW).get(path).status_code == 503


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_only_reading_is_a_health_check(method: str) -> None:
    assert serving(WINDOW).request(method, "/healthz").status_code == 503


@pytest.mark.parametrize("path", PUBLISHED)
def test_a_switch_of_the_process_itself_exempts_nothing(path: str) -> None:
    assert serving(switched(Opening())).get(path).status_code == 503


def test_a_switch_may_let_health_checks_pass() -> None:
    """As the switch of a cluster does."""
    assert serving(switched(Opening(probes_pass=True))).get("/healthz").status_code == 200


def test_neither_the_variable_nor_a_word_in_a_file_exempts_health_checks(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "on")
    path = tmp_path_factory.mktemp("switch") / "on"
    path.write_text("on")
    for backend in (EnvVarBackend(), LocalFileBackend(path)):
        refusal = backend.state().reads
        assert refusal is not None
        assert not refusal.opening.probes_pass


def test_health_paths_may_be_others() -> None:
    client = serving(WINDOW, ("/internal/*",))
    assert client.get("/internal/up").status_code == 200
    assert client.get("/internal").status_code == 200
    assert client.get("/healthz").status_code == 503


def test_without_health_paths_nothing_is_exempt() -> None:
    assert serving(WINDOW, ()).get("/healthz").status_code == 503


@pytest.mark.parametrize(
    ("root_path", "path", "status"),
    [
        ("/api", "/api/healthz", 200),
        ("/api/", "/api//healthz", 200),  # what uvicorn makes of /healthz
        ("/api/", "/api/healthz", 503),  # which is another route then
        ("/api", "/healthz", 200),
        ("/api", "/apihealthz", 503),
        ("/healthz", "/healthz/orders", 503),
        ("", "/%68ealthz", 200),
    ],
)
def test_a_health_path_is_the_decoded_path_below_the_root_path(
    root_path: str, path: str, status: int
) -> None:
    """Servers differ in whether the path that they give begins with the root path."""
    client = TestClient(serving(WINDOW).app, root_path=root_path)
    assert client.get(path).status_code == status


def test_a_mounted_application_knows_its_health_paths_below_its_mount() -> None:
    outer = FastAPI()
    outer.mount("/stock", serving(WINDOW).app)
    client = TestClient(outer)
    assert client.get("/stock/healthz").status_code == 200
    assert client.get("/stock/books").status_code == 503


@pytest.mark.parametrize(
    ("patterns", "path", "covered"),
    [
        (("/a/*",), "/a", True),
        (("/a/*",), "/a/", True),
        (("/a/*",), "/a/b/c", True),
        (("/a/*",), "/ab", False),
        (("*",), "/", True),
        (("/a.b",), "/axb", False),
        (("/*/b",), "/x/y/b", True),
        (("/a*",), "/a\nb", True),
        ((), "/", False),
    ],
)
def test_a_star_is_any_run_of_characters(
    patterns: tuple[str, ...], path: str, covered: bool
) -> None:
    assert covers(patterns, path) is covered


def test_the_paths_that_pass_are_the_published_ones() -> None:
    assert {path.replace("/db", "/*") for path in PUBLISHED} - {"/health/a/b"} == set(HEALTH_PATHS)
