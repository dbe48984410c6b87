"""Documented exemptions and responses, in every shape that a handler may have."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.testclient import TestClient

from fastapi_maintenance import MaintenanceModeMiddleware


def closed(**options: Any) -> TestClient:
    app = FastAPI()
    app.add_middleware(MaintenanceModeMiddleware, enable_maintenance=True, **options)
    for path in ("/v1/books", "/v2/books", "/health", "/health/db"):
        app.get(path)(lambda: "served")
        app.post(path)(lambda: "served")
    return TestClient(app, follow_redirects=False)


def test_health_and_a_key_are_exempt() -> None:
    def is_exempt(request: Request) -> bool:
        return request.url.path.startswith("/health") or request.headers.get("X-Key") == "admin"

    client = closed(exempt_handler=is_exempt)
    for path in ("/health", "/health/db", "/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 200, path
    assert client.get("/v1/books").status_code == 503
    assert client.get("/v1/books", headers={"X-Key": "admin"}).status_code == 200
    assert client.get("/v1/books", headers={"X-Key": "wrong"}).status_code == 503


def test_an_address_is_exempt() -> None:
    def is_local(request: Request) -> bool:
        return request.client is not None and request.client.host.startswith("10.")

    client = closed(exempt_handler=is_local)
    assert client.get("/v1/books").status_code == 503
    inside = TestClient(client.app, client=("10.1.2.3", 5000))
    assert inside.get("/v1/books").status_code == 200


def test_a_user_is_looked_up() -> None:
    async def is_admin(request: Request) -> bool:
        users = {"1": "admin", "2": "reader"}
        return users.get(request.headers.get("X-User-ID", "")) == "admin"

    client = closed(exempt_handler=is_admin)
    assert client.get("/v1/books", headers={"X-User-ID": "1"}).status_code == 200
    assert client.get("/v1/books", headers={"X-User-ID": "2"}).status_code == 503


def test_reads_are_exempt() -> None:
    client = closed(exempt_handler=lambda request: request.method in ("GET", "HEAD"))
    assert client.get("/v1/books").status_code == 200
    assert client.post("/v1/books").status_code == 503


def test_an_answer_of_ones_own() -> None:
    def answer(request: Request) -> JSONResponse:
        return JSONResponse({"error": "closed"}, 503, headers={"Retry-After": "600"})

    refused = closed(response_handler=answer).get("/v1/books")
    assert (refused.status_code, refused.json()) == (503, {"error": "closed"})
    assert refused.headers["Retry-After"] == "600"


def test_a_page_of_ones_own() -> None:
    page = "<!DOCTYPE html><h1>Closed</h1>"
    client = closed(response_handler=lambda request: HTMLResponse(page, 503))
    refused = client.get("/v1/books")
    assert (refused.status_code, refused.text) == (503, page)
    assert refused.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("text/html", "<h1>Closed"), ("text/plain", "Closed"), ("*/*", '{"status":"closed"}')],
)
def test_as_the_client_accepts_it(accept: str, expected: str) -> None:
    def negotiated(request: Request) -> Response:
        accepted = request.headers.get("accept", "")
        if "text/html" in accepted:
            return HTMLResponse("<h1>Closed", 503)
        if "text/plain" in accepted:
            return PlainTextResponse("Closed", 503)
        return JSONResponse({"status": "closed"}, 503)

    client = closed(response_handler=negotiated)
    assert client.get("/v1/books", headers={"Accept": accept}).text == expected


def test_as_the_path_says() -> None:
    def by_path(request: Request) -> JSONResponse:
        return JSONResponse({"use": "/v2"} if request.url.path.startswith("/v1") else {}, 503)

    client = closed(response_handler=by_path)
    assert client.get("/v1/books").json() == {"use": "/v2"}
    assert client.get("/v2/books").json() == {}


def test_what_an_async_handler_has_found_out() -> None:
    async def ask() -> str:
        return "at noon"

    async def answer(request: Request) -> JSONResponse:
        return JSONResponse({"back": await ask()}, 503)

    assert closed(response_handler=answer).get("/v1/books").json() == {"back": "at noon"}


def test_a_redirect_to_a_status_page() -> None:
    there = "https://status.example"
    refused = closed(response_handler=lambda request: RedirectResponse(there)).get("/v1/books")
    assert (refused.status_code, refused.headers["Location"]) == (307, there)


def test_a_file(tmp_path: Any) -> None:
    page = tmp_path / "closed.html"
    page.write_text("closed")
    refused = closed(response_handler=lambda request: FileResponse(page, 503)).get("/v1/books")
    assert (refused.status_code, refused.text) == (503, "closed")
