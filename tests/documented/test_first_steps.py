"""First steps, decorators, configured backends and what wins over what."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from fastapi_maintenance import (
    MaintenanceModeMiddleware,
    configure_backend,
    force_maintenance_mode_off,
    force_maintenance_mode_on,
    get_maintenance_mode,
    maintenance_mode_on,
    set_maintenance_mode,
)
from fastapi_maintenance.backends import EnvVarBackend, LocalFileBackend

DETAIL = {"detail": "Service temporarily unavailable due to maintenance"}


def bookshop() -> FastAPI:
    app = FastAPI()

    @app.get("/books")
    async def books() -> list[str]:
        return ["Middlemarch"]

    @app.get("/authors")
    def authors() -> list[str]:
        return ["Eliot"]

    return app


def test_the_middleware_alone_changes_nothing() -> None:
    app = bookshop()
    app.add_middleware(MaintenanceModeMiddleware)
    client = TestClient(app)
    assert client.get("/books").json() == ["Middlemarch"]
    assert client.get("/authors").json() == ["Eliot"]


def test_enabled_by_an_argument_everything_is_refused_as_documented() -> None:
    app = bookshop()
    app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True)
    client = TestClient(app)
    for path in ("/books", "/authors"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (503, DETAIL)
        assert answer.headers["Retry-After"] == "3600"
        assert answer.headers["Content-Type"] == "application/json"
    assert client.get("/nothing").status_code == 404
    assert client.post("/books").status_code == 405
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(("word", "status"), [("1", 503), ("yes", 503), ("off", 200), ("", 200)])
def test_enabled_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, word: str, status: int
) -> None:
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", word)
    app = bookshop()
    app.add_middleware(MaintenanceModeMiddleware)
    assert TestClient(app).get("/books").status_code == status


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_MAINTENANCE_MODE", "1")
    app = bookshop()
    app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=False)
    assert TestClient(app).get("/books").status_code == 200


def test_a_variable_of_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKSHOP_CLOSED", "on")
    app = bookshop()
    app.add_middleware(MaintenanceModeMiddleware, backend=EnvVarBackend(var_name="BOOKSHOP_CLOSED"))
    assert TestClient(app).get("/books").status_code == 503


def controlled(app: FastAPI) -> FastAPI:
    """With endpoints that turn maintenance on and off, and are always open."""

    @app.post("/admin/{word}")
    @force_maintenance_mode_off
    async def turn(word: str) -> dict[str, bool]:
        await set_maintenance_mode(word == "close")
        return {"closed": await get_maintenance_mode()}

    @app.get("/admin")
    @force_maintenance_mode_off
    async def ask() -> dict[str, bool]:
        return {"closed": await get_maintenance_mode()}

    return app


def turns_on_and_off(client: TestClient) -> None:
    assert client.get("/admin").json() == {"closed": False}
    assert client.post("/admin/close").json() == {"closed": True}
    assert client.get("/books").status_code == 503
    assert client.get("/admin").json() == {"closed": True}
    assert client.post("/admin/open").json() == {"closed": False}
    assert client.get("/books").status_code == 200


def test_endpoints_that_control_a_file(tmp_path: Path) -> None:
    app = controlled(bookshop())
    file = str(tmp_path / "maintenance.txt")
    app.add_middleware(MaintenanceModeMiddleware, backend=LocalFileBackend(file_path=file))
    turns_on_and_off(TestClient(app))


def test_endpoints_that_control_a_configured_file(tmp_path: Path) -> None:
    configure_backend("file", file_path=str(tmp_path / "maintenance.txt"))
    app = controlled(bookshop())
    app.add_middleware(MaintenanceModeMiddleware)
    turns_on_and_off(TestClient(app))


def test_a_file_that_says_so_survives_a_restart(tmp_path: Path) -> None:
    file = str(tmp_path / "maintenance.txt")
    for status in (200, 503):
        app = controlled(bookshop())
        app.add_middleware(MaintenanceModeMiddleware, backend=LocalFileBackend(file_path=file))
        client = TestClient(app)
        assert client.get("/books").status_code == status
        client.post("/admin/close")


@pytest.mark.parametrize("closed", [True, False])
def test_routes_that_are_always_open_or_never(closed: bool) -> None:
    app = bookshop()

    @app.get("/health")
    @force_maintenance_mode_off
    async def health() -> str:
        return "well"

    @app.get("/beta")
    @force_maintenance_mode_on
    def beta() -> str:
        raise AssertionError("never called")

    app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=closed)
    client = TestClient(app)
    assert client.get("/health").json() == "well"
    refused = client.get("/beta")
    assert (refused.status_code, refused.json()) == (503, DETAIL)
    assert client.get("/books").status_code == (503 if closed else 200)


@pytest.mark.anyio
async def test_what_wins_over_what() -> None:
    """Forced on, forced off, exempt, a block, and then the rest."""
    app = bookshop()
    app.get("/never")(force_maintenance_mode_on(lambda: "never"))
    app.get("/ever")(force_maintenance_mode_off(lambda: "ever"))

    def is_exempt(request: Request) -> bool:
        return request.headers.get("X-Staff") == "yes"

    app.add_middleware(MaintenanceModeMiddleware, exempt_handler=is_exempt)
    client, staff = TestClient(app), {"X-Staff": "yes"}
    client.get("/books")
    async with maintenance_mode_on():
        assert client.get("/never", headers=staff).status_code == 503
        assert client.get("/ever").status_code == 200
        assert client.get("/books", headers=staff).status_code == 200
        assert client.get("/books").status_code == 503
    assert client.get("/books").status_code == 200
    assert client.get("/never", headers=staff).status_code == 503
